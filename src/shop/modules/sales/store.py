"""The store of sales: the queries of every concern in one unit of work."""

from collections.abc import Sequence
from datetime import timedelta

from shop.modules.sales.domain import FullOrder, Order
from shop.modules.sales.list_rows import ListRows
from shop.modules.sales.order_rows import OrderRows
from shop.modules.sales.personal_rows import PersonalRows
from shop.modules.sales.refund_rows import RefundRows
from shop.modules.sales.shipment_rows import ShipmentRows
from shop.modules.sales.tables import counters
from shop.modules.sales.webhook_rows import WebhookRows


class SalesStore(OrderRows, RefundRows, ShipmentRows, WebhookRows, ListRows, PersonalRows):
    """All queries of sales."""

    async def full(self, order: Order) -> FullOrder:
        """Give an order with all that belongs to it."""
        return (await self.all_full([order]))[0]

    async def all_full(self, some: Sequence[Order]) -> list[FullOrder]:
        """Give orders with all that belongs to them, in five queries, however many orders they are."""
        ids = [order.id for order in some]
        lines, events = await self.lines_by_order(ids), await self.events_by_order(ids)
        shipments, refunds, restocks = await self.shipments_by_order(ids), await self.refunds_by_order(ids), await self.restocks_by_order(ids)
        return [FullOrder(order, lines[order.id], events[order.id], shipments[order.id], refunds[order.id], restocks[order.id]) for order in some]

    async def take_turn(self, name: str, every: timedelta) -> bool:
        """Tell whether this worker is the one that does something now which is done once in a while."""
        now = int((await self.now()).timestamp())
        if await self.change(self.insert_once(counters).values(name=name, value=now)):
            return True
        due = counters.update().where(counters.c.name == name, counters.c.value <= now - int(every.total_seconds()))
        return bool(await self.change(due.values(value=now)))
