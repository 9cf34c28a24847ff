"""What a neighbour may ask of sales."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.erasing import Receipt
from shop.kit.money import Money
from shop.kit.port import Port, get, post
from shop.kit.problems import Invalid
from shop.kit.values import Sku


class PurchaseLine(Struct, frozen=True):
    """What was bought."""

    sku: Sku
    title: str
    quantity: int
    unit_price: Money


class Purchase(Struct, frozen=True):
    """A confirmed order, or one that went on from there."""

    order_id: UUID
    number: str
    status: str
    placed_at: datetime
    total: Money
    lines: list[PurchaseLine]


class Purchases(Struct, frozen=True):
    """A page of purchases, newest first; `next_cursor` is None on the last one."""

    items: list[Purchase]
    next_cursor: str | None


class CustomerRecords(Struct, frozen=True):
    """All that sales and cart hold about a customer; sales passes on what cart says as cart says it."""

    sales: dict[str, Any]
    cart: dict[str, Any]


class PurchaseHistory(Port, Protocol):
    """What a customer bought, and all else that is held about them on this side of users."""

    @get("/customers/{customer_id}/purchases", raises=(Invalid,), timeout=3.0)
    async def purchases(self, *, customer_id: UUID, limit: int = 20, cursor: str | None = None) -> Purchases:
        """Give a page of a customer's purchases; a cursor that is none is Invalid."""
        ...

    @get("/customers/{customer_id}/records", timeout=4.5)
    async def records(self, *, customer_id: UUID) -> CustomerRecords:
        """Give all that sales and cart hold about a customer; never a part of it."""
        ...

    @post("/customers/{customer_id}/erase", timeout=4.5)
    async def erase(self, *, customer_id: UUID) -> list[Receipt]:
        """Forget a customer in sales and in cart, and give the receipts of both.

        Open checkouts are cancelled; an order that is paid and not yet with the customer waits for a later round.
        """
        ...
