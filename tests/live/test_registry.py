"""Eureka comes back with empty hands, and nobody notices."""

import asyncio

import httpx
from tests.live.four import PATIENCE, Four
from tests.live.load import load
from tests.support.shop import Shop, eventually

from shop.settings import MODULES

AWAY = 12.0  # seconds: longer than a renewal and two fetches
AFTERWARDS = 11.0  # seconds in which both caches between a registry and a request run out


async def test_eureka_is_restarted_and_nobody_notices(four: Four, shop: Shop) -> None:
    """While it is away, while its warm-up gate is closed, and after: no request fails, neither at the gateway nor between services."""
    await shop.product("mug", stock=5)
    guest = await shop.guest().fills(mug=1)
    line = shop.client.build_request("PUT", f"/api/v1/carts/{guest.cart['id']}/lines/mug", json={"quantity": 1}, headers=guest.headers)
    async with load(lambda: shop.client.send(line)) as seen, httpx.AsyncClient(trust_env=False, timeout=10) as client:
        await asyncio.to_thread(four.servers.eureka.stop)
        await asyncio.sleep(AWAY)
        four.servers.eureka.start()
        await asyncio.to_thread(four.servers.eureka.ready)
        assert (await client.get(f"{four.servers.eureka_url}apps/", headers={"Accept": "application/json"})).status_code == 403

        async def is_open() -> bool:
            return (await client.get(f"{four.servers.eureka_url}apps/")).status_code == 200

        await eventually(is_open, PATIENCE)
        found = await four.instances()
        assert {module: len(found[module]) for module in MODULES} == dict.fromkeys(MODULES, 1)
        await asyncio.sleep(AFTERWARDS)
    assert len(seen.answers) > 500
    assert seen.failures == []
