"""Promotions, their readers and a mail server in memory."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import asdict
from tests.fakes.mail import FakeMail

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.secrets import Keyring
from shop.kit.values import normal_email
from shop.modules.users import tables
from shop.modules.users.domain import MARKETING, Consent, User
from shop.modules.users.links import Links
from shop.modules.users.mailing import Mailing
from shop.modules.users.promotion import Audience, NewPromotion, Progress, PromotionStatus
from shop.modules.users.promotion_letters import PromotionLetters
from shop.modules.users.promotions import Promotions
from shop.modules.users.store import UsersStore
from shop.modules.users.unsubscribing import Unsubscribing
from shop.ports.mail import Delivery, Message

URL = "https://shop.example"
FAST = 1000
MINUTE = timedelta(minutes=1)


class Office:
    """Users with its promotions, without HTTP."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Wire the services on this database."""
        self.url, self.clock, self.mail = url, clock, FakeMail()
        self.databases: list[Database[UsersStore]] = []
        self.database = self.opened()
        self.links = Links(Keyring(self.database, tables.secrets), URL)
        self.letters = PromotionLetters("The Mug Shop <shop@example.com>", ("en", "es"), self.links)
        self.promotions = Promotions(self.database, self.letters, ("en", "es"))
        self.unsubscribing = Unsubscribing(self.database, self.links)

    def opened(self) -> Database[UsersStore]:
        """Open the database as another process does."""
        self.databases.append(Database(self.url, "users", UsersStore, self.clock))
        return self.databases[-1]

    async def close(self) -> None:
        """Close what was opened."""
        for database in self.databases:
            await database.dispose()

    async def reader(self, email: str = "ana@example.com", *, consents: bool = True, locale: str = "en", role: str = "customer") -> UUID:
        """Give a user who said yes or no to marketing."""
        async with self.database.write() as store:
            now = await store.now()
            user = User(uuid7(), email, None, "Ana Gil", locale, [role], now, now, 1)
            await store.change(tables.users.insert().values(email_key=normal_email(email), **asdict(user)))
            await store.add_consent(user.id, MARKETING, Consent(consents, now, "registration"))
        return user.id

    async def readers(self, number: int) -> list[str]:
        """Give so many users who said yes, by their addresses."""
        emails = [f"reader{index}@example.com" for index in range(number)]
        for email in emails:
            await self.reader(email)
        return emails

    async def says(self, user_id: UUID, granted: bool) -> None:
        """Let a user change their mind."""
        async with self.database.write() as store:
            await store.add_consent(user_id, MARKETING, Consent(granted, await store.now(), "profile"))

    async def draft(self, locale: str | None = None, **changes: Any) -> UUID:
        """Write a promotion."""
        new = {"subject": "Mugs for less", "body": "Only **this** week.", "audience": Audience(locale), **changes}
        promotion, _ = await self.promotions.create(NewPromotion(**new), Once())
        return promotion.id

    async def sending(self, **changes: Any) -> UUID:
        """Write a promotion and let it go."""
        id = await self.draft(**changes)
        await self.promotions.send(id)
        return id

    async def deliver(self, message: Message) -> Delivery:
        """Hand a mail over."""
        return await self.mail.send(message=message)

    def mailing(self, send: Callable[[Message], Awaitable[Delivery]] | None = None, *, rate: int = FAST, other: bool = False) -> Mailing:
        """Give who sends, here or in another process."""
        return Mailing(self.opened() if other else self.database, self.letters, send or self.deliver, rate, spread=lambda: 0.0)

    async def work(self, mailing: Mailing | None = None) -> None:
        """Take steps until there is nothing to do."""
        mailing = mailing or self.mailing()
        while await mailing.run():
            pass

    async def progress(self, id: UUID) -> Progress:
        """Say how far a promotion got."""
        _, progress = await self.promotions.show(id)
        return progress

    async def status(self, id: UUID) -> PromotionStatus:
        """Say where a promotion stands."""
        promotion, _ = await self.promotions.show(id)
        return promotion.status

    async def rows(self, statement: sa.Executable) -> list[Any]:
        """Look at the tables themselves."""
        async with self.database.read() as store:
            return list(await store.rows(statement))

    @property
    def written_to(self) -> list[str]:
        """Name who got mail, in the order in which they got it."""
        return [message.recipient for message in self.mail.inbox]
