"""What sales holds about a customer, and what cart holds: to be read by them, and to be forgotten."""

from typing import Any
from uuid import UUID

import msgspec

from shop.kit.database import Database
from shop.kit.erasing import Receipt, receipt
from shop.kit.idempotency import forget
from shop.modules.sales.cancelling import FIRST
from shop.modules.sales.domain import FullOrder
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import erasure_receipts, idempotency_keys
from shop.modules.sales.views import order_view
from shop.ports.cart import Carts
from shop.ports.sales import CustomerRecords

TOGETHER = 500  # a statement has at most 32,766 parameters


class PersonalOrders:
    """The orders of one person, and what cart adds to them."""

    def __init__(self, database: Database[SalesStore], carts: Carts, together: int = TOGETHER) -> None:
        """Ask cart through its port, and the database about so many orders at once."""
        self.database, self.carts, self._together = database, carts, together

    async def records(self, customer_id: UUID) -> CustomerRecords:
        """Give everything; raises Unavailable where a part of it cannot be had."""
        cart = await self.carts.records(customer_id=customer_id)
        async with self.database.read() as store:
            placed = await store.orders_of(customer_id)
            portions = [placed[start : start + self._together] for start in range(0, len(placed), self._together)]
            full = [order for portion in portions for order in await store.all_full(portion)]
            mails = await store.letters_of(customer_id)
        return CustomerRecords(msgspec.to_builtins({"orders": [_record(order) for order in full], "mails": mails}), msgspec.to_builtins(cart))

    async def erase(self, customer_id: UUID) -> list[Receipt]:
        """Cancel what is not paid, erase what is over, and let cart do the same; what is under way waits. Raises Unavailable."""
        async with self.database.write() as store:
            for order in await store.orders_of(customer_id):
                if to := FIRST.get(order.state):
                    await store.move(order, to, event="cancel_requested")
            over = await store.orders_to_erase(customer_id)
            for order in over:
                await store.erase_order(order)
            erased = {"orders": len(over), "kept_answers": await forget(store, idempotency_keys, customer_id)}
            waiting = len(await store.orders_of(customer_id))
            mine = await receipt(store, erasure_receipts, "sales", customer_id, erased, waiting)
        return [mine, await self.carts.erase(customer_id=customer_id)]


def _record(full: FullOrder) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(order_view(full, ""))
    del shown["payment"]  # how to pay is a secret, not a record
    return shown | {"locale": full.order.locale}
