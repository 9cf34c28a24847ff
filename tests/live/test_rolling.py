"""All four services are replaced while people read and buy; and all four start in the wrong order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from tests.live.four import PATIENCE, Four
from tests.live.load import load
from tests.support.shop import Shop, eventually

from shop.settings import MODULES

BUYERS = 2


@asynccontextmanager
async def selling(shop: Shop) -> AsyncGenerator[list[str]]:
    """Let some people buy one after the other for the length of the block; gives the numbers of their orders."""
    running, orders = True, list[str]()

    async def people(name: str) -> None:
        while running:
            buyer = shop.guest(f"{name}-{len(orders)}@example.com")
            orders.append((await buyer.buys(mug=1))["number"])
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for number in range(BUYERS):
            group.create_task(people(f"buyer{number}"))
        try:
            yield orders
        finally:
            running = False


async def test_a_rolling_restart_loses_no_request(four: Four, shop: Shop) -> None:
    """The new instance is up before the old one is asked to end: no read and no step of a purchase fails, and the books balance."""
    await shop.product("mug", stock=100_000)
    failed: list[tuple[str, int]] = []

    async def note(answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            failed.append((str(answer.request.url), answer.status_code))

    shop.client.event_hooks = {"response": [note]}
    reads = [load(partial(shop.client.get, path), people=1) for path in ("/api/v1/products", "/api/v1/shipping-methods", "/.well-known/jwks.json")]
    async with selling(shop) as orders, reads[0] as products, reads[1] as methods, reads[2] as keys:
        for module in MODULES:
            old = four.only(module)
            await four.join(module)
            before = len(orders)
            assert await four.leave(old) == 0
            await eventually(partial(sold_more, orders, before), PATIENCE)
    assert failed == []
    assert [seen.failures for seen in (products, methods, keys)] == [[], [], []]
    assert len(orders) > 20
    await shop.balances()


async def sold_more(orders: list[str], before: int) -> bool:
    """Tell whether somebody has bought since."""
    return len(orders) > before


async def test_the_start_order_does_not_matter(four: Four, shop: Shop) -> None:
    """Sales and users are ready before those that they need, say so when they are asked, and sell as soon as products is there, which comes last."""
    ended = await asyncio.gather(*(four.leave(member) for member in list(four.members)))
    assert ended == [0, 0, 0, 0]
    await asyncio.gather(four.join("sales"), four.join("users"))
    cart = await four.join("cart")
    async with httpx.AsyncClient(base_url=cart.url, trust_env=False) as client:
        opened = (await client.post("/api/v1/carts")).json()
        line, headers = f"/api/v1/carts/{opened['id']}/lines/mug", {"X-Cart-Token": opened["cart_token"]}
        refused = await client.put(line, json={"quantity": 1}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert float(refused.headers["Retry-After"]) > 0
    await four.join("products")
    await four.settled()
    await shop.product("mug", stock=1)
    await shop.guest().buys(mug=1)
    await shop.balances()
