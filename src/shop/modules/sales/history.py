"""What sales offers to its neighbours."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.kit.database import Database
from shop.kit.paging import page
from shop.modules.sales.domain import Order
from shop.modules.sales.list_rows import place_of
from shop.modules.sales.store import SalesStore
from shop.ports.sales import Purchase, PurchaseHistory, PurchaseLine, Purchases


class History(PurchaseHistory):
    """What customers bought: their confirmed orders and what became of them."""

    def __init__(self, database: Database[SalesStore]) -> None:
        """Read from this database."""
        self.database = database

    async def purchases(self, *, customer_id: UUID, limit: int = 20, cursor: str | None = None) -> Purchases:
        """Give a page of a customer's purchases, newest first."""
        place = place_of(cursor)
        limit = min(max(limit, 1), 100)
        async with self.database.read() as store:
            rows = await store.confirmed(customer_id, place, limit)
            orders, following = page(rows, limit, lambda order: (order.seq,))
            lines = await store.lines_by_order([order.id for order in orders])
        return Purchases([_purchase(order, lines[order.id]) for order in orders], following)


def _purchase(order: Order, rows: list[sa.Row[Any]]) -> Purchase:
    lines = [PurchaseLine(row.sku, row.title, row.quantity, order.money(row.unit_price)) for row in rows]
    return Purchase(order.id, order.number, order.status, order.created_at, order.due, lines)
