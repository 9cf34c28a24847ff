"""Fills the shelves of a new demo through the public API, as a member of staff would; interrupted, it goes on where it stopped."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

import httpx
import msgspec

from shop.demo import catalogue

AT_ONCE = 8


class CannotStock(RuntimeError):
    """The shop refused something; the message says what."""


async def stock(shop: str, images: str, email: str, password: str) -> int:
    """Add the sample catalogue, its first delivery and a coupon to the shop at this address; gives the number of products. Raises CannotStock."""
    async with httpx.AsyncClient(base_url=f"{shop}/api/v1", timeout=30) as client:
        session = await _sent(client, "/sessions", {"email": email, "password": password})
        client.headers["Authorization"] = f"Bearer {session['access_token']}"
        for category in catalogue.CATEGORIES:
            await _sent(client, "/categories", category)
        await _sent(client, "/coupons", catalogue.COUPON)
        products = catalogue.products(images)
        await _together(_product(client, product) for product in products)
        return len(products)


async def _product(client: httpx.AsyncClient, product: catalogue.SampleProduct) -> None:
    await _sent(client, "/products", product)
    for variant in product.variants:
        if pieces := catalogue.STOCK[variant.sku]:
            delivery = {"delta": pieces, "reason": "delivery"}
            await _sent(client, f"/variants/{variant.sku}/stock", delivery, once=f"delivery-{variant.sku}")


async def _sent(client: httpx.AsyncClient, path: str, body: object, once: str | None = None) -> Any:
    """Post a body, with an idempotency key where it must not happen twice; what is there already was made by a start that was interrupted."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": f"demo-{once}"} if once else {})
    try:
        answer = await client.post(path, content=msgspec.json.encode(body), headers=headers)
    except httpx.HTTPError as error:
        raise CannotStock(f"the shop did not answer while its shelves were filled: {error or type(error).__name__}") from error
    if answer.is_success:
        return answer.json()
    if answer.status_code == 409 and answer.json().get("code") != "idempotency_key_in_use":
        return None
    raise CannotStock(f"the shop refused {path}: {answer.status_code} {answer.json().get('detail', '')}")


async def _together(calls: Iterable[Awaitable[None]]) -> None:
    """Await all, a few at a time."""
    waiting = iter(calls)

    async def worker() -> None:
        for call in waiting:
            await call

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
