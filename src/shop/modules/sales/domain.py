"""What an order is made of."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from shop.kit.address import Address
from shop.kit.identity import Caller
from shop.kit.money import Money
from shop.kit.values import Line
from shop.modules.sales.states import Facts, State

POLLS = (10, 20, 40, 60)  # seconds between looks at an open payment; the last one again and again
LONGEST_BACKOFF = 10  # an order may find the circuit half-open, be refused and wait again, and must still be confirmed within a minute
KEY_LIVES = timedelta(hours=23)  # Stripe keeps a key for 24 h; an hour is left for a request on its way


class Terms(Struct, frozen=True):
    """What was agreed on when the order was placed: how it is shipped, for how much, and the tax rate of its country."""

    method: str
    title: dict[str, str]
    price: int
    free_from: int | None
    tax_rate: Decimal
    expected: Money


class OrderLine(Struct, frozen=True):
    """A line of an order, in minor units; `tax` is contained in `line_total - discount`.

    `refunded` and `shipped` are pieces; `kept_back` are those of the refunded ones that were never shipped.
    """

    sku: str
    title: str
    quantity: int
    unit_price: int
    line_total: int
    discount: int
    tax: int
    refunded: int = 0
    shipped: int = 0
    kept_back: int = 0

    @property
    def to_ship(self) -> int:
        """Give how many pieces are left to ship."""
        return self.quantity - self.shipped - self.kept_back


class Draft(Struct, frozen=True, kw_only=True):
    """What an order is made from; `cart_proof` proves later, without the token, that a guest is the one who began."""

    cart_id: UUID
    cart_proof: bytes | None
    customer_id: UUID | None
    email: str
    locale: str
    shipping_address: Address
    billing_address: Address | None
    terms: Terms
    currency: str


class Order(Struct, frozen=True, kw_only=True):
    """An order as it is stored; money is in minor units of `currency`, what was paid in those of `paid_currency`."""

    id: UUID
    seq: int
    number: str
    state: State
    status: str
    version: int
    attempt: int
    cart_id: UUID
    cart_proof: bytes | None
    customer_id: UUID | None
    email: str
    locale: str
    shipping_address: dict[str, Any]
    billing_address: dict[str, Any] | None
    terms: Terms
    refusal: dict[str, Any] | None
    currency: str
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int
    payment_id: str | None
    client_secret: str | None
    paid_currency: str | None
    captured: int
    refunded: int
    withdrawn: bool
    shipped: bool
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None
    next_attempt_at: datetime | None
    tries: int

    @property
    def facts(self) -> Facts:
        """Give what the status depends on."""
        return Facts(self.state, self.captured, self.refunded, self.withdrawn, self.shipped)

    @property
    def due(self) -> Money:
        """Give what is to be paid."""
        return Money(self.total, self.currency)

    @property
    def left(self) -> int:
        """Give what can still be refunded, in minor units."""
        return self.captured - self.refunded

    def money(self, amount: int) -> Money:
        """Give an amount in the order's currency."""
        return Money(amount, self.currency)

    def paid_money(self, amount: int) -> Money:
        """Give an amount in the currency that was paid in."""
        return Money(amount, self.paid_currency or self.currency)

    def key_is_dead(self, now: datetime) -> bool:
        """Tell whether the provider may have forgotten the key of the payment."""
        return self.asked_at is not None and now >= self.asked_at + KEY_LIVES


class RefundStatus(StrEnum):
    """How far a refund is."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundRow(Struct, frozen=True):
    """A refund as it is stored, never deleted; `closing` marks the one that ends an order which could not be confirmed."""

    id: UUID
    order_id: UUID
    amount: int
    currency: str
    reason: str
    note: str | None
    status: RefundStatus
    provider_id: str | None
    closing: bool
    restocked: bool
    created_at: datetime
    tries: int

    @property
    def money(self) -> Money:
        """Give its amount."""
        return Money(self.amount, self.currency)

    def key_is_dead(self, now: datetime) -> bool:
        """Tell whether the provider may have forgotten the key of the refund."""
        return now >= self.created_at + KEY_LIVES


class Shipment(Struct, frozen=True):
    """A parcel."""

    id: UUID
    carrier: str
    tracking: str | None
    lines: list[Line]
    created_at: datetime


class FullOrder(Struct, frozen=True):
    """An order with all that belongs to it; `restocks` are the pieces that come back with each refund."""

    order: Order
    lines: list[OrderLine]
    events: list[dict[str, Any]]
    shipments: list[Shipment]
    refunds: list[RefundRow]
    restocks: dict[UUID, list[Line]]


class Pause(Struct, frozen=True):
    """When to look at something again: after so many seconds, and not after `latest`; without either, never."""

    seconds: float | None = None
    latest: datetime | None = None

    def until(self, now: datetime) -> datetime | None:
        """Give the moment."""
        moment = None if self.seconds is None else now + timedelta(seconds=self.seconds)
        return min((known for known in (moment, self.latest) if known is not None), default=None)


DONE = Pause()


def poll(tries: int, latest: datetime | None = None) -> Pause:
    """Give the wait before the next look at an open payment: 10, 20, 40 s, then every 60 s."""
    return Pause(POLLS[min(tries, len(POLLS) - 1)], latest)


def backoff(tries: int) -> Pause:
    """Give the wait after somebody did not answer: 1, 2, 4 s and so on, at most 10 s."""
    return Pause(min(2.0 ** min(tries, 10), LONGEST_BACKOFF))


def spoken(locale: str | None, locales: tuple[str, ...]) -> str:
    """Give the locale of the shop that is nearest to the wanted one: the same, the same language, or the first."""
    wanted = locale or locales[0]
    same_language = next((known for known in locales if known.partition("-")[0] == wanted.partition("-")[0]), locales[0])
    return wanted if wanted in locales else same_language


def may_see(order: Order, caller: Caller, holds_token: bool) -> bool:
    """Tell whether an order is the caller's to see: staff, its customer, or for a guest's order who holds its token."""
    if order.refusal is not None:
        return False
    return caller.is_staff or (order.customer_id == caller.customer_id if order.customer_id else holds_token)


def summed(lines: list[Line]) -> list[Line]:
    """Add up the lines of a SKU, sorted by SKU, so that two requests never wait for each other."""
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
    return [Line(sku, quantity) for sku, quantity in sorted(quantities.items())]
