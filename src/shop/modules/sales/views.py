"""What people see of orders; the public shapes."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from shop.kit.address import Address
from shop.kit.money import Money
from shop.kit.values import Line
from shop.modules.sales.domain import FullOrder, Order, OrderLine, RefundRow, Shipment
from shop.modules.sales.states import State


class OrderLineView(Struct, frozen=True):
    """A line; `refunded` and `shipped` count pieces."""

    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money
    discount: Money
    tax: Money
    refunded: int
    shipped: int


class RefundView(Struct, frozen=True):
    """A refund; `restock` are the pieces that came back with it."""

    id: UUID
    amount: Money
    status: str
    reason: str
    note: str | None
    restock: list[Line]
    created_at: datetime


class EventView(Struct, frozen=True):
    """Something that happened to an order; which members it has depends on its type."""

    at: datetime
    type: str
    code: str | UnsetType = UNSET
    coupon: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    refund_id: UUID | UnsetType = UNSET
    amount: Money | UnsetType = UNSET
    shipment_id: UUID | UnsetType = UNSET
    carrier: str | UnsetType = UNSET
    tracking: str | UnsetType | None = UNSET


class PaymentView(Struct, frozen=True):
    """What a client needs to let the customer pay."""

    provider: str
    client_secret: str
    publishable_key: str


class OrderView(Struct, frozen=True):
    """An order; `payment` is there while it can be paid, `order_token` once, for a guest."""

    id: UUID
    number: str
    status: str
    lines: list[OrderLineView]
    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    paid: Money
    refunded: Money
    email: str
    shipping_address: Address
    billing_address: Address | None
    shipments: list[Shipment]
    refunds: list[RefundView]
    placed_at: datetime
    events: list[EventView]
    payment: PaymentView | None
    order_token: str | UnsetType = UNSET


class OrderItem(Struct, frozen=True):
    """An order in a list."""

    id: UUID
    number: str
    status: str
    placed_at: datetime
    total: Money
    email: str


class ShippingMethodView(Struct, frozen=True):
    """A way to ship; shipping is free from goods of `free_from` on."""

    code: str
    title: str
    price: Money
    free_from: Money | None


class ShippingMethods(Struct, frozen=True):
    """The ways to ship."""

    items: list[ShippingMethodView]


def order_view(full: FullOrder, publishable_key: str, order_token: str | UnsetType = UNSET) -> OrderView:
    """Show an order."""
    order = full.order
    return OrderView(
        id=order.id,
        number=order.number,
        status=order.status,
        lines=[_line(order, line) for line in full.lines],
        subtotal=order.money(order.subtotal),
        discount=order.money(order.discount),
        shipping=order.money(order.shipping),
        tax=order.money(order.tax),
        total=order.due,
        paid=order.paid_money(order.captured),
        refunded=order.paid_money(order.refunded),
        email=order.email,
        shipping_address=msgspec.convert(order.shipping_address, Address),
        billing_address=msgspec.convert(order.billing_address, Address | None),
        shipments=full.shipments,
        refunds=[refund_view(refund, full.restocks.get(refund.id, [])) for refund in full.refunds],
        placed_at=order.created_at,
        events=msgspec.convert(full.events, list[EventView]),
        payment=_payment(order, publishable_key),
        order_token=order_token,
    )


def item_view(order: Order) -> OrderItem:
    """Show an order in a list."""
    return OrderItem(order.id, order.number, order.status, order.created_at, order.due, order.email)


def refund_view(refund: RefundRow, restock: list[Line]) -> RefundView:
    """Show a refund."""
    return RefundView(refund.id, refund.money, refund.status, refund.reason, refund.note, restock, refund.created_at)


def _line(order: Order, line: OrderLine) -> OrderLineView:
    unit_price, line_total = order.money(line.unit_price), order.money(line.line_total)
    discount, tax = order.money(line.discount), order.money(line.tax)
    return OrderLineView(line.sku, line.title, line.quantity, unit_price, line_total, discount, tax, line.refunded, line.shipped)


def _payment(order: Order, publishable_key: str) -> PaymentView | None:
    if order.state is not State.PAYING or order.client_secret is None:
        return None
    return PaymentView("stripe", order.client_secret, publishable_key)
