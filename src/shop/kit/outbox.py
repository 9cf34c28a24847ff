"""Mails that a fact owes: a row in the fact's own transaction, delivered later by a relay, at least once.

A letter is sent at most 1 + `unknown` times: `unknown` counts the tries that may have arrived without our learning it.
Failures wait 1 m, 2 m, 4 m ... 24 h; 72 h after its first try a letter is dead. A failure of the configuration is nobody's but ours:
it is told once as an error, waits 15 m at most, and lets the 72 h begin anew.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Database, Moment, Store
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable

BATCH = 20
LEASE = timedelta(seconds=60)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=24)
LONGEST_WAIT_FOR_CONFIGURATION = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(hours=72)
KEPT = timedelta(days=30)
ANSWER_LENGTH = 200
M = TypeVar("M")
log = logging.getLogger("shop.outbox")


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Give a module its table of owed mails; `status` is pending, sent or dead."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("locale", sa.String(10), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Moment, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("expires_at", Moment),
        sa.Column("sent_at", Moment),
        sa.Column("answer", sa.String(ANSWER_LENGTH)),
        sa.UniqueConstraint("subject_id", "kind", name="outbox_once"),
        sa.Index("outbox_due", "status", "next_attempt_at"),
    )


async def enqueue(store: Store, table: sa.Table, *, subject_id: UUID, kind: str, recipient: str, locale: str, data: Struct) -> None:
    """Owe a mail from now on, in the transaction of the fact; a second one of the same subject and kind does nothing."""
    now = await store.now()
    row = store.insert_once(table).values(
        id=uuid7(), subject_id=subject_id, kind=kind, recipient=recipient, locale=locale, data=data, created_at=now,
        status="pending", attempts=0, unknown=0, next_attempt_at=now,
    )  # fmt: skip
    await store.change(row)


async def purge(store: Store, table: sa.Table, limit: int = 500) -> bool:
    """Forget letters of more than thirty days ago that were sent or given up, in an open transaction; gives whether there may be more."""
    over = (table.c.status != "pending") & (table.c.created_at <= await store.now() - KEPT)
    some = sa.select(table.c.id).where(over).limit(limit).with_for_update(skip_locked=True)
    return await store.change(table.delete().where(table.c.id.in_(some))) == limit


class Backlog(Struct, frozen=True):
    """How many letters wait, how long the oldest of them has waited, in seconds, and how many were given up."""

    pending: int
    oldest: float
    dead: int


async def backlog(store: Store, table: sa.Table) -> Backlog:
    """Count what a module still owes, for its metrics."""
    pending, dead = (sa.func.count().filter(table.c.status == status) for status in ("pending", "dead"))
    oldest = sa.type_coerce(sa.func.min(table.c.created_at).filter(table.c.status == "pending"), Moment)
    counted = sa.select(pending.label("pending"), oldest.label("oldest"), dead.label("dead")).where(table.c.status != "sent")
    row = (await store.rows(counted))[0]
    return Backlog(row.pending, (await store.now() - row.oldest).total_seconds() if row.oldest else 0.0, row.dead)


class Letter(Struct, frozen=True):
    """An owed mail; `data` is the Struct that was given to `enqueue`, as builtins."""

    id: UUID
    subject_id: UUID
    kind: str
    recipient: str
    locale: str
    data: dict[str, Any]
    created_at: datetime


class Result(Protocol):
    """How a delivery ended: `outcome` is accepted, transient, permanent, configuration or unknown; `answer` names no person."""

    @property
    def outcome(self) -> str:
        """Give the outcome."""
        ...

    @property
    def answer(self) -> str:
        """Give what the server said."""
        ...


class Ended(Struct, frozen=True):
    """A delivery that ended in our own code."""

    outcome: str
    answer: str


class Relay(Generic[M]):
    """Delivers a module's letters, one after the other, each under a lease of its own; any number of relays may run at once."""

    def __init__(
        self,
        database: Database[Any],
        table: sa.Table,
        compose: Callable[[Letter], Awaitable[M]],
        send: Callable[[M], Awaitable[Result]],
        *,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """`compose` and `send` are called outside any transaction; `spread` gives the jitter, 0 to 1."""
        self._database, self._table, self._compose, self._send, self._spread = database, table, compose, send, spread
        self._complaint: str | None = None

    async def run(self) -> bool:
        """Try the letters that are due, at most a batch; gives whether there were any."""
        for number in range(BATCH):
            claimed = await self._claim()
            if claimed is None:
                return number > 0
            letter, attempt = claimed
            await self._record(letter, attempt, await self._deliver(letter, attempt))
        return True

    async def _claim(self) -> tuple[Letter, int] | None:
        async with self._database.read() as store:
            if await store.scalar(self._due(await store.now()).limit(1)) is None:
                return None
        async with self._database.write() as store:
            now = await store.now()
            id = await store.scalar(self._due(now).order_by(self._table.c.next_attempt_at).limit(1).with_for_update(skip_locked=True))
            if id is None:
                return None
            return await self._leased(store, id, now)

    def _due(self, now: datetime) -> sa.Select[Any]:
        row = self._table.c
        free = row.lease_until.is_(None) | (row.lease_until <= now)
        return sa.select(row.id).where(row.status == "pending", row.next_attempt_at <= now, free)

    async def _leased(self, store: Store, id: UUID, now: datetime) -> tuple[Letter, int]:
        row = self._table.c
        died_while_sending = sa.case((row.lease_until.is_not(None), 1), else_=0)
        claim = {
            "attempts": row.attempts + 1,
            "unknown": row.unknown + died_while_sending,
            "lease_until": now + LEASE,
            "expires_at": sa.func.coalesce(row.expires_at, sa.bindparam("first", now + GIVEN_UP_AFTER, Moment)),
        }
        await store.change(self._table.update().where(row.id == id).values(claim))
        found = (await store.rows(sa.select(*(row[name] for name in Letter.__struct_fields__), row.attempts).where(row.id == id)))[0]
        *fields, attempt = tuple(found)
        return Letter(*fields), attempt

    async def _deliver(self, letter: Letter, attempt: int) -> Result:
        try:
            message = await self._compose(letter)
        except Exception:
            log.exception("letter %s of kind %s could not be composed", letter.id, letter.kind)
            return Ended("transient", "could not be composed")
        try:
            async with self._kept_leased(letter, attempt):
                return await self._send(message)
        except Exception:
            log.exception("letter %s of kind %s: the delivery failed", letter.id, letter.kind)
            return Ended("unknown", "the delivery failed")

    @asynccontextmanager
    async def _kept_leased(self, letter: Letter, attempt: int) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                try:
                    await self._renew(letter, attempt)
                except Unavailable:
                    log.warning("the lease of letter %s could not be renewed", letter.id)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew(self, letter: Letter, attempt: int) -> None:
        async with self._database.write() as store:
            row = self._table.c
            mine = self._table.update().where(row.id == letter.id, row.status == "pending", row.attempts == attempt)
            await store.change(mine.values(lease_until=await store.now() + LEASE))

    async def _record(self, letter: Letter, attempt: int, result: Result) -> None:
        self._complain(result)
        row = self._table.c
        async with self._database.write() as store:
            now = await store.now()
            mine = self._table.update().where(row.id == letter.id)
            if result.outcome == "accepted":  # a fact, also when another relay has the lease by now
                await store.change(mine.values(status="sent", sent_at=now, lease_until=None, answer=result.answer[:ANSWER_LENGTH]))
                return
            mine = mine.where(row.status == "pending", row.attempts == attempt)
            expires_at = await store.scalar(sa.select(row.expires_at).where(row.id == letter.id)) or now  # None: it is no longer ours
            values = {"lease_until": None, "answer": result.answer[:ANSWER_LENGTH]} | self._consequence(result.outcome, attempt, now, expires_at)
            if result.outcome == "unknown":
                values["unknown"] = row.unknown + 1
            if await store.change(mine.values(values)) and values.get("status") == "dead":
                log.error("letter %s of kind %s is given up: %s", letter.id, letter.kind, result.answer)

    def _consequence(self, outcome: str, attempt: int, now: datetime, expires_at: datetime) -> dict[str, Any]:
        if outcome == "permanent" or (outcome != "configuration" and now >= expires_at):
            return {"status": "dead"}
        wait = backoff(attempt, self._spread())
        if outcome == "configuration":
            return {"next_attempt_at": now + min(wait, LONGEST_WAIT_FOR_CONFIGURATION), "expires_at": None}
        return {"next_attempt_at": min(now + wait, expires_at)}

    def _complain(self, result: Result) -> None:
        if result.outcome != "configuration":
            self._complaint = None
        elif self._complaint != result.answer:
            self._complaint = result.answer
            log.error("no mail can be sent until the configuration is right: %s", result.answer)


def backoff(attempt: int, spread: float) -> timedelta:
    """Give the wait after so many tries: twice as long each time, up to a quarter longer by `spread` (0 to 1), at most 24 h."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempt - 1, 16)
    return min(doubled * (1 + spread / 4), LONGEST_WAIT)
