"""Idempotency keys: a repeated request gets the first answer, and its effect happens once.

The key's row is made before the handler runs (in flight, under a lease). The service notes in the transaction of the effect that it happened
(`Once.first`), so that a try after a crash knows it; the edge keeps the answer afterwards.
"""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Database, Moment, S, Store
from shop.kit.problems import IdempotencyKeyInUse, IdempotencyKeyReused

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(seconds=20)


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """Give a module its table of idempotency keys."""
    return sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("scope", sa.String(400), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("applied", sa.Boolean, nullable=False, default=False),
        sa.Column("subject", sa.Uuid),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created_at", Moment, nullable=False, index=True),
    )


async def forget(store: Store, table: sa.Table, user_id: UUID) -> int:
    """Forget the answers kept for a user, within an open transaction; gives how many. What is under way keeps its key."""
    return await store.change(table.delete().where(table.c.scope.like(f"% user:{user_id}"), table.c.status.is_not(None)))


class Answer(Struct, frozen=True):
    """The first answer, kept to be given again; `subject` is what it made."""

    status: int
    body: bytes
    subject: UUID | None


class Once:
    """The right to make an effect once; without a key it is always the first time."""

    def __init__(self, table: sa.Table | None = None, scope: str = "", key: str = "") -> None:
        """Without arguments: the request had no key."""
        self.table, self.scope, self.key = table, scope, key
        self.subject: UUID | None = None

    async def first(self, store: Store, subject: UUID | None = None) -> bool:
        """Note in the open transaction that the effect happens now; False when it did before, and then `self.subject` is what it made."""
        if self.table is None:
            self.subject = subject
            return True
        mine = (self.table.c.scope == self.scope) & (self.table.c.key == self.key)
        noted = await store.change(self.table.update().where(mine, ~self.table.c.applied).values(applied=True, subject=subject))
        self.subject = subject if noted else await store.scalar(sa.select(self.table.c.subject).where(mine))
        return bool(noted)


class IdempotencyKeys:
    """The idempotency keys of a module."""

    def __init__(self, database: Database[S], table: sa.Table) -> None:
        """Keep them in this module's table."""
        self._database = database
        self._table = table

    async def begin(self, scope: str, key: str, fingerprint: str) -> Once | Answer:
        """Give the answer kept under this key, or the right to work on it; raises IdempotencyKeyReused, IdempotencyKeyInUse."""
        table = self._table
        async with self._database.write() as store:
            now = await store.now()
            await store.change(table.delete().where(table.c.scope == scope, table.c.key == key, table.c.created_at < now - KEPT))
            fresh = store.insert_once(table).values(
                scope=scope, key=key, fingerprint=fingerprint, lease_until=now + IN_FLIGHT, applied=False, created_at=now
            )
            if await store.change(fresh):
                return Once(table, scope, key)
            mine = (table.c.scope == scope) & (table.c.key == key)
            row = await store.row(sa.select(table).where(mine).with_for_update())
            if row is None or row.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if row.status is not None:
                return Answer(row.status, row.body, row.subject)
            if row.lease_until > now:
                raise IdempotencyKeyInUse(retry_after=1.0)
            await store.change(table.update().where(mine).values(lease_until=now + IN_FLIGHT))
        return Once(table, scope, key)

    async def keep(self, once: Once, status: int, body: bytes) -> None:
        """Keep the first answer."""
        await self._change(once, {"status": status, "body": body})

    async def let_go(self, once: Once) -> None:
        """Forget a try that made no effect, or let the next one go on with the effect that was made."""
        table = self._table
        mine = (table.c.scope == once.scope) & (table.c.key == once.key) & table.c.status.is_(None)
        async with self._database.write() as store:
            await store.change(table.delete().where(mine, ~table.c.applied))
            await store.change(table.update().where(mine).values(lease_until=await store.now()))

    async def _change(self, once: Once, values: dict[str, object]) -> None:
        table = self._table
        async with self._database.write() as store:
            await store.change(table.update().where(table.c.scope == once.scope, table.c.key == once.key).values(**values))

    async def purge(self) -> bool:
        """Delete keys older than a day; a job."""
        async with self._database.write() as store:
            return await store.change(self._table.delete().where(self._table.c.created_at < await store.now() - KEPT)) > 0
