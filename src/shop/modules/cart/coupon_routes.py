"""Coupons over HTTP: on carts, and in the hands of staff."""

from typing import Annotated
from uuid import UUID

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, capability, staff
from shop.kit.paging import Cursor, Limit, Page
from shop.kit.problems import Invalid, TooManyRequests, Unavailable
from shop.kit.values import Body
from shop.modules.cart.coupon_commands import CouponChanges, NewCoupon
from shop.modules.cart.coupon_service import Coupons
from shop.modules.cart.coupons import Coupon, CouponNotApplicable, CouponNotFound, CouponTaken
from shop.modules.cart.domain import CartLocked
from shop.modules.cart.pricing import CartView
from shop.modules.cart.service import CartService
from shop.ports.cart import CartNotFound, CartOrdered

Service = Annotated[CartService, FromComponent("cart")]
Here = Annotated[Coupons, FromComponent("cart")]
A_FEW_A_SECOND = (300, 60)  # requests per seconds and client: codes can be guessed
ON_CART = "/api/v1/carts/{cart_id:uuid}/coupon"


class GivenCode(Body, frozen=True):
    """The code of a coupon as somebody typed it; upper and lower case are the same."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]


@put(
    ON_CART,
    policy=capability("cart"),
    limit=A_FEW_A_SECOND,
    responses=problems(CartNotFound, CouponNotApplicable, CartLocked, CartOrdered, TooManyRequests, Unavailable),
)
@inject
async def put_coupon(cart_id: FromPath[UUID], data: JSONBody[GivenCode], caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Put a coupon on the cart, in place of another one.

    409 `coupon_not_applicable` has a `reason`: `unknown`, `not_started`, `expired`, `exhausted`, `scope` or `minimum`. One that stops applying
    later stays on the cart, takes nothing off and is among its `problems`. A limit per customer binds who is logged in; a guest the total alone.
    """
    return await carts.put_coupon(cart_id, data.code, caller)


@delete(ON_CART, status_code=200, policy=capability("cart"), responses=problems(CartNotFound, CartLocked, CartOrdered))
@inject
async def delete_coupon(cart_id: FromPath[UUID], caller: NamedDependency[Caller], carts: Service) -> CartView:
    """Take the coupon off the cart; where none is, nothing changes."""
    return await carts.remove_coupon(cart_id, caller)


@post("/api/v1/coupons", policy=staff, idempotency="honoured", responses=problems(CouponTaken))
@inject
async def create_coupon(data: JSONBody[NewCoupon], once: NamedDependency[Once], coupons: Here) -> Coupon:
    """Make a coupon, with either percent or amount; amounts are in the shop's currency.

    It is for the lines of its `skus` and for those in its `categories` or below them, without both for all; `min_subtotal` is that of the whole cart.
    """
    return await coupons.create(data, once)


@get("/api/v1/coupons", policy=staff, responses=problems(Invalid))
@inject
async def list_coupons(coupons: Here, limit: Limit = 20, cursor: Cursor = None) -> Page[Coupon]:
    """Show all coupons, sorted by code, and how often each is redeemed."""
    return await coupons.listed(limit, cursor)


@patch("/api/v1/coupons/{code:str}", policy=staff, responses=problems(CouponNotFound))
@inject
async def change_coupon(code: FromPath[str], data: JSONBody[CouponChanges], coupons: Here) -> Coupon:
    """Change a coupon; null takes a limit away. Checkouts that are under way keep what they were quoted.

    A limit below what is redeemed already ends the coupon, as does an `ends_at` that has passed; carts that have it say so.
    """
    return await coupons.change(code, data)


COUPON_ROUTES: list[HTTPRouteHandler] = [put_coupon, delete_coupon, create_coupon, list_coupons, change_coupon]
