"""The topologies that every journey runs in, on both databases."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.outside import Outside, free_port, outside
from tests.support.shop import ISSUER, SIGNING_KEY, Shop

from shop.app import assemble
from shop.demo.serving import serving
from shop.settings import MODULES, Auth, Databases, Settings

TOPOLOGIES = ("in_process", "rehearsed")


@asynccontextmanager
async def running(topology: str, url: str, port: int, world: Outside) -> AsyncGenerator[str]:
    """Run the shop in a topology for the length of the block and give its URL."""
    settings = Settings(databases=Databases(url=url), auth=Auth(ISSUER, (SIGNING_KEY,)), stripe=world.stripe, smtp=world.smtp)
    app = assemble(MODULES, settings, rehearse=topology == "rehearsed")
    async with serving(app, port=port) as address:
        yield address


@pytest.fixture(params=TOPOLOGIES)
async def shop(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give a running shop, its Stripe and its mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        address = await stack.enter_async_context(running(request.param, database_url, port, world))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False))
        yield Shop(client, world, database_url)
