"""What buyers and the payment provider call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from dishka import AsyncContainer, FromComponent
from dishka.integrations.litestar import inject
from litestar import Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import UNSET, Struct
from msgspec.structs import replace

from shop.kit.address import COUNTRIES
from shop.kit.http.moments import instant
from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, capability, public, signed_in
from shop.kit.money import Money
from shop.kit.paging import Cursor, Limit, Page
from shop.kit.problems import Conflict, Invalid, Unavailable
from shop.modules.sales.cancelling import Cancelling
from shop.modules.sales.domain import spoken
from shop.modules.sales.list_rows import Wanted
from shop.modules.sales.pricing import offered
from shop.modules.sales.problems import REFUSALS, OrderConfirmed, OrderNotFound, OrderShipped
from shop.modules.sales.service import NewOrder, Orders
from shop.modules.sales.states import Status
from shop.modules.sales.views import OrderItem, OrderView, ShippingMethods, ShippingMethodView, item_view, order_view
from shop.modules.sales.webhook import Webhooks
from shop.settings import Commerce, Stripe

FromOrders = Annotated[Orders, FromComponent("sales")]
FromStripe = Annotated[Stripe, FromComponent()]
WEBHOOK_LIMIT = 256 * 1024


class Received(Struct, frozen=True):
    """The event is stored."""

    received: bool = True


@get("/api/v1/shipping-methods", policy=public)
@inject
async def shipping_methods(
    commerce: Annotated[Commerce, FromComponent()],
    country: Annotated[str | None, QueryParameter(max_length=2, description="ISO 3166-1 alpha-2")] = None,
    accept_language: Annotated[str | None, HeaderParameter(name="Accept-Language")] = None,
) -> ShippingMethods:
    """Give the ways to ship, to a country or at all."""
    if country is not None and country not in COUNTRIES:
        raise Invalid.field("country", "must be a country of ISO 3166-1, such as ES")
    locale = spoken((accept_language or "").partition(",")[0].partition(";")[0].strip() or None, commerce.locales)
    return ShippingMethods(
        [
            ShippingMethodView(
                method.code,
                method.title.get(locale) or next(iter(method.title.values()), method.code),
                Money(method.price, commerce.currency),
                None if method.free_from is None else Money(method.free_from, commerce.currency),
            )
            for method in offered(country, commerce)
        ]
    )


async def _token_again(container: AsyncContainer, subject: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
    orders = await container.get(Orders, component="sales")
    return {"order_token": await orders.token(subject)}


@post(
    "/api/v1/orders",
    policy=capability("cart"),
    idempotency="required",
    secrets=("order_token",),
    derive=_token_again,
    responses=problems(*(kind for kind in REFUSALS if kind is not Conflict), Unavailable),
)
@inject
async def place_order(
    data: JSONBody[NewOrder], caller: NamedDependency[Caller], once: NamedDependency[Once], orders: FromOrders, stripe: FromStripe
) -> OrderView:
    """Order what a cart holds; the answer says how to pay."""
    order = await orders.place(data, caller, once)
    token = UNSET if order.customer_id is not None else await orders.token(order.id)
    return order_view(await orders.full(order), stripe.publishable_key, token)


@get("/api/v1/orders/{order_id:uuid}", policy=capability("order"), responses=problems(OrderNotFound))
@inject
async def read_order(order_id: FromPath[UUID], caller: NamedDependency[Caller], orders: FromOrders, stripe: FromStripe) -> OrderView:
    """Give an order with all that belongs to it."""
    return order_view(await orders.full(await orders.visible(order_id, caller)), stripe.publishable_key)


@get("/api/v1/orders", policy=signed_in)
@inject
async def list_orders(
    caller: NamedDependency[Caller],
    orders: FromOrders,
    status: Annotated[Status | None, QueryParameter(description="only orders of this status")] = None,
    q: Annotated[str | None, QueryParameter(max_length=254, description="number or e-mail address, or the beginning of one; staff only")] = None,
    email: Annotated[str | None, QueryParameter(max_length=254, description="the whole e-mail address; staff only")] = None,
    since: Annotated[datetime | None, QueryParameter(name="from", description="placed then or later, RFC 3339")] = None,
    until: Annotated[datetime | None, QueryParameter(name="to", description="placed before, RFC 3339")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[OrderItem]:
    """List orders, newest first: a customer's own, for staff all."""
    wanted = Wanted(status=status, q=q, email=email) if caller.is_staff else Wanted(caller.user_id, status)
    wanted = replace(wanted, since=instant("from", since), until=instant("to", until))
    found, following = await orders.found(wanted, limit, cursor)
    return Page([item_view(order) for order in found], following)


@post(
    "/api/v1/orders/{order_id:uuid}/cancel",
    status_code=200,
    policy=capability("order"),
    responses=problems(OrderNotFound, OrderConfirmed, OrderShipped),
)
@inject
async def cancel_order(
    order_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    orders: FromOrders,
    cancelling: Annotated[Cancelling, FromComponent("sales")],
    stripe: FromStripe,
) -> OrderView:
    """Cancel an order that is not confirmed yet; staff also one that is, while nothing of it is shipped."""
    order = await orders.visible(order_id, caller)
    await cancelling.cancel(order, caller)
    return order_view(await orders.full(await orders.order(order_id)), stripe.publishable_key)


@post("/api/v1/payments/stripe/webhook", status_code=200, policy=public, raw=True, body_limit=WEBHOOK_LIMIT)
@inject
async def stripe_webhook(
    request: Request[Any, Any, Any],
    webhooks: Annotated[Webhooks, FromComponent("sales")],
    signature: Annotated[str | None, HeaderParameter(name="Stripe-Signature")] = None,
) -> Response[Received]:
    """Store an event of the payment provider, then look at what it is about."""
    body = await request.body()
    if signature is None:
        raise Invalid.field("Stripe-Signature", "is missing")
    news = await webhooks.receive(body, signature)
    return Response(Received(), background=BackgroundTask(webhooks.look, news))


ROUTES: list[HTTPRouteHandler] = [shipping_methods, place_order, read_order, list_orders, cancel_order, stripe_webhook]
