"""A whole shop in this process, on a fresh SQLite folder."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from tests.audit.log import Log
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.shop import Shop
from tests.support.topologies import settings

from shop.app import assemble
from shop.demo.serving import serving
from shop.settings import MODULES, Promotions


@pytest.fixture
async def shop(sqlite_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give a running shop, its Stripe and its mail server; promotions are slow enough to be paused."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        slow = replace(settings(sqlite_url, world), promotions=Promotions(rate=1))
        address = await stack.enter_async_context(serving(assemble(MODULES, slow), port=port))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False))
        yield Shop(client, world, sqlite_url)


@pytest.fixture
async def log(sqlite_url: str) -> AsyncGenerator[Log]:
    """Give the audit logs of all modules."""
    async with Log.opened(sqlite_url) as opened:
        yield opened
