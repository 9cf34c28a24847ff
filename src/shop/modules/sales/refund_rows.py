"""The queries about refunds. Their rows are never deleted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import asdict

from shop.kit.values import Line
from shop.modules.sales.domain import DONE, Pause, RefundRow, RefundStatus
from shop.modules.sales.tables import order_lines, orders, refund_lines, refunds
from shop.modules.sales.work_rows import WorkRows

FIELDS = [refunds.c[name] for name in RefundRow.__struct_fields__]


class RefundRows(WorkRows):
    """Refunds and the pieces that come back with them."""

    async def claim_money(self, order_id: UUID, amount: int) -> bool:
        """Count a refund against what was captured, in one statement; False when less is left."""
        cap = orders.update().where(orders.c.id == order_id, orders.c.refunded + amount <= orders.c.captured)
        return bool(await self.change(cap.values(refunded=orders.c.refunded + amount)))

    async def give_money_back(self, refund: RefundRow) -> None:
        """Let the amount of a failed refund be refundable again."""
        await self.change(orders.update().where(orders.c.id == refund.order_id).values(refunded=orders.c.refunded - refund.amount))

    async def claim_pieces(self, order_id: UUID, line: Line) -> bool:
        """Count pieces as come back, first those that were shipped, then those that were not yet; False when fewer are left of the order."""
        row = order_lines.c
        never_shipped = line.quantity - (row.shipped - (row.refunded - row.kept_back))
        kept_back = row.kept_back + sa.case((never_shipped > 0, never_shipped), else_=0)
        enough = (row.order_id == order_id) & (row.sku == line.sku) & (row.refunded + line.quantity <= row.quantity)
        return bool(await self.change(order_lines.update().where(enough).values(refunded=row.refunded + line.quantity, kept_back=kept_back)))

    async def give_pieces_back(self, refund: RefundRow) -> None:
        """Let the pieces of a failed refund be restockable again."""
        for line in await self.refund_lines(refund.id):
            row = order_lines.c
            kept_back = sa.case((row.kept_back > line.quantity, row.kept_back - line.quantity), else_=0)
            mine = order_lines.update().where(row.order_id == refund.order_id, row.sku == line.sku)
            await self.change(mine.values(refunded=row.refunded - line.quantity, kept_back=kept_back))

    async def add_refund(self, refund: RefundRow, lines: list[Line], *, queued: bool) -> None:
        """Write a refund before the provider hears of it; queued ones wait for work at once."""
        await self.change(refunds.insert().values(**asdict(refund), next_attempt_at=refund.created_at if queued else None))
        if lines:
            await self.change(refund_lines.insert(), [{"refund_id": refund.id} | asdict(line) for line in lines])

    async def refund(self, id: UUID) -> RefundRow | None:
        """Give a refund."""
        return refund_of(await self.row(sa.select(*FIELDS).where(refunds.c.id == id)))

    async def leased_refund(self, id: UUID, lease: UUID) -> RefundRow | None:
        """Give a refund while the lease on it holds."""
        return refund_of(await self.row(sa.select(*FIELDS).where(refunds.c.id == id, refunds.c.lease == lease)))

    async def closing_refund(self, order_id: UUID) -> RefundRow | None:
        """Give the newest refund that ends an order which could not be confirmed."""
        query = sa.select(*FIELDS).where(refunds.c.order_id == order_id, refunds.c.closing).order_by(refunds.c.created_at.desc()).limit(1)
        return refund_of(await self.row(query))

    async def refunds_of(self, order_id: UUID) -> list[RefundRow]:
        """Give the refunds of an order, oldest first."""
        return (await self.refunds_by_order([order_id]))[order_id]

    async def refunds_by_order(self, ids: Sequence[UUID]) -> dict[UUID, list[RefundRow]]:
        """Give the refunds of each of these orders, oldest first."""
        rows = await self.rows(sa.select(*FIELDS).where(refunds.c.order_id.in_(ids)).order_by(refunds.c.created_at, refunds.c.id))
        found: dict[UUID, list[RefundRow]] = {id: [] for id in ids}
        for row in rows:
            if refund := refund_of(row):
                found[refund.order_id].append(refund)
        return found

    async def refund_lines(self, *ids: UUID) -> list[Line]:
        """Give the pieces that come back with these refunds."""
        query = sa.select(refund_lines.c.sku, refund_lines.c.quantity).where(refund_lines.c.refund_id.in_(ids))
        return [Line(*row) for row in await self.rows(query.order_by(refund_lines.c.sku))]

    async def restocks_by_order(self, ids: Sequence[UUID]) -> dict[UUID, dict[UUID, list[Line]]]:
        """Give the pieces that come back with each refund of each of these orders."""
        query = sa.select(refunds.c.order_id, refund_lines).join(refunds).where(refunds.c.order_id.in_(ids)).order_by(refund_lines.c.sku)
        found: dict[UUID, dict[UUID, list[Line]]] = {id: {} for id in ids}
        for order_id, refund_id, sku, quantity in await self.rows(query):
            found[order_id].setdefault(refund_id, []).append(Line(sku, quantity))
        return found

    async def settle_refund(self, refund: RefundRow, status: RefundStatus, provider_id: str | None, pause: Pause = DONE) -> bool:
        """Record what became of a refund, if it still is as it was read."""
        as_read = (refunds.c.id == refund.id) & (refunds.c.status == refund.status)
        values: dict[str, Any] = {"status": status, "next_attempt_at": pause.until(await self.now()), "tries": 0}
        known = refunds.c.provider_id.is_(None) if refund.provider_id is None else refunds.c.provider_id == refund.provider_id
        return bool(await self.change(refunds.update().where(as_read, known).values(provider_id=provider_id, **values)))

    async def mark_restocked(self, refund: RefundRow) -> None:
        """Note that the pieces of a refund are in stock again."""
        await self.change(refunds.update().where(refunds.c.id == refund.id).values(restocked=True))

    async def wake_refunds(self, payment_id: str) -> list[UUID]:
        """Let the refunds of a payment that the provider knows be looked at now."""
        of_payment = refunds.c.order_id.in_(sa.select(orders.c.id).where(orders.c.payment_id == payment_id))
        woken = refunds.update().where(of_payment, refunds.c.provider_id.is_not(None), refunds.c.status != RefundStatus.FAILED)
        return [row.id for row in await self.rows(woken.values(next_attempt_at=await self.now()).returning(refunds.c.id))]


def refund_of(row: sa.Row[Any] | None) -> RefundRow | None:
    """Make a refund of its row."""
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    values["status"] = RefundStatus(values["status"])
    return RefundRow(**values)
