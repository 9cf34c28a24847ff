"""What a neighbour may ask of products."""

from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.money import Money
from shop.kit.port import Port, post, put
from shop.kit.problems import Conflict, Gone
from shop.kit.values import Line, Seconds, Sku


class OutOfStock(Conflict):
    """Fewer are in stock than were asked for."""


class ReservedDifferently(Conflict):
    """This id holds other lines already."""


class Variant(Struct, frozen=True):
    """What is sold under a SKU today; `categories` are the slugs from its category up to the root."""

    sku: Sku
    product_id: UUID
    title: str
    price: Money
    compare_at_price: Money | None
    available: int
    categories: list[str]


class HeldLine(Struct, frozen=True):
    """A reserved line with the price at the moment of reserving."""

    sku: Sku
    title: str
    quantity: int
    unit_price: Money
    categories: list[str]


class Held(Struct, frozen=True):
    """What a reservation holds, one line per SKU, sorted by SKU."""

    lines: list[HeldLine]


class Products(Port, Protocol):
    """The catalogue and its stock. Every command is safe to repeat under its id."""

    @post("/variants/lookup", timeout=2.0)
    async def variants(self, *, skus: list[Sku]) -> list[Variant]:
        """Give what is sold under these SKUs; unknown and archived ones are left out."""
        ...

    @put("/reservations/{id}", raises=(OutOfStock, ReservedDifferently, Gone), timeout=4.0)
    async def reserve(self, *, id: UUID, lines: list[Line], ttl: Seconds) -> Held:
        """Hold stock under an order's id; the same id always gives the same answer.

        OutOfStock has `skus` (also unknown and archived ones) and holds nothing.
        ReservedDifferently when the id came with other lines before; Gone after a release.
        """
        ...

    @post("/reservations/{id}/commit", raises=(Gone,), timeout=4.0)
    async def commit(self, *, id: UUID) -> None:
        """Turn what is held into sold; Gone when it was released, was never held or its hard limit passed."""
        ...

    @post("/reservations/{id}/release", timeout=4.0)
    async def release(self, *, id: UUID) -> None:
        """Give back what is held and leave a tombstone, also for an id never seen; what is sold already stays sold."""
        ...

    @put("/restocks/{restock_id}", raises=(Conflict,), timeout=4.0)
    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed reservation back into stock, never more than were sold under it (Conflict)."""
        ...
