"""What people do to have an account: register, verify, choose a new password."""

from uuid import UUID

from msgspec import Struct

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.identity import Role
from shop.kit.ids import uuid7
from shop.kit.problems import Invalid
from shop.modules.users.domain import MARKETING, Consent, LetterKind, LinkNotFound, Purpose, Registration, Source, User
from shop.modules.users.letters import AccountLetter
from shop.modules.users.links import Links
from shop.modules.users.passwords import Passwords
from shop.modules.users.store import UsersStore
from shop.modules.users.tables import audit_log


class StaffAccount(Struct, frozen=True):
    """A staff user; `created` is False when there was an account already; `link` is where they choose a password, used once."""

    id: UUID
    created: bool
    link: str | None


class Accounts:
    """Makes accounts. Nobody learns here who has one: answers and their timing are the same for every address."""

    def __init__(self, database: Database[UsersStore], passwords: Passwords, links: Links) -> None:
        """Keep accounts in this database."""
        self._database = database
        self._passwords = passwords
        self._links = links

    async def register(self, wanted: Registration, password: str) -> None:
        """Make an account and owe its address a mail; one that is there stays as it is, password and all, and its address learns of this."""
        password_hash = await self._passwords.hashed(password)
        async with self._database.write() as store:
            now = await store.now()
            roles = [Role.CUSTOMER.value]
            user = User(uuid7(), wanted.email, password_hash, wanted.name, wanted.locale, roles, None, now, 1)
            if await store.add_user(user):
                await store.add_consent(user.id, MARKETING, Consent(wanted.marketing_consent, now, Source.REGISTRATION))
            known = await store.user_of(wanted.email, lock=True)
            if known is not None:
                await _write(store, known, LetterKind.ALREADY_REGISTERED if known.verified_at else LetterKind.VERIFICATION)

    async def verify(self, token: str) -> None:
        """Take note that somebody reads the mails of their address; raises Invalid."""
        id = await self._links.opened_by(token)
        async with self._database.write() as store:
            now = await store.now()
            user_id = await store.use_link(id, Purpose.VERIFY, now) if id else None
            user = await store.locked_user(user_id) if user_id else None
            if id is None or user is None:
                raise Invalid.field("token", "was used already, has expired, or never existed")
            await store.change_user(user.id, verified_at=now)
            await store.reached(user.email, id)
            await store.drop_links(user.id, Purpose.VERIFY)

    async def request_reset(self, email: str) -> None:
        """Owe a mail with a link to choose a new password, if the address has an account."""
        async with self._database.write() as store:
            user = await store.user_of(email, lock=True)
            if user is None:
                await store.add_link(None, Purpose.RESET, await store.now())
            else:
                await _write(store, user, LetterKind.PASSWORD_RESET)

    async def reset(self, token: str, password: str) -> None:
        """Set a new password, end every session and let no other link do it again; raises LinkNotFound."""
        id = await self._links.opened_by(token) if await self.works(token, Purpose.RESET) else None
        if id is None:
            raise LinkNotFound
        password_hash = await self._passwords.hashed(password)
        async with self._database.write() as store:
            now = await store.now()
            user_id = await store.use_link(id, Purpose.RESET, now)
            user = await store.locked_user(user_id) if user_id else None
            if user is None:
                raise LinkNotFound
            await store.change_user(user.id, password_hash=password_hash, verified_at=user.verified_at or now)
            await store.reached(user.email, id)
            await store.drop_links(user.id, Purpose.RESET)
            await store.end_sessions(user.id)

    async def works(self, token: str, purpose: Purpose) -> bool:
        """Tell whether a link could be used now; nothing is changed."""
        id = await self._links.opened_by(token)
        if id is None:
            return False
        async with self._database.read() as store:
            return await store.usable_link(id, purpose, await store.now()) is not None

    async def create_staff(self, email: str, password: str | None, *, name: str = "", locale: str = "en") -> StaffAccount:
        """Make a staff user or make a user staff; without a password they get a link to choose one.

        A password of an account that nobody verified may be a stranger's, waiting for this: it stops working.
        """
        password_hash = await self._passwords.hashed(password) if password is not None else None
        async with self._database.write() as store:
            now = await store.now()
            fresh = User(uuid7(), email, password_hash, name or email.partition("@")[0], locale, [Role.STAFF.value], now, now, 1)
            created = await store.add_user(fresh)
            if created:
                await store.add_consent(fresh.id, MARKETING, Consent(False, now, Source.ADMINISTRATION))
                id = fresh.id
                await record(store, audit_log, "user.create", id, None, {"roles": fresh.roles})
            else:
                id = await _promote(store, email, password_hash)
            link = await store.add_link(id, Purpose.RESET, now, Purpose.VERIFY.lifetime) if password is None else None
        return StaffAccount(id, created, await self._links.to(Purpose.RESET, link) if link else None)


async def _promote(store: UsersStore, email: str, password_hash: str | None) -> UUID:
    user = await store.user_of(email, lock=True)
    assert user is not None, "the address is taken, so somebody has it"
    roles = sorted({*user.roles, Role.STAFF.value})
    if password_hash is None and user.verified_at is not None:
        await store.change_user(user.id, roles=roles)
        await record(store, audit_log, "user.make_staff", user.id, {"roles": user.roles}, {"roles": roles})
        return user.id
    await store.change_user(user.id, roles=roles, password_hash=password_hash, verified_at=user.verified_at or await store.now())
    await store.drop_links(user.id, Purpose.RESET)
    await store.end_sessions(user.id)
    await record(store, audit_log, "user.make_staff", user.id, {"roles": user.roles}, {"roles": roles, "credentials": "renewed"})
    return user.id


async def _write(store: UsersStore, user: User, kind: LetterKind) -> None:
    hours = int(kind.purpose.lifetime.total_seconds() // 3600)
    await store.owe_letter(user, kind, AccountLetter(user.name, hours))
