"""A real `shop serve` is killed with SIGKILL in the middle of a promotion; whoever agreed gets at most one mail, and all but one get theirs."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.promotions.office import Office
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.process import ShopProcess
from tests.support.shop import Shop, eventually

from shop.kit.clock import Clock
from shop.modules.users import tables

READERS = 60
RATE = "20"


class Killable(Shop):
    """A shop that can be killed while it sends."""

    process: ShopProcess
    office: Office

    async def promotion(self, path: str = "", method: str = "GET", **options: Any) -> dict[str, Any]:
        """Call a route of promotions as staff."""
        answer = await self.call(method, f"/promotions{path}", headers=self.staff(), **options)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def arrived(self) -> Counter[str]:
        """Count the mails by recipient."""
        return Counter(mail["to"][0] for mail in await self.outside.mails("", "Mugs", seconds=0))


@pytest.fixture
async def killable(database_url: str, tmp_path: Path) -> AsyncGenerator[Killable]:
    """Give a running `shop serve` over either database, its readers and its mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        process = ShopProcess(tmp_path, port, database_url, world, PROMOTIONS_RATE=RATE)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=process.url, timeout=30, trust_env=False))
        shop = Killable(client, world, database_url)
        shop.process, shop.office = process, Office(database_url, Clock())
        stack.push_async_callback(shop.office.close)
        await shop.office.readers(READERS)
        await process.start()
        stack.callback(process.kill)
        yield shop


async def test_a_killed_sender_writes_to_nobody_twice(killable: Killable) -> None:
    """Killed in the middle and started again: at most one mail is missing, none is there twice."""
    id = (await killable.promotion("", "POST", json={"subject": "Mugs", "body": "*Now*."}))["id"]
    await killable.promotion(f"/{id}/send", "POST")
    await eventually(lambda: has_sent(killable, id, READERS // 3))
    killable.process.kill()
    await killable.process.start()
    assert len(await killable.arrived()) < READERS
    await eventually(lambda: settled(killable, id))
    async with killable.office.database.write() as store:  # time passes: the leases of the dead run out
        dead = tables.promotion_mails.c.status == "sending"
        await store.change(tables.promotion_mails.update().where(dead).values(lease_until=await store.now()))
    done = await eventually(lambda: over(killable, id))
    arrived = await killable.arrived()
    assert set(arrived.values()) == {1}
    assert done["recipients"] == READERS
    assert done["failed"] == done["unknown"] <= 1
    assert done["sent"] == READERS - done["unknown"] <= len(arrived) <= READERS


async def has_sent(shop: Killable, id: str, number: int) -> bool:
    """Tell whether so many mails are sent."""
    sent: int = (await shop.promotion(f"/{id}"))["sent"]
    return sent >= number


async def settled(shop: Killable, id: str) -> bool:
    """Tell whether everybody is settled but those whose sender died."""
    seen = await shop.promotion(f"/{id}")
    await asyncio.sleep(0.2)
    done: int = seen["sent"] + seen["failed"]
    return done >= READERS - 1


async def over(shop: Killable, id: str) -> dict[str, Any] | None:
    """Give the promotion when it is sent."""
    seen = await shop.promotion(f"/{id}")
    return seen if seen["status"] == "sent" else None
