"""The public routes of cart."""

from typing import Annotated
from uuid import UUID

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from shop.kit.http.audited import audit_route
from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, anyone, capability, customer
from shop.kit.money import Currency
from shop.kit.problems import Forbidden, Unavailable
from shop.kit.values import Body, Line
from shop.modules.cart.coupon_routes import COUPON_ROUTES
from shop.modules.cart.domain import CartFull, CartLocked, SkuNotFound
from shop.modules.cart.pricing import CartView
from shop.modules.cart.service import CartService, Claim
from shop.ports.cart import CartNotFound, CartOrdered

Service = Annotated[CartService, FromComponent("cart")]


class NewCart(Body, frozen=True):
    """A new cart, in the shop's currency."""

    currency: Currency | None = None


class NewQuantity(Body, frozen=True):
    """How many of a SKU the cart shall hold; 0 removes the line."""

    quantity: Annotated[int, Meta(ge=0, le=999)]


@post("/api/v1/carts", policy=anyone, responses=problems(Forbidden))
@inject
async def open_cart(data: JSONBody[NewCart], caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Open a cart: a guest gets its token, a customer the one cart that is not ordered yet."""
    return await carts.open(data.currency, caller)


@get("/api/v1/carts/mine", policy=customer, responses=problems(CartNotFound))
@inject
async def my_cart(caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Give the customer's cart."""
    return await carts.mine(caller)


@get("/api/v1/carts/{cart_id:uuid}", policy=capability("cart"), responses=problems(CartNotFound))
@inject
async def read_cart(cart_id: FromPath[UUID], caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Give a cart with today's prices and with what its owner should know."""
    return await carts.cart(cart_id, caller)


@put(
    "/api/v1/carts/{cart_id:uuid}/lines/{sku:str}",
    policy=capability("cart"),
    responses=problems(CartNotFound, SkuNotFound, CartLocked, CartOrdered, CartFull, Unavailable),
)
@inject
async def put_line(
    cart_id: FromPath[UUID], sku: FromPath[str], data: JSONBody[NewQuantity], caller: NamedDependency[Caller], carts: Service
) -> CartView:
    """Set how many of a SKU the cart holds; 0 removes the line."""
    return await carts.set_quantity(cart_id, sku, data.quantity, caller)


@post(
    "/api/v1/carts/{cart_id:uuid}/lines",
    status_code=200,
    policy=capability("cart"),
    idempotency="honoured",
    responses=problems(CartNotFound, SkuNotFound, CartLocked, CartOrdered, CartFull, Unavailable),
)
@inject
async def add_line(
    cart_id: FromPath[UUID], data: JSONBody[Line], caller: NamedDependency[Caller], once: NamedDependency[Once], carts: Service
) -> CartView:
    """Put so many pieces of a SKU more into the cart."""
    return await carts.add(cart_id, data, caller, once)


@delete(
    "/api/v1/carts/{cart_id:uuid}/lines/{sku:str}",
    status_code=200,
    policy=capability("cart"),
    responses=problems(CartNotFound, CartLocked, CartOrdered),
)
@inject
async def delete_line(cart_id: FromPath[UUID], sku: FromPath[str], caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Take a line out of the cart; one that is not there is out already."""
    return await carts.remove(cart_id, sku, caller)


@post(
    "/api/v1/carts/{cart_id:uuid}/claim",
    status_code=200,
    policy=customer,
    responses=problems(CartNotFound, CartLocked, CartOrdered, Unavailable),
)
@inject
async def claim_cart(cart_id: FromPath[UUID], caller: NamedDependency[Caller], carts: Service) -> Claim:
    """Put a guest's cart, opened by X-Cart-Token, into the customer's; `merged` and `dropped` say what came of its pieces."""
    return await carts.claim(cart_id, caller)


ROUTES = (open_cart, my_cart, read_cart, put_line, add_line, delete_line, claim_cart, *COUPON_ROUTES, audit_route("cart"))
