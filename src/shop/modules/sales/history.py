"""What sales offers to its neighbours."""

from uuid import UUID

from shop.kit.database import Database
from shop.kit.erasing import Receipt
from shop.kit.paging import page
from shop.modules.sales.domain import Order, OrderLine
from shop.modules.sales.list_rows import place_of
from shop.modules.sales.personal import PersonalOrders
from shop.modules.sales.store import SalesStore
from shop.ports.sales import CustomerRecords, Purchase, PurchaseHistory, PurchaseLine, Purchases


class History(PurchaseHistory):
    """What customers bought: their confirmed orders and what became of them, and what else is held about them."""

    def __init__(self, database: Database[SalesStore], personal: PersonalOrders) -> None:
        """Read from this database."""
        self.database, self._personal = database, personal

    async def purchases(self, *, customer_id: UUID, limit: int = 20, cursor: str | None = None) -> Purchases:
        """Give a page of a customer's purchases, newest first."""
        place = place_of(cursor)
        limit = min(max(limit, 1), 100)
        async with self.database.read() as store:
            rows = await store.confirmed(customer_id, place, limit)
            orders, following = page(rows, limit, lambda order: (order.seq,))
            lines = await store.lines_by_order([order.id for order in orders])
        return Purchases([_purchase(order, lines[order.id]) for order in orders], following)

    async def records(self, *, customer_id: UUID) -> CustomerRecords:
        """Give all that sales and cart hold about a customer."""
        return await self._personal.records(customer_id)

    async def erase(self, *, customer_id: UUID) -> list[Receipt]:
        """Forget a customer in sales and in cart, as far as nothing is under way."""
        return await self._personal.erase(customer_id)


def _purchase(order: Order, lines: list[OrderLine]) -> Purchase:
    bought = [PurchaseLine(line.sku, line.title, line.quantity, order.money(line.unit_price)) for line in lines]
    return Purchase(order.id, order.number, order.status, order.created_at, order.due, bought)
