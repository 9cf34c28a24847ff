"""What sales owes its customers: the letters of a fact, enqueued in the fact's own transaction."""

from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.address import Address
from shop.kit.erasing import ERASED_EMAIL
from shop.kit.outbox import enqueue
from shop.modules.sales.domain import Order, OrderLine, RefundRow, Shipment
from shop.modules.sales.letters import OrderLetter, OrderLetterLine, RefundLetter, ShipmentLetter, ShipmentLetterLine
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import outbox


async def _owe(store: SalesStore, order: Order, subject_id: UUID, kind: str, letter: Struct) -> None:
    """Owe a letter about an order, unless nobody is left to read it."""
    if order.email != ERASED_EMAIL:
        await enqueue(store, outbox, subject_id=subject_id, kind=kind, recipient=order.email, locale=order.locale, data=letter)


async def owe_confirmation(store: SalesStore, order: Order, lines: list[OrderLine], coupon: str | None) -> None:
    """Owe the purchase confirmation of an order; `coupon` is the code that its discount is for."""
    titles = order.terms.title
    letter = OrderLetter(
        order_id=order.id,
        number=order.number,
        name=order.shipping_address["name"],
        placed_at=order.created_at,
        lines=[OrderLetterLine(line.sku, line.title, line.quantity, order.money(line.unit_price), order.money(line.line_total)) for line in lines],
        subtotal=order.money(order.subtotal),
        discount=order.money(order.discount),
        shipping=order.money(order.shipping),
        tax=order.money(order.tax),
        total=order.due,
        shipping_method=titles.get(order.locale) or next(iter(titles.values()), order.terms.method),
        shipping_address=msgspec.convert(order.shipping_address, Address),
        billing_address=msgspec.convert(order.billing_address, Address | None),
        coupon=coupon,
    )
    await _owe(store, order, order.id, "order_confirmed", letter)


async def owe_shipment(store: SalesStore, order: Order, shipment: Shipment, titles: dict[str, str], complete: bool) -> None:
    """Owe the mail that a parcel is on its way."""
    letter = ShipmentLetter(
        order_id=order.id,
        number=order.number,
        name=order.shipping_address["name"],
        carrier=shipment.carrier,
        tracking=shipment.tracking,
        lines=[ShipmentLetterLine(line.sku, titles[line.sku], line.quantity) for line in shipment.lines],
        shipping_address=msgspec.convert(order.shipping_address, Address),
        complete=complete,
    )
    await _owe(store, order, shipment.id, "order_shipped", letter)


async def owe_refund(store: SalesStore, order: Order, refund: RefundRow) -> None:
    """Owe the mail that money was given back."""
    letter = RefundLetter(
        order_id=order.id,
        number=order.number,
        name=order.shipping_address["name"],
        amount=refund.money,
        refunded=order.paid_money(order.refunded),
        total=order.due,
    )
    await _owe(store, order, refund.id, "order_refunded", letter)
