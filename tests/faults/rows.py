"""Every public call of the API, with what to send and whom it waits for."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from tests.faults.scene import PICTURE, Scene
from tests.support.outside import WEBHOOK_SECRET
from tests.support.shop import ADDRESS, PASSWORD, Buyer, euros

from shop.kit.ids import uuid7
from shop.kit.port import endpoints
from shop.ports.cart import Carts
from shop.ports.products import Products
from shop.ports.sales import PurchaseHistory
from shop.ports.users import Customers

ENDPOINTS = {f"{endpoint.port}.{endpoint.name}": endpoint for port in (Carts, Customers, Products, PurchaseHistory) for endpoint in endpoints(port)}


class Ask(Struct, frozen=True):
    """One request; `place` fills the placeholders of the path."""

    headers: dict[str, str] = {}
    body: Any = None
    place: dict[str, str] = {}
    raw: bytes | None = None


class Row(Struct, frozen=True):
    """A public call, as the OpenAPI document names it; `case` tells one use from another. `waits` names the port call that it waits for,
    by the service that is away.
    """

    call: str
    ask: Callable[[Scene], Ask]
    case: str = ""
    waits: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """Name it for people."""
        return f"`{self.call}`{f' ({self.case})' if self.case else ''}"

    def seconds(self, away: str) -> float:
        """Give how long it waits at most for a service that says nothing, by the time limits that the ports declare."""
        return ENDPOINTS[self.waits[away]].timeout if away in self.waits else 0.0


PRICES = {"products": "Products.variants"}


def _staff(scene: Scene, body: Any = None, **place: str) -> Ask:
    return Ask(scene.shop.staff(), body, place)


def _of(scene: Scene, name: str, body: Any = None, **place: str) -> Ask:
    return Ask(scene.person(name), body, place)


def _cart(buyer: Buyer, body: Any = None, **place: str) -> Ask:
    return Ask(buyer.headers, body, {"cart_id": buyer.cart["id"], **place})


def _order(scene: Scene, buyer: Buyer) -> Ask:
    return Ask(buyer.headers | {"Idempotency-Key": f"{scene.slug}-{buyer.email}"}, buyer.order_body())


def _keyed(ask: Ask) -> Ask:
    return Ask(ask.headers | {"Idempotency-Key": str(uuid7())}, ask.body, ask.place)


def _event(scene: Scene) -> Ask:
    intent = {"id": scene.waiting.order["payment"]["client_secret"].partition("_secret_")[0], "object": "payment_intent"}
    now = int(time.time())
    payload = json.dumps({"id": f"evt_{scene.slug}", "type": "payment_intent.processing", "created": now, "data": {"object": intent}})
    signature = hmac.digest(WEBHOOK_SECRET.encode(), f"{now}.{payload}".encode(), "sha256").hex()
    return Ask({"Stripe-Signature": f"t={now},v1={signature}", "Content-Type": "application/json"}, raw=payload.encode())


PRODUCTS = (
    Row("GET /api/v1/products", lambda scene: Ask()),
    Row("GET /api/v1/products/{ref}", lambda scene: Ask(place={"ref": scene.product})),
    Row("POST /api/v1/products", lambda scene: _staff(scene, {"title": "New", "variants": [{"sku": f"{scene.slug}-new", "price": euros(1)}]})),
    Row("PATCH /api/v1/products/{ref}", lambda scene: _staff(scene, {"title": "Newer"}, ref=scene.product)),
    Row("DELETE /api/v1/products/{ref}", lambda scene: _staff(scene, ref=scene.doomed)),
    Row("POST /api/v1/products/{ref}/variants", lambda scene: _staff(scene, {"sku": f"{scene.slug}-one-more", "price": euros(1)}, ref=scene.product)),
    Row("PATCH /api/v1/variants/{sku}", lambda scene: _staff(scene, {"price": euros(2)}, sku=f"{scene.slug}-kept")),
    Row("DELETE /api/v1/variants/{sku}", lambda scene: _staff(scene, sku=f"{scene.slug}-archived")),
    Row("GET /api/v1/variants/{sku}/stock", lambda scene: _staff(scene, sku="basic")),
    Row("POST /api/v1/variants/{sku}/stock", lambda scene: _staff(scene, {"delta": 1, "reason": "delivery"}, sku=f"{scene.slug}-kept")),
    Row("GET /api/v1/categories", lambda scene: Ask()),
    Row("POST /api/v1/categories", lambda scene: _staff(scene, {"slug": f"{scene.slug}-new", "title": "New"})),
    Row("PATCH /api/v1/categories/{slug}", lambda scene: _staff(scene, {"title": "Newer"}, slug=f"{scene.slug}-kept")),
    Row("DELETE /api/v1/categories/{slug}", lambda scene: _staff(scene, slug=f"{scene.slug}-doomed")),
    Row("GET /api/v1/stock", _staff),
    Row("GET /api/v1/images/{name}", lambda scene: Ask(place={"name": scene.picture})),
    Row("POST /api/v1/products/{ref}/images", lambda scene: Ask(scene.shop.staff(), None, {"ref": scene.product}, PICTURE)),
    Row("GET /api/v1/catalogue", _staff),
    Row(
        "POST /api/v1/catalogue/imports", lambda scene: Ask(scene.shop.staff(), raw=f"product,title,sku,price\n{scene.slug}-table,Table,,1".encode())
    ),
    Row("GET /api/v1/audit/products", _staff),
)
CART = (
    Row("POST /api/v1/carts", lambda scene: Ask(), "guest"),
    Row("POST /api/v1/carts", lambda scene: _of(scene, "ana"), "customer who has one", PRICES),
    Row("GET /api/v1/carts/mine", lambda scene: _of(scene, "ana"), "", PRICES),
    Row("GET /api/v1/carts/{cart_id}", lambda scene: _cart(scene.guest), "", PRICES),
    Row("PUT /api/v1/carts/{cart_id}/lines/{sku}", lambda scene: _cart(scene.spare, {"quantity": 3}, sku="basic"), "a line that is there", PRICES),
    Row("PUT /api/v1/carts/{cart_id}/lines/{sku}", lambda scene: _cart(scene.spare, {"quantity": 1}, sku=f"{scene.slug}-kept"), "a new SKU", PRICES),
    Row("POST /api/v1/carts/{cart_id}/lines", lambda scene: _cart(scene.spare, {"sku": "basic", "quantity": 1}), "", PRICES),
    Row("DELETE /api/v1/carts/{cart_id}/lines/{sku}", lambda scene: _cart(scene.spare, sku="absent"), "", PRICES),
    Row("PUT /api/v1/carts/{cart_id}/coupon", lambda scene: _cart(scene.guest, {"code": scene.slug}), "", PRICES),
    Row("DELETE /api/v1/carts/{cart_id}/coupon", lambda scene: _cart(scene.spare), "", PRICES),
    Row(
        "POST /api/v1/carts/{cart_id}/claim",
        lambda scene: Ask(scene.stray.headers | scene.person("ana"), {}, {"cart_id": scene.stray.cart["id"]}),
        "",
        PRICES,
    ),
    Row("GET /api/v1/coupons", _staff),
    Row("POST /api/v1/coupons", lambda scene: _staff(scene, {"code": f"{scene.slug}-new", "percent": 10})),
    Row("PATCH /api/v1/coupons/{code}", lambda scene: _staff(scene, {"max_redemptions": 9}, code=scene.slug)),
    Row("GET /api/v1/audit/cart", _staff),
)
SALES = (
    Row("GET /api/v1/shipping-methods", lambda scene: Ask()),
    Row(
        "POST /api/v1/orders",
        lambda scene: _order(scene, scene.buyer),
        "guest",
        {"cart": "Carts.begin", "products": "Products.reserve"},
    ),
    Row(
        "POST /api/v1/orders",
        lambda scene: _order(scene, scene.people.bea),
        "customer",
        {"users": "Customers.customer", "cart": "Carts.begin", "products": "Products.reserve"},
    ),
    Row("GET /api/v1/orders", lambda scene: _of(scene, "bea")),
    Row("GET /api/v1/orders/{order_id}", lambda scene: _of(scene, "bea", order_id=scene.people.bea.order["id"])),
    Row(
        "POST /api/v1/orders/{order_id}/cancel",
        lambda scene: Ask(scene.waiting.headers, {}, {"order_id": scene.waiting.order["id"]}),
        "",
        {"cart": "Carts.release", "products": "Products.release"},
    ),
    Row(
        "POST /api/v1/orders/{order_id}/refunds",
        lambda scene: _keyed(
            _staff(scene, {"amount": euros(1), "reason": "other", "restock": [{"sku": "basic", "quantity": 1}]}, order_id=scene.paid.order["id"])
        ),
        "with pieces that come back",
        {"cart": "Carts.restock", "products": "Products.restock"},
    ),
    Row("POST /api/v1/orders/{order_id}/shipments", lambda scene: _staff(scene, {"carrier": "DHL"}, order_id=scene.paid.order["id"])),
    Row("POST /api/v1/payments/stripe/webhook", _event),
    Row("GET /api/v1/audit/sales", _staff),
)
USERS = (
    Row("POST /api/v1/users", lambda scene: Ask(body={"email": "ana@example.com", "password": PASSWORD, "name": "Eve"})),
    Row("POST /api/v1/users/verify", lambda scene: Ask(body={"token": scene.verify})),
    Row("POST /api/v1/password-resets", lambda scene: Ask(body={"email": "nobody@example.com"})),
    Row("POST /api/v1/password-resets/{token}", lambda scene: Ask(body={"password": PASSWORD}, place={"token": scene.reset})),
    Row("POST /api/v1/sessions", lambda scene: Ask(body={"email": "ana@example.com", "password": PASSWORD})),
    Row("POST /api/v1/sessions/refresh", lambda scene: Ask(body={"refresh_token": scene.session["refresh_token"]})),
    Row("DELETE /api/v1/sessions/current", lambda scene: _of(scene, "dan")),
    Row("GET /api/v1/users/me", lambda scene: _of(scene, "ana")),
    Row("PATCH /api/v1/users/me", lambda scene: _of(scene, "ana", {"name": "Ana"})),
    Row("GET /api/v1/users/me/addresses", lambda scene: _of(scene, "ana")),
    Row("POST /api/v1/users/me/addresses", lambda scene: _of(scene, "bea", ADDRESS)),
    Row("PUT /api/v1/users/me/addresses/{address_id}", lambda scene: _of(scene, "ana", ADDRESS, address_id=scene.address)),
    Row("DELETE /api/v1/users/me/addresses/{address_id}", lambda scene: _of(scene, "ana", address_id=scene.doomed_address)),
    Row("PUT /api/v1/users/me/consents/marketing", lambda scene: _of(scene, "ana", {"granted": True})),
    Row("GET /api/v1/users/me/purchases", lambda scene: _of(scene, "bea"), "", {"sales": "PurchaseHistory.purchases"}),
    Row(
        "GET /api/v1/users/me/export",
        lambda scene: _of(scene, "bea"),
        "",
        {"sales": "PurchaseHistory.records", "cart": "Carts.records"},
    ),
    Row("DELETE /api/v1/users/me", lambda scene: Ask(scene.gone), "", {"sales": "PurchaseHistory.erase", "cart": "Carts.erase"}),
    Row("GET /.well-known/jwks.json", lambda scene: Ask()),
    Row("GET /api/v1/customers", _staff),
    Row("GET /api/v1/customers/{customer_id}", lambda scene: _staff(scene, customer_id=scene.people.ids["ana"])),
    Row("GET /api/v1/audit/users", _staff),
    Row("GET /api/v1/promotions", _staff),
    Row("POST /api/v1/promotions", lambda scene: _staff(scene, {"subject": "Sale", "body": "All of it."})),
    Row("GET /api/v1/promotions/{promotion_id}", lambda scene: _staff(scene, promotion_id=scene.draft)),
    Row("PATCH /api/v1/promotions/{promotion_id}", lambda scene: _staff(scene, {"subject": "Sales"}, promotion_id=scene.draft)),
    Row("GET /api/v1/promotions/{promotion_id}/preview", lambda scene: _staff(scene, promotion_id=scene.draft)),
    Row("POST /api/v1/promotions/{promotion_id}/test", lambda scene: Ask(scene.person("ana", "staff"), {}, {"promotion_id": scene.draft})),
    Row("POST /api/v1/promotions/{promotion_id}/send", lambda scene: _staff(scene, promotion_id=scene.paused)),
    Row("POST /api/v1/promotions/{promotion_id}/pause", lambda scene: _staff(scene, promotion_id=scene.paused)),
    Row("POST /api/v1/promotions/{promotion_id}/resume", lambda scene: _staff(scene, promotion_id=scene.resumed)),
    Row("GET /api/v1/unsubscribe/{token}", lambda scene: Ask(place={"token": scene.unsubscribe})),
    Row("POST /api/v1/unsubscribe/{token}", lambda scene: Ask(place={"token": scene.unsubscribe})),
)
ROWS = {"products": PRODUCTS, "cart": CART, "sales": SALES, "users": USERS}
