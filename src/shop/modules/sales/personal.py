"""What sales holds about a customer, and what cart holds: to be read by them, and to be forgotten."""

from typing import Any
from uuid import UUID

import msgspec

from shop.kit.database import Database
from shop.kit.erasing import Receipt, receipt
from shop.kit.idempotency import forget
from shop.modules.sales.cancelling import FIRST
from shop.modules.sales.domain import Order
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import erasure_receipts, idempotency_keys
from shop.modules.sales.views import order_view
from shop.ports.cart import Carts
from shop.ports.sales import CustomerRecords


class PersonalOrders:
    """The orders of one person, and what cart adds to them."""

    def __init__(self, database: Database[SalesStore], carts: Carts) -> None:
        """Ask cart through its port."""
        self.database, self.carts = database, carts

    async def records(self, customer_id: UUID) -> CustomerRecords:
        """Give everything; raises Unavailable where a part of it cannot be had."""
        cart = await self.carts.records(customer_id=customer_id)
        async with self.database.read() as store:
            placed = [await _record(store, order) for order in await store.orders_of(customer_id)]
            mails = await store.letters_of(customer_id)
        return CustomerRecords(msgspec.to_builtins({"orders": placed, "mails": mails}), msgspec.to_builtins(cart))

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


async def _record(store: SalesStore, order: Order) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(order_view(await store.full(order), ""))
    del shown["payment"]  # how to pay is a secret, not a record
    return shown | {"locale": order.locale}
