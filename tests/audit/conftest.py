"""A whole shop in this process, on a fresh SQLite folder."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.audit.log import Log
from tests.support.outside import free_port, outside
from tests.support.shop import Shop
from tests.support.topologies import one


@pytest.fixture
async def shop(sqlite_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give a running shop, its Stripe and its mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        address = await stack.enter_async_context(one(sqlite_url, port, world, rehearse=False))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False))
        yield Shop(client, world, sqlite_url)


@pytest.fixture
async def log(sqlite_url: str) -> AsyncGenerator[Log]:
    """Give the audit logs of all modules."""
    async with Log.opened(sqlite_url) as opened:
        yield opened
