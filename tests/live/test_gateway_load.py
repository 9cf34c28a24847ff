"""The gateway keeps many slow calls going at once."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tests.live.four import Four
from tests.support.shop import Shop, eventually

CALLS = 60
ESTABLISHED = "01"


def connections_to(url: str) -> int:
    """Count the connections that clients on this machine have to a loopback port."""
    port = f"0100007F:{urlsplit(url).port:04X}"
    tables = [
        Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")
    ]  # Java's are in the second, the address at their end
    lines = [line.split() for table in tables for line in table]
    return sum(remote.endswith(port) and state == ESTABLISHED for _, _, remote, state, *_ in lines)


async def test_sixty_slow_calls_are_under_way_at_once(four: Four, shop: Shop) -> None:
    """While products stands still each call has a connection to it, and when it moves again all are answered: no hidden limit, no batches."""
    products = four.only("products")
    await asyncio.gather(*(shop.client.get("/api/v1/products") for _ in range(CALLS)))  # a Java that was never busy is too slow to connect in time
    calls: list[asyncio.Task[httpx.Response]] = []
    os.kill(products.pid, signal.SIGSTOP)
    try:
        calls = [asyncio.create_task(shop.client.get("/api/v1/products")) for _ in range(CALLS)]

        async def all_are_under_way() -> bool:
            assert not any(call.done() for call in calls), [call.result().status_code for call in calls if call.done()]
            return connections_to(products.url) >= CALLS

        await eventually(all_are_under_way, 4)
    finally:
        os.kill(products.pid, signal.SIGCONT)
        answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [200] * CALLS
