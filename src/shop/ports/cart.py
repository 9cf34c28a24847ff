"""What sales may ask of cart; everything about stock goes this way too."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.erasing import Receipt
from shop.kit.money import Money
from shop.kit.port import Port, get, post, put
from shop.kit.problems import Conflict, Gone, NotFound
from shop.kit.values import Line, Seconds, Sku


class CartNotFound(NotFound):
    """There is no such cart, or it is not yours."""


class CartEmpty(Conflict):
    """The cart has no lines."""


class CartOrdered(Conflict):
    """The cart was ordered already; `order_id` says as which order."""


class CheckoutInProgress(Conflict):
    """The cart is in a checkout already; `order_id` says which."""


class InsufficientStock(Conflict):
    """Fewer are in stock than the cart holds; `skus` names them."""


class CheckoutOfAnotherCart(Conflict):
    """This id is the checkout of another cart."""


REFUSALS = (CartNotFound, CartEmpty, CartOrdered, CheckoutInProgress, CheckoutOfAnotherCart, InsufficientStock)


class Owner(Struct, frozen=True):
    """Who says that the cart is theirs: a customer's id, the token of a guest's cart, or both."""

    customer_id: UUID | None = None
    cart_token: str | None = None


class QuoteLine(Struct, frozen=True):
    """A cart line as it will be charged; `line_total` is before `discount`."""

    sku: Sku
    title: str
    quantity: int
    unit_price: Money
    line_total: Money
    discount: Money


class Quote(Struct, frozen=True):
    """What the cart comes to, its stock being held; lines sorted by SKU; `subtotal` is before `discount`, for which `coupon` was redeemed."""

    cart_id: UUID
    customer_id: UUID | None
    lines: list[QuoteLine]
    subtotal: Money
    discount: Money
    coupon: str | None = None


class CartRecord(Struct, frozen=True):
    """A cart as it is kept about a customer; `coupon` is the code of the one on it."""

    id: UUID
    status: str
    created_at: datetime
    lines: list[Line]
    coupon: str | None = None


class RedemptionRecord(Struct, frozen=True):
    """A coupon that a customer redeemed with an order."""

    coupon: str
    order_id: UUID
    created_at: datetime


class CartRecords(Struct, frozen=True):
    """All that cart holds about a customer."""

    carts: list[CartRecord]
    redemptions: list[RedemptionRecord] = []


class Carts(Port, Protocol):
    """Carts and their checkouts. `id` is the order's id; every command is safe to repeat under it."""

    @put(
        "/checkouts/{id}",
        raises=(*REFUSALS, Gone),
        timeout=9.0,
    )
    async def begin(self, *, id: UUID, cart_id: UUID, owner: Owner, ttl: Seconds) -> Quote:
        """Lock the cart, hold its stock, redeem its coupon and give the quote; a refusal leaves the cart open; Gone after a release.

        A coupon that does not apply (any more) is not in the quote: whoever expected another total sees it there.
        """
        ...

    @post("/checkouts/{id}/commit", raises=(Gone,), timeout=9.0)
    async def commit(self, *, id: UUID) -> None:
        """Sell what is held and close the cart as ordered; Gone when the stock is no longer held."""
        ...

    @post("/checkouts/{id}/release", timeout=9.0)
    async def release(self, *, id: UUID) -> None:
        """Give the coupon and the stock back, then unlock the cart; leaves a tombstone, also for an id never seen."""
        ...

    @put("/restocks/{restock_id}", raises=(Conflict,), timeout=9.0)
    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed checkout back into stock."""
        ...

    @get("/customers/{customer_id}/records", timeout=4.0)
    async def records(self, *, customer_id: UUID) -> CartRecords:
        """Give all that cart holds about a customer; nothing for one it never saw."""
        ...

    @post("/customers/{customer_id}/erase", timeout=4.0)
    async def erase(self, *, customer_id: UUID) -> Receipt:
        """Forget a customer: delete what is open, take the name off what was ordered; a cart in checkout waits for a later round."""
        ...
