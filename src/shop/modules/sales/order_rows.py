"""The queries about orders. Every change of one is a compare-and-set on the state and the version that were read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from msgspec.structs import asdict, replace

from shop.kit.values import normal_email
from shop.modules.sales.domain import Draft, Order, OrderLine, Terms
from shop.modules.sales.states import ENDED, MOVES, State, Status, status_of
from shop.modules.sales.tables import counters, order_events, order_lines, orders
from shop.modules.sales.work_rows import LEASE, WorkRows

FIRST_NUMBER = 1001
FIELDS = [orders.c[name] for name in Order.__struct_fields__]
LINE_FIELDS = [order_lines.c[name] for name in OrderLine.__struct_fields__]


class OrderRows(WorkRows):
    """Orders, their lines and events."""

    async def order(self, id: UUID, *, lock: bool = False) -> Order | None:
        """Give an order; `lock` keeps others from changing it until the end of the transaction."""
        query = sa.select(*FIELDS).where(orders.c.id == id)
        row = await self.row(query.with_for_update() if lock else query)
        return None if row is None else order_of(row)

    async def leased(self, id: UUID, lease: UUID) -> Order | None:
        """Give an order while the lease on it holds."""
        row = await self.row(sa.select(*FIELDS).where(orders.c.id == id, orders.c.lease == lease))
        return None if row is None else order_of(row)

    async def live_order(self, cart_id: UUID) -> Order | None:
        """Give the order that has this cart in checkout."""
        row = await self.row(sa.select(*FIELDS).where(orders.c.cart_id == cart_id, orders.c.state.not_in(sorted(ENDED))))
        return None if row is None else order_of(row)

    async def add_order(self, id: UUID, draft: Draft, lifetime: timedelta) -> UUID | None:
        """Write a new order and give its first lease; None when its cart is in a checkout already."""
        now, lease = await self.now(), uuid4()
        seq = await self._next_seq()
        facts = {"seq": seq, "number": f"A-{seq}", "state": State.NEW, "status": Status.PENDING}
        work = {"created_at": now, "expires_at": now + lifetime, "next_attempt_at": now, "lease": lease, "lease_until": now + LEASE}
        row = self.insert_once(orders).values(id=id, email_key=normal_email(draft.email), **asdict(draft), **facts, **work)
        if not await self.change(row):
            return None
        await self._note(id, 1, now, "placed", {})
        return lease

    async def _next_seq(self) -> int:
        raised = counters.update().where(counters.c.name == "order").values(value=counters.c.value + 1).returning(counters.c.value)
        seq: int | None = await self.scalar(raised)
        if seq is not None:
            return seq
        await self.change(self.insert_once(counters).values(name="order", value=FIRST_NUMBER - 1))
        return await self._next_seq()

    async def move(self, order: Order, to: State, lease: UUID | None = None, *, event: str | None = None, data: Any = None, **values: Any) -> bool:
        """Let the saga go on to a state, if the order still is as it was read; the event is named after the state unless told otherwise."""
        if to not in MOVES[order.state]:
            raise AssertionError(f"no order goes from {order.state} to {to}")
        now = await self.now()
        ended: dict[str, Any] = {"lease": None, "lease_until": None} if to in ENDED else await self.renewed(orders, lease)
        queue = {"next_attempt_at": None if to in ENDED else now, "tries": 0} | ended
        return await self.amend(order, event or to, data, state=to, **(queue | values))

    async def amend(self, order: Order, event: str, data: Any = None, **values: Any) -> bool:
        """Change an order within its state, if it still is as it was read, and note the event."""
        known = {name: value for name, value in values.items() if name in ("state", "captured", "refunded", "withdrawn", "shipped")}
        status = status_of(replace(order, **known).facts)
        as_read = (orders.c.id == order.id) & (orders.c.state == order.state) & (orders.c.version == order.version)
        changed = orders.update().where(as_read).values(status=status, version=orders.c.version + 1, **values)
        if not await self.change(changed):
            return False
        await self._note(order.id, order.version + 1, await self.now(), event, data)
        return True

    async def _note(self, id: UUID, version: int, at: datetime, type: str, data: Any) -> None:
        await self.change(order_events.insert().values(order_id=id, version=version, at=at, type=type, data=data or {}))

    async def wake(self, *which: sa.ColumnElement[bool]) -> Sequence[UUID]:
        """Let these orders be looked at now; the new version tells whoever works on one that there is news."""
        woken = orders.update().where(*which).values(next_attempt_at=await self.now(), version=orders.c.version + 1)
        return [row.id for row in await self.rows(woken.returning(orders.c.id))]

    async def add_lines(self, order_id: UUID, lines: list[OrderLine]) -> None:
        """Write the lines of an order."""
        await self.change(order_lines.insert(), [{"order_id": order_id} | asdict(line) for line in lines])

    async def lines(self, order_id: UUID) -> list[OrderLine]:
        """Give the lines of an order, sorted by SKU."""
        return (await self.lines_by_order([order_id]))[order_id]

    async def lines_by_order(self, ids: Sequence[UUID]) -> dict[UUID, list[OrderLine]]:
        """Give the lines of each of these orders, sorted by SKU."""
        query = sa.select(order_lines.c.order_id, *LINE_FIELDS).where(order_lines.c.order_id.in_(ids))
        found: dict[UUID, list[OrderLine]] = {id: [] for id in ids}
        for order_id, *line in await self.rows(query.order_by(order_lines.c.order_id, order_lines.c.sku)):
            found[order_id].append(OrderLine(*line))
        return found

    async def coupon(self, order: Order) -> str | None:
        """Give the code of the coupon that a discounted order was made with."""
        if not order.discount:
            return None
        events = (await self.events_by_order([order.id]))[order.id]
        return next((event["coupon"] for event in events if "coupon" in event), None)

    async def events_by_order(self, ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
        """Give what happened to each of these orders, oldest first."""
        event = order_events.c
        query = sa.select(event.order_id, event.at, event.type, event.data).where(event.order_id.in_(ids))
        found: dict[UUID, list[dict[str, Any]]] = {id: [] for id in ids}
        for order_id, at, type, data in await self.rows(query.order_by(event.order_id, event.version)):
            found[order_id].append({"at": at, "type": type} | data)
        return found


def order_of(row: sa.Row[Any]) -> Order:
    """Make an order of its row."""
    values: dict[str, Any] = row._asdict()
    values["state"] = State(values["state"])
    values["terms"] = msgspec.convert(values["terms"], Terms)
    return Order(**values)
