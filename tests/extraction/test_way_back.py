"""From four to one and from one to four, with the same databases: whoever was in the middle of something goes on."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.loopback import free_port
from tests.support.outside import Outside, outside
from tests.support.shop import PASSWORD, Buyer, Shop
from tests.support.topologies import PARTITION, one, several


@asynccontextmanager
async def running(topology: str, url: str, port: int, world: Outside) -> AsyncGenerator[Shop]:
    """Run the shop in a topology, over databases that may have been used in another one."""
    place: AbstractAsyncContextManager[str] = one(url, port, world, rehearse=False) if topology == "one" else several(PARTITION, url, port, world)
    async with place as address, httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        yield Shop(client, world, url)


def goes_on(buyer: Buyer, shop: Shop) -> Buyer:
    """Let somebody come back to the shop that runs now, with what they have in their browser."""
    buyer.shop = shop
    return buyer


@pytest.mark.parametrize(("before", "after"), [("four", "one"), ("one", "four")])
async def test_the_other_topology_goes_on_with_the_same_databases(before: str, after: str, database_url: str, tmp_path: Path) -> None:
    """Users, orders and carts are there; who paid while nobody was there is confirmed; who had begun can buy; the books balance."""
    port = free_port()
    async with outside(tmp_path, f"http://127.0.0.1:{port}") as world:
        async with running(before, database_url, port, world) as shop:
            await shop.product("mug", price=1250, stock=5)
            ana = await shop.customer("ana@example.com")
            bought = await ana.buys(mug=2)
            lea, ben = shop.guest("lea@example.com"), await shop.guest("ben@example.com").fills(mug=1)
            await lea.fills(mug=1)
            await lea.orders()
        assert (await lea.pays()).status_code == 200
        async with running(after, database_url, port, world) as shop:
            again = await shop.login("ana@example.com", PASSWORD)
            assert [item["order_id"] for item in (await again.call("GET", "/users/me/purchases")).json()["items"]] == [bought["id"]]
            assert (await goes_on(ana, shop).looks())["total"] == bought["total"]
            assert (await goes_on(lea, shop).sees("confirmed", seconds=60))["paid"] == lea.order["total"]
            assert [line["sku"] for line in (await goes_on(ben, shop).reads_cart())["lines"]] == ["mug"]
            await ben.orders()
            await ben.pays()
            await ben.sees("confirmed")
            assert await shop.shelf("mug") == (1, 0, 1)
            await shop.balances()
