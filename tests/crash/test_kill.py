"""A real `shop serve` is killed with SIGKILL in the middle of checkouts, again and again; nothing is lost, sold twice or charged twice."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.support.outside import free_port, outside
from tests.support.process import ShopProcess
from tests.support.shop import Buyer, Shop, eventually

from shop.kit.ids import uuid7

KILLS = 4
BUYERS = 9


class Stubborn(httpx.AsyncHTTPTransport):
    """Sends a request again until somebody answers it: what a careful client does, under the same idempotency key."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Repeat on a broken connection, on 503 and while the key is in use."""
        deadline = asyncio.get_running_loop().time() + 90
        while True:
            try:
                response = await super().handle_async_request(request)
                if response.status_code != 503 and not await _is_in_use(response):
                    return response
            except httpx.TransportError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.1)


async def _is_in_use(response: httpx.Response) -> bool:
    if response.status_code != 409:
        return False
    return b"idempotency_key_in_use" in await response.aread()


class Killable:
    """A shop that can be killed while people buy."""

    def __init__(self, shop: Shop, process: ShopProcess) -> None:
        """Both speak of the same shop."""
        self.shop = shop
        self.process = process

    async def dies(self, after: float) -> None:
        """Run for some seconds, be killed, and start again."""
        await asyncio.sleep(after)
        self.process.kill()
        await self.process.start()


@pytest.fixture
async def killable(database_url: str, tmp_path: Path) -> AsyncGenerator[Killable]:
    """Give a running `shop serve` over either database, with its own Stripe and mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        process = ShopProcess(tmp_path, port, database_url, world)
        await process.start()
        stack.callback(process.kill)
        client = httpx.AsyncClient(base_url=process.url, timeout=30, trust_env=False, transport=Stubborn())
        yield Killable(Shop(await stack.enter_async_context(client), world, database_url), process)


async def buys(buyer: Buyer, pause: float) -> str:
    """Order and pay under one key, whatever happens to the shop; give how it ended."""
    await asyncio.sleep(pause)
    await buyer.fills(mug=1)
    answer = await buyer.submits(str(uuid7()))
    if answer.status_code != 201:
        return str(answer.json()["code"])
    if buyer.order["payment"]:
        await buyer.pays()
    order = await buyer.sees("confirmed", "cancelled", "refunded", seconds=90)
    return str(order["status"])


async def test_no_order_is_lost_when_the_shop_is_killed(killable: Killable) -> None:
    """Nine people buy six pieces while the shop dies four times: six are served, and all invariants hold, with mails."""
    shop = killable.shop
    await shop.product("mug", stock=6)
    people = [asyncio.create_task(buys(shop.guest(f"p{number}@example.com"), number * 0.4)) for number in range(BUYERS)]
    for _ in range(KILLS):
        await killable.dies(random.uniform(0.05, 0.9))
    outcomes = await asyncio.gather(*people)
    assert sorted(outcomes) == ["confirmed"] * 6 + ["insufficient_stock"] * 3
    assert await shop.shelf("mug") == (0, 0, 0)
    await shop.balances()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_killed_between_payment_and_confirmation(killable: Killable) -> None:
    """The customer pays while the shop is dead and no webhook arrives: after the start the order is confirmed and the mail is there."""
    shop = killable.shop
    await shop.outside.breaks(drop_webhooks=True)
    await shop.product("mug", stock=1)
    guest = await shop.guest("lea@example.com").fills(mug=1)
    await guest.orders()
    killable.process.kill()
    assert (await guest.pays()).status_code == 200
    await killable.process.start()
    order = await guest.sees("confirmed", seconds=15)
    assert order["paid"] == order["total"]
    assert await eventually(lambda: shop.outside.mails("lea@example.com"))
    await shop.balances()
