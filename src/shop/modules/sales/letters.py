"""What sales writes to its customers."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.address import Address
from shop.kit.letters import Stationery, salutation
from shop.kit.money import Money
from shop.kit.outbox import Letter
from shop.ports.mail import Message


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
    coupon: str | None = None


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


KINDS: dict[str, type[OrderLetter | ShipmentLetter | RefundLetter]] = {
    "order_confirmed": OrderLetter,
    "order_shipped": ShipmentLetter,
    "order_refunded": RefundLetter,
}


async def no_page(_order_id: UUID) -> str | None:
    """Give no link: this shop has no page that shows an order."""
    return None


class SalesLetters:
    """Composes the mails that the outbox of sales owes."""

    def __init__(self, sender: str, locales: Sequence[str], order_link: Callable[[UUID], Awaitable[str | None]] = no_page) -> None:
        """`order_link` gives the address of a page that shows an order; a guest's token in it is derived then and there."""
        self._stationery = Stationery(Path(__file__).parent / "templates", locales, sender)
        self._order_link = order_link

    async def compose(self, letter: Letter) -> Message:
        """Write the mail of an outbox row; the same row always gives the same Message-ID."""
        order = msgspec.convert(letter.data, KINDS[letter.kind])
        link = await self._order_link(order.order_id)
        written = self._stationery.write(letter.kind, letter.locale, order=order, number=order.number, name=salutation(order.name), link=link)
        headers = {"Auto-Submitted": "auto-generated", "Content-Language": written.language}
        return Message(self._stationery.message_id(letter.id), letter.recipient, written.subject, written.text, written.html, headers)
