"""The services of users, wired by hand, and what their tests say over and over."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import sqlalchemy as sa
from argon2 import PasswordHasher
from tests.fakes.sales import FakePurchaseHistory

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.secrets import Keyring
from shop.kit.tokens import LocalKeys, Signer, Verifier, new_signing_key
from shop.modules.users import tables
from shop.modules.users.domain import Registration
from shop.modules.users.links import Links
from shop.modules.users.passwords import Passwords
from shop.modules.users.profiles import CustomerDirectory, Profiles
from shop.modules.users.service import Accounts
from shop.modules.users.sessions import Sessions, Tokens
from shop.modules.users.store import UsersStore

ISSUER = "https://shop.example"
PASSWORD = "correct horse battery"
ADDRESS = "192.0.2.7"


class World:
    """Users as its own service, without HTTP."""

    def __init__(self, url: str, clock: Clock, hasher: PasswordHasher) -> None:
        """Wire the services on this database."""
        self.clock = clock
        self.database = Database(url, "users", UsersStore, clock)
        self.hasher = hasher
        self.passwords = Passwords(hasher)
        self.keyring = Keyring(self.database, tables.secrets)
        self.links = Links(self.keyring, ISSUER)
        keys = LocalKeys([new_signing_key()])
        self.signer, self.verifier = Signer(keys, ISSUER, clock), Verifier(keys, ISSUER, clock)
        self.accounts = Accounts(self.database, self.passwords, self.links)
        self.sessions = Sessions(self.database, self.passwords, self.keyring, self.signer)
        self.history = FakePurchaseHistory()
        self.profiles = Profiles(self.database, self.history)
        self.customers = CustomerDirectory(self.database)

    def hash_with(self, passwords: Passwords) -> None:
        """Check the passwords of logins like this from now on."""
        self.sessions = Sessions(self.database, passwords, self.keyring, self.signer)

    async def close(self) -> None:
        """Close what was opened."""
        self.passwords.close()
        await self.database.dispose()

    async def ada(self, email: str = "ada@example.com", password: str = PASSWORD, *, consents: bool = False) -> UUID:
        """Register somebody and give their id."""
        await self.accounts.register(Registration(email, "Ada Lovelace", "en", consents), password)
        return await self.id_of(email)

    async def id_of(self, email: str) -> UUID:
        """Give the id of the user of an address."""
        async with self.database.read() as store:
            user = await store.user_of(email)
        assert user is not None
        return user.id

    async def login(self, email: str = "ada@example.com", password: str = PASSWORD, address: str = ADDRESS) -> Tokens:
        """Log in."""
        return await self.sessions.login(email, password, address)

    async def letters(self) -> list[tuple[str, str, UUID]]:
        """Give kind, recipient and subject of the mails that are owed, oldest first."""
        return [tuple(row) for row in await self.rows(_letters())]

    async def mailed_token(self, kind: str) -> str:
        """Give the token in the newest mail of a kind."""
        subject = next(subject for sent, _, subject in reversed(await self.letters()) if sent == kind)
        return await self.links.token(subject)

    async def rows(self, statement: sa.Executable) -> list[Any]:
        """Look at the tables themselves."""
        async with self.database.read() as store:
            return list(await store.rows(statement))


def _letters() -> sa.Executable:
    row = tables.outbox.c
    return sa.select(row.kind, row.recipient, row.subject_id).order_by(row.created_at, row.id)


def token_in(link: str) -> str:
    """Give the token that a link carries."""
    return parse_qs(urlsplit(link).query)["token"][0]
