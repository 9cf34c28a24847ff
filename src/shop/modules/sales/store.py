"""The store of sales: the queries of every concern in one unit of work."""

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
        return FullOrder(
            order,
            await self.lines(order.id),
            await self.events(order.id),
            await self.shipments_of(order.id),
            await self.refunds_of(order.id),
            await self.lines_by_refund(order.id),
        )

    async def take_turn(self, name: str, every: timedelta) -> bool:
        """Tell whether this worker is the one that does something now which is done once in a while."""
        now = int((await self.now()).timestamp())
        if await self.change(self.insert_once(counters).values(name=name, value=now)):
            return True
        due = counters.update().where(counters.c.name == name, counters.c.value <= now - int(every.total_seconds()))
        return bool(await self.change(due.values(value=now)))
