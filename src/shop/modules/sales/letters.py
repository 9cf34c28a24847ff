"""What sales writes to its customers."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shop.kit.address import Address
from shop.kit.money import Money


class OrderLetterLine(Struct, frozen=True):
    """What was bought; `line_total` is before the discount."""

    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money


class OrderLetter(Struct, frozen=True):
    """The purchase confirmation, kind `order_confirmed`; `tax` is the part included in the total, `shipping_method` its title."""

    order_id: UUID
    number: str
    name: str
    placed_at: datetime
    lines: list[OrderLetterLine]
    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    shipping_method: str
    shipping_address: Address
    billing_address: Address | None = None


class ShipmentLetterLine(Struct, frozen=True):
    """What is in the parcel."""

    sku: str
    title: str
    quantity: int


class ShipmentLetter(Struct, frozen=True):
    """A parcel is on its way, kind `order_shipped`; `complete` says whether nothing of the order is left to ship."""

    order_id: UUID
    number: str
    name: str
    carrier: str
    tracking: str | None
    lines: list[ShipmentLetterLine]
    shipping_address: Address
    complete: bool


class RefundLetter(Struct, frozen=True):
    """Money was given back, kind `order_refunded`; `refunded` is all that was given back of the order's `total`, this refund included."""

    order_id: UUID
    number: str
    name: str
    amount: Money
    refunded: Money
    total: Money
