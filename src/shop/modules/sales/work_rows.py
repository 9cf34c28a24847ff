"""Rows that are a work queue: whoever holds a row's lease works on it, and a lease that nobody renews runs out by the database's clock."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from shop.kit.database import Store
from shop.modules.sales.domain import Pause

LEASE = timedelta(seconds=30)  # longer than the slowest call to a neighbour


class WorkRows(Store):
    """Leases on the rows of orders and refunds."""

    async def lease(self, table: sa.Table, id: UUID) -> UUID | None:
        """Take the lease of a row; None while somebody else has it."""
        now = await self.now()
        lease = uuid4()
        mine = table.update().where(table.c.id == id, _is_free(table, now)).values(lease=lease, lease_until=now + LEASE)
        return lease if await self.change(mine) else None

    async def is_due(self, table: sa.Table) -> bool:
        """Tell whether any row waits for work."""
        return await self.scalar(_due(table, await self.now()).limit(1)) is not None

    async def lease_due(self, table: sa.Table, limit: int) -> dict[UUID, UUID]:
        """Take the leases of the rows that have waited longest; gives the lease of each id."""
        now = await self.now()
        ids = [row.id for row in await self.rows(_due(table, now).order_by(table.c.next_attempt_at).limit(limit).with_for_update(skip_locked=True))]
        leases = {id: uuid4() for id in ids}
        for id, lease in leases.items():
            await self.change(table.update().where(table.c.id == id).values(lease=lease, lease_until=now + LEASE))
        return leases

    async def let_go(self, table: sa.Table, id: UUID, lease: UUID, pause: Pause, *unless_changed: sa.ColumnElement[bool]) -> bool:
        """Give a lease back and say when to look again; False when the lease is lost or the row changed since it was read."""
        again = pause.until(await self.now())
        mine = table.update().where(table.c.id == id, table.c.lease == lease, *unless_changed)
        return bool(await self.change(mine.values(lease=None, lease_until=None, next_attempt_at=again, tries=table.c.tries + 1)))

    async def renewed(self, table: sa.Table, lease: UUID | None) -> dict[str, Any]:
        """Give the values that renew a lease within another change of the row, if it is still this one."""
        if lease is None:
            return {}
        until = sa.bindparam(None, await self.now() + LEASE, type_=table.c.lease_until.type)
        return {"lease_until": sa.case((table.c.lease == lease, until), else_=table.c.lease_until)}


def _is_free(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    return table.c.lease_until.is_(None) | (table.c.lease_until <= now)


def _due(table: sa.Table, now: datetime) -> sa.Select[Any]:
    return sa.select(table.c.id).where(table.c.next_attempt_at <= now, _is_free(table, now))
