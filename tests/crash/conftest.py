"""A shop that may be killed with SIGKILL at any moment."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.crash.killable import Killable, Stubborn
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.process import ShopProcess
from tests.support.shop import Shop


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
