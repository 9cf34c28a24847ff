"""What a neighbour may ask of sales."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.money import Money
from shop.kit.port import Port, get
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


class PurchaseHistory(Port, Protocol):
    """What a customer bought."""

    @get("/customers/{customer_id}/purchases", raises=(Invalid,), timeout=3.0)
    async def purchases(self, *, customer_id: UUID, limit: int = 20, cursor: str | None = None) -> Purchases:
        """Give a page of a customer's purchases; a cursor that is none is Invalid."""
        ...
