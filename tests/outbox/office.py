"""An outbox, a mail server and a clock for tests."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from msgspec import Struct
from tests.fakes.mail import FakeMail

from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.outbox import Backlog, Letter, Relay, backlog, enqueue, outbox_table
from shop.ports.mail import Delivery, Message

METADATA = sa.MetaData()
TABLE = outbox_table(METADATA)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Fact(Struct):
    """What a letter is about."""

    number: str


async def compose(letter: Letter) -> Message:
    """Write a letter's mail."""
    return Message(f"{letter.id}@example.com", letter.recipient, letter.data["number"], letter.kind, letter.locale)


class Office:
    """An outbox, its mail server and its clock."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Open the outbox in this database."""
        self.url, self.clock, self.mail = url, clock, FakeMail()
        self.databases: list[Database[Store]] = []
        self.database = self.opened()

    def opened(self) -> Database[Store]:
        """Open the database as another worker does."""
        self.databases.append(Database(self.url, "outbox", Store, self.clock))
        return self.databases[-1]

    async def deliver(self, message: Message) -> Delivery:
        """Send a mail."""
        return await self.mail.send(message=message)

    def relay(self, send: Callable[[Message], Awaitable[Delivery]] | None = None, *, worker: Database[Store] | None = None) -> Relay[Message]:
        """Give a relay without jitter."""
        return Relay(worker or self.database, TABLE, compose, send or self.deliver, spread=lambda: 0.0)

    async def owes(self, recipient: str = "ana@example.com", subject: UUID | None = None, kind: str = "confirmed") -> UUID:
        """Owe a letter and give its subject."""
        subject = subject or uuid4()
        async with self.database.write() as store:
            await enqueue(store, TABLE, subject_id=subject, kind=kind, recipient=recipient, locale="en", data=Fact("A-1"))
        return subject

    async def row(self, subject: UUID) -> Any:
        """Give the row of a subject's only letter."""
        async with self.database.read() as store:
            return await store.row(sa.select(TABLE).where(TABLE.c.subject_id == subject))

    async def backlog(self) -> Backlog:
        """Give what is owed."""
        async with self.database.read() as store:
            return await backlog(store, TABLE)
