"""One request for everything that staff can do; what it needs is there before it is sent."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from msgspec import Struct
from tests.support.pictures import picture
from tests.support.shop import ISSUER, SIGNING_KEY, Shop, euros

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.tokens import LocalKeys, Signer


class Deed(Struct, frozen=True):
    """A request that will succeed, and the entry that it must leave: whose log, which action, on what."""

    method: str
    path: str
    module: str
    action: str
    target: str | None
    json: Any = None
    headers: dict[str, str] = {}
    content: str | bytes | None = None


async def confirmed(shop: Shop) -> str:
    """Let a guest buy a mug, and give the id of the order."""
    await shop.product("mug", stock=3)
    guest = await shop.guest().fills(mug=1)
    await guest.buys(mug=1)
    return str(guest.order["id"])


async def category(shop: Shop) -> None:
    """Have a category."""
    made = await shop.call("POST", "/categories", json={"slug": "cups", "title": "Cups"}, headers=shop.staff())
    assert made.status_code == 201, made.text


async def create_product(shop: Shop) -> Deed:
    """A product."""
    body = {"title": "Mug", "variants": [{"sku": "mug", "price": euros(1000)}]}
    return Deed("POST", "/products", "products", "product.create", None, body)


async def change_product(shop: Shop) -> Deed:
    """Another title."""
    id = (await shop.product("mug"))["id"]
    return Deed("PATCH", f"/products/{id}", "products", "product.update", id, {"title": "Cup"})


async def archive_product(shop: Shop) -> Deed:
    """No more of it."""
    id = (await shop.product("mug"))["id"]
    return Deed("DELETE", f"/products/{id}", "products", "product.archive", id)


async def add_variant(shop: Shop) -> Deed:
    """One more SKU."""
    id = (await shop.product("mug"))["id"]
    return Deed("POST", f"/products/{id}/variants", "products", "variant.create", "cup", {"sku": "cup", "price": euros(900)})


async def change_variant(shop: Shop) -> Deed:
    """Another price."""
    await shop.product("mug")
    return Deed("PATCH", "/variants/mug", "products", "variant.update", "mug", {"price": euros(800)})


async def archive_variant(shop: Shop) -> Deed:
    """No more of this SKU."""
    await shop.product("mug", "cup")
    return Deed("DELETE", "/variants/mug", "products", "variant.archive", "mug")


async def import_catalogue(shop: Shop) -> Deed:
    """Another price, from a file."""
    product = await shop.product("mug")
    return Deed("POST", "/catalogue/imports", "products", "product.import", product["id"], content=f"product,sku,price\n{product['slug']},mug,8\n")


async def add_image(shop: Shop) -> Deed:
    """A picture."""
    id = (await shop.product("mug"))["id"]
    return Deed("POST", f"/products/{id}/images", "products", "product.update", id, content=picture())


async def change_stock(shop: Shop) -> Deed:
    """A delivery."""
    await shop.product("mug")
    return Deed("POST", "/variants/mug/stock", "products", "stock.adjust", "mug", {"delta": 5, "reason": "delivery"})


async def create_category(shop: Shop) -> Deed:
    """A category."""
    return Deed("POST", "/categories", "products", "category.create", "cups", {"slug": "cups", "title": "Cups"})


async def change_category(shop: Shop) -> Deed:
    """Another title."""
    await category(shop)
    return Deed("PATCH", "/categories/cups", "products", "category.update", "cups", {"title": "Mugs"})


async def remove_category(shop: Shop) -> Deed:
    """No such category."""
    await category(shop)
    return Deed("DELETE", "/categories/cups", "products", "category.delete", "cups")


async def cancel_order(shop: Shop) -> Deed:
    """A confirmed order is withdrawn."""
    id = await confirmed(shop)
    return Deed("POST", f"/orders/{id}/cancel", "sales", "order.cancel", id)


async def refund_order(shop: Shop) -> Deed:
    """Some money back."""
    id = await confirmed(shop)
    return Deed("POST", f"/orders/{id}/refunds", "sales", "refund.create", id, {"reason": "other", "amount": euros(100), "note": "Ana was sad"})


async def ship_order(shop: Shop) -> Deed:
    """A parcel."""
    id = await confirmed(shop)
    return Deed("POST", f"/orders/{id}/shipments", "sales", "shipment.create", id, {"carrier": "Correos"})


async def create_coupon(shop: Shop) -> Deed:
    """A tenth off."""
    return Deed("POST", "/coupons", "cart", "coupon.create", "SUMMER", {"code": "summer", "percent": 10})


async def change_coupon(shop: Shop) -> Deed:
    """For the first hundred only."""
    made = await shop.call("POST", "/coupons", json={"code": "summer", "percent": 10}, headers=shop.staff())
    assert made.status_code == 201, made.text
    return Deed("PATCH", "/coupons/Summer", "cart", "coupon.update", "SUMMER", {"max_redemptions": 100})


NEWS = {"subject": "Mugs", "body": "All **blue**."}


async def promotion(shop: Shop, *moves: str) -> str:
    """Write a promotion, let it go through these moves, and give its id."""
    made = await shop.call("POST", "/promotions", json=NEWS, headers=shop.staff())
    assert made.status_code == 201, made.text
    id = str(made.json()["id"])
    for move in moves:
        moved = await shop.call("POST", f"/promotions/{id}/{move}", headers=shop.staff())
        assert moved.is_success, moved.text
    return id


async def create_promotion(shop: Shop) -> Deed:
    """A draft."""
    return Deed("POST", "/promotions", "users", "promotion.create", None, NEWS)


async def change_promotion(shop: Shop) -> Deed:
    """Another subject."""
    id = await promotion(shop)
    return Deed("PATCH", f"/promotions/{id}", "users", "promotion.update", id, {"subject": "Cups"})


async def try_promotion(shop: Shop) -> Deed:
    """A mail to whoever wrote it, who has an account."""
    id, boss = await promotion(shop), await shop.customer("boss@example.com")
    user_id = UUID((await boss.call("GET", "/users/me")).json()["id"])
    token = Signer(LocalKeys([SIGNING_KEY]), ISSUER, Clock()).sign(user_id, frozenset({"staff"}), uuid7())
    headers = {"Authorization": f"Bearer {token}"}
    return Deed("POST", f"/promotions/{id}/test", "users", "promotion.test", id, headers=headers)


async def send_promotion(shop: Shop) -> Deed:
    """To everybody who agreed."""
    id = await promotion(shop)
    return Deed("POST", f"/promotions/{id}/send", "users", "promotion.send", id)


async def pause_promotion(shop: Shop) -> Deed:
    """Nothing more of it for now; readers who wait keep it from ending at once."""
    await readers(shop)
    id = await promotion(shop, "send")
    return Deed("POST", f"/promotions/{id}/pause", "users", "promotion.pause", id)


async def resume_promotion(shop: Shop) -> Deed:
    """Go on with it."""
    await readers(shop)
    id = await promotion(shop, "send", "pause")
    return Deed("POST", f"/promotions/{id}/resume", "users", "promotion.resume", id)


async def readers(shop: Shop) -> None:
    """Have somebody who agreed to be written to."""
    for number in range(3):
        ana = await shop.customer(f"reader{number}@example.com")
        agreed = await ana.call("PUT", "/users/me/consents/marketing", json={"granted": True})
        assert agreed.status_code == 200, agreed.text


DEEDS: dict[str, Callable[[Shop], Awaitable[Deed]]] = {
    "POST /api/v1/products": create_product,
    "PATCH /api/v1/products/{ref:str}": change_product,
    "DELETE /api/v1/products/{ref:str}": archive_product,
    "POST /api/v1/products/{ref:str}/variants": add_variant,
    "PATCH /api/v1/variants/{sku:str}": change_variant,
    "DELETE /api/v1/variants/{sku:str}": archive_variant,
    "POST /api/v1/variants/{sku:str}/stock": change_stock,
    "POST /api/v1/catalogue/imports": import_catalogue,
    "POST /api/v1/products/{ref:str}/images": add_image,
    "POST /api/v1/categories": create_category,
    "PATCH /api/v1/categories/{slug:str}": change_category,
    "DELETE /api/v1/categories/{slug:str}": remove_category,
    "POST /api/v1/orders/{order_id:uuid}/cancel": cancel_order,
    "POST /api/v1/orders/{order_id:uuid}/refunds": refund_order,
    "POST /api/v1/orders/{order_id:uuid}/shipments": ship_order,
    "POST /api/v1/coupons": create_coupon,
    "PATCH /api/v1/coupons/{code:str}": change_coupon,
    "POST /api/v1/promotions": create_promotion,
    "PATCH /api/v1/promotions/{promotion_id:uuid}": change_promotion,
    "POST /api/v1/promotions/{promotion_id:uuid}/test": try_promotion,
    "POST /api/v1/promotions/{promotion_id:uuid}/send": send_promotion,
    "POST /api/v1/promotions/{promotion_id:uuid}/pause": pause_promotion,
    "POST /api/v1/promotions/{promotion_id:uuid}/resume": resume_promotion,
}
