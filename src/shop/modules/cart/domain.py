"""The rules of a cart: pure, no I/O. Prices are minor units of the cart's currency."""

import re
from enum import StrEnum
from typing import Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from shop.kit.ids import is_capability
from shop.kit.problems import Conflict, NotFound
from shop.kit.values import SKU_PATTERN, Line
from shop.ports.cart import CartEmpty, CartNotFound, CartOrdered, CheckoutInProgress, Owner

MOST_LINES = 100
MOST_PIECES = 999


class CartLocked(Conflict):
    """The cart is in checkout and cannot be changed."""


class CartFull(Conflict):
    """A cart holds at most 100 lines of at most 999 pieces each."""


class SkuNotFound(NotFound):
    """Nothing is sold under this SKU."""


class CartStatus(StrEnum):
    """Open carts can be changed; the others belong to the checkout that locked or ordered them."""

    OPEN = "open"
    CHECKING_OUT = "checking_out"
    ORDERED = "ordered"


class Offer(Struct, frozen=True):
    """What products said of a SKU."""

    title: str
    price: int
    available: int
    categories: tuple[str, ...] = ()


class CartLine(Struct, frozen=True):
    """So many pieces of a SKU, the price when they were added, and the last quote."""

    sku: str
    position: int
    quantity: int
    added_price: int
    last: Offer

    def quoted(self, offer: Offer) -> Self:
        """Take over a quote that tells a customer something new; a mere change of the stock behind it is not worth a write."""
        enough, enough_before = offer.available >= self.quantity, self.last.available >= self.quantity
        told, told_before = (offer.title, offer.price, offer.categories), (self.last.title, self.last.price, self.last.categories)
        return replace(self, last=offer) if (told, enough) != (told_before, enough_before) else self


class Cart(Struct, frozen=True):
    """A cart, the code of its coupon, and its lines in the order in which they came; `checkout_id` is the order that locked it or became of it."""

    id: UUID
    version: int
    status: CartStatus
    customer_id: UUID | None
    currency: str
    checkout_id: UUID | None
    coupon: str | None = None
    lines: tuple[CartLine, ...] = ()

    @property
    def skus(self) -> list[str]:
        """Name what is in the cart, sorted."""
        return sorted(line.sku for line in self.lines)

    @property
    def wanted(self) -> list[Line]:
        """Give what a checkout has to hold, sorted by SKU."""
        return sorted((Line(line.sku, line.quantity) for line in self.lines), key=lambda line: line.sku)

    def line(self, sku: str) -> CartLine | None:
        """Find the line of a SKU."""
        return next((line for line in self.lines if line.sku == sku), None)

    def check_changeable(self) -> None:
        """Pass if the cart is open; raises CartLocked, CartOrdered."""
        if self.status is CartStatus.ORDERED:
            raise CartOrdered(order_id=self.checkout_id)
        if self.status is CartStatus.CHECKING_OUT:
            raise CartLocked

    def check_ready(self) -> None:
        """Pass if a checkout may begin; raises CartOrdered, CheckoutInProgress, CartEmpty."""
        if self.status is CartStatus.ORDERED:
            raise CartOrdered(order_id=self.checkout_id)
        if self.status is CartStatus.CHECKING_OUT:
            raise CheckoutInProgress(order_id=self.checkout_id)
        if not self.lines:
            raise CartEmpty

    def with_coupon(self, code: str | None) -> Self:
        """Give the cart with another coupon, or without one; raises CartLocked, CartOrdered."""
        self.check_changeable()
        return replace(self, coupon=code)

    def with_added(self, sku: str, quantity: int, offer: Offer | None) -> Self:
        """Give the cart with so many pieces more; raises CartLocked, CartOrdered, SkuNotFound, CartFull."""
        line = self.line(sku)
        return self.with_quantity(sku, quantity + (line.quantity if line else 0), offer)

    def with_quantity(self, sku: str, quantity: int, offer: Offer | None) -> Self:
        """Give the cart with exactly so many pieces, none removes the line; raises CartLocked, CartOrdered, SkuNotFound, CartFull."""
        self.check_changeable()
        others = tuple(line for line in self.lines if line.sku != sku)
        if quantity == 0:
            return replace(self, lines=others)
        if offer is None:
            raise SkuNotFound
        if quantity > MOST_PIECES or len(others) >= MOST_LINES:
            raise CartFull
        line = self.line(sku)
        if line is None:
            return self.with_line(CartLine(sku, self.next_position, quantity, offer.price, offer))
        return self.with_line(replace(line, quantity=quantity, last=offer))

    def with_line(self, new: CartLine) -> Self:
        """Give the cart with this line in its place."""
        lines = {line.position: line for line in self.lines} | {new.position: new}
        return replace(self, lines=tuple(lines[position] for position in sorted(lines)))

    @property
    def next_position(self) -> int:
        """Give the place of the next new line."""
        return max((line.position for line in self.lines), default=0) + 1


def is_sku(text: str) -> bool:
    """Tell whether a text has the form of a SKU."""
    return re.match(SKU_PATTERN, text) is not None


def owned(cart: Cart | None, owner: Owner, key: bytes) -> Cart:
    """Give the cart if it is there and the owner's; `key` is the one that cart tokens are derived with. Raises CartNotFound."""
    if cart is None or not _is_owner(cart, owner, key):
        raise CartNotFound
    return cart


def _is_owner(cart: Cart, owner: Owner, key: bytes) -> bool:
    if cart.customer_id is None:
        return is_capability(key, "cart", cart.id, owner.cart_token)
    return cart.customer_id == owner.customer_id


class Merge(Struct, frozen=True):
    """How a guest's cart went into a customer's: the customer's cart now, what of the guest's is in it, and what is not."""

    cart: Cart
    merged: list[Line]
    dropped: list[Line]


def merge(guest: Cart, mine: Cart, available: dict[str, int]) -> Merge:
    """Add a guest's lines to a customer's cart, up to what is available and what a cart can hold; what was in it stays, its coupon too."""
    mine = replace(mine, coupon=mine.coupon or guest.coupon)
    merged: list[Line] = []
    dropped: list[Line] = []
    for line in guest.lines:
        taken = min(line.quantity, _room(mine, line.sku, available.get(line.sku, 0)))
        if taken:
            merged.append(Line(line.sku, taken))
            mine = mine.with_line(_joined(mine, line, taken))
        if taken < line.quantity:
            dropped.append(Line(line.sku, line.quantity - taken))
    return Merge(mine, merged, dropped)


def _room(cart: Cart, sku: str, available: int) -> int:
    line = cart.line(sku)
    if line is None and len(cart.lines) >= MOST_LINES:
        return 0
    return max(0, min(available, MOST_PIECES) - (line.quantity if line else 0))


def _joined(cart: Cart, line: CartLine, taken: int) -> CartLine:
    there = cart.line(line.sku)
    return replace(there, quantity=there.quantity + taken) if there else replace(line, position=cart.next_position, quantity=taken)
