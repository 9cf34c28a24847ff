"""What staff do with orders: refunds and shipments."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from shop.kit.http.audited import audit_route
from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import staff
from shop.kit.money import Money
from shop.kit.values import Body, Line, Text
from shop.modules.sales.domain import Shipment
from shop.modules.sales.problems import OrderNotConfirmed, OrderNotFound, RefundExceedsPayment, RestockExceedsOrder, ShipmentExceedsOrder
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.shipments import Shipments
from shop.modules.sales.views import RefundView, refund_view

Lines = Annotated[list[Line], Meta(min_length=1, max_length=100)]


class Reason(StrEnum):
    """Why money is given back."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    OTHER = "other"


class NewRefund(Body, frozen=True):
    """A refund; without an amount it is all that is left."""

    reason: Reason
    amount: Money | None = None
    note: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    restock: Annotated[list[Line], Meta(max_length=100)] | None = None


class NewShipment(Body, frozen=True):
    """A parcel; without lines it holds all that is left to ship."""

    carrier: Text
    tracking: Text | None = None
    lines: Lines | None = None


@post(
    "/api/v1/orders/{order_id:uuid}/refunds",
    policy=staff,
    idempotency="required",
    responses=problems(OrderNotFound, RefundExceedsPayment, RestockExceedsOrder, OrderNotConfirmed),
)
@inject
async def refund_order(
    order_id: FromPath[UUID], data: JSONBody[NewRefund], once: NamedDependency[Once], refunds: Annotated[Refunds, FromComponent("sales")]
) -> RefundView:
    """Give money back, in part or in full, and take pieces back into stock."""
    refund_id = await refunds.request(order_id, data.amount, data.reason, data.note, data.restock or [], once)
    return refund_view(*await refunds.read(refund_id))


@post(
    "/api/v1/orders/{order_id:uuid}/shipments",
    policy=staff,
    idempotency="honoured",
    responses=problems(OrderNotFound, OrderNotConfirmed, ShipmentExceedsOrder),
)
@inject
async def ship_order(
    order_id: FromPath[UUID], data: JSONBody[NewShipment], once: NamedDependency[Once], shipments: Annotated[Shipments, FromComponent("sales")]
) -> Shipment:
    """Ship a confirmed order, whole or in part."""
    return await shipments.ship(order_id, data.carrier, data.tracking, data.lines, once)


ROUTES: list[HTTPRouteHandler] = [refund_order, ship_order, audit_route("sales")]
