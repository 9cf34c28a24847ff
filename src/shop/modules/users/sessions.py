"""Logging in, staying logged in, logging out."""

from uuid import UUID

from msgspec import Struct

from shop.kit.database import Database
from shop.kit.secrets import Keyring
from shop.kit.tokens import LIFETIME, Signer
from shop.modules.users.domain import GRACE, InvalidCredentials, SessionEnded, User, fingerprint, new_refresh_token, successor
from shop.modules.users.passwords import Passwords
from shop.modules.users.store import UsersStore
from shop.modules.users.throttling import Guess


class Tokens(Struct, frozen=True):
    """What a client holds: an access token for `expires_in` seconds and a refresh token for the next one."""

    access_token: str
    refresh_token: str
    expires_in: int = int(LIFETIME.total_seconds())
    token_type: str = "Bearer"  # noqa: S105


class Sessions:
    """A session is a family of refresh tokens, each made from the one before; it ends as a whole."""

    def __init__(self, database: Database[UsersStore], passwords: Passwords, keyring: Keyring, signer: Signer) -> None:
        """Keep sessions in this database and sign their access tokens."""
        self._database = database
        self._passwords = passwords
        self._keyring = keyring
        self._signer = signer

    async def login(self, email: str, password: str, address: str) -> Tokens:
        """Begin a session; raises InvalidCredentials, TooManyGuesses. `address` is the client's IP address.

        Whoever guesses in parallel learns no more: a guess is admitted again after it was checked, when all others have been counted.
        """
        guess = Guess.of(await self._keyring.key("throttles"), email, address)
        async with self._database.read() as store:
            guess.admit(await store.wrong_guesses((guess.account, guess.address)), await store.now())
            user = await store.user_of(email)
        right = await self._passwords.check(password, user.password_hash if user else None)
        better = await self._better_hash(user, password) if user and right else None
        token = new_refresh_token()
        async with self._database.write() as store:
            session_id = await self._admitted(store, guess, user if right else None, better, token)
        if user is None or session_id is None:
            raise InvalidCredentials
        return self._tokens(user, session_id, token)

    async def _better_hash(self, user: User, password: str) -> str | None:
        outdated = user.password_hash is not None and self._passwords.is_outdated(user.password_hash)
        return await self._passwords.hashed(password) if outdated else None

    async def _admitted(self, store: UsersStore, guess: Guess, user: User | None, better: str | None, token: str) -> UUID | None:
        now = await store.now()
        wrong = await store.locked_guesses((guess.account, guess.address), now)
        guess.admit(wrong, now)
        current = await store.locked_user(user.id) if user else None
        if user is None or current is None or current.password_hash != user.password_hash:
            await store.keep_guesses(guess.counted(wrong, now))
            return None
        await store.forget_guesses(guess.account)
        if better:
            await store.change_user(user.id, password_hash=better)
        return await store.open_session(user.id, fingerprint(token), now)

    async def refresh(self, token: str) -> Tokens:
        """Go on with a session under the next refresh token; raises SessionEnded, and ends the session of a token used long ago."""
        next = successor(await self._keyring.key("refresh"), token)
        async with self._database.write() as store:
            continued = await self._continued(store, token, next)
        if continued is None:
            raise SessionEnded
        return self._tokens(*continued, next)

    async def _continued(self, store: UsersStore, token: str, next: str) -> tuple[User, UUID] | None:
        found = await store.locked_token(fingerprint(token))
        now = await store.now()
        if found is None or found.expires_at <= now:
            return None
        if found.used_at is None:
            await store.rotate(found.session_id, fingerprint(token), fingerprint(next), now)
        elif now - found.used_at > GRACE:
            await store.end_session(found.session_id)
            return None
        user = await store.user(found.user_id)
        return (user, found.session_id) if user else None

    async def end(self, session_id: UUID) -> None:
        """End a session; ending it again is well."""
        async with self._database.write() as store:
            await store.end_session(session_id)

    def _tokens(self, user: User, session_id: UUID, token: str) -> Tokens:
        return Tokens(self._signer.sign(user.id, frozenset(user.roles), session_id), token)
