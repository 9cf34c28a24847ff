"""The world in which sales is tested."""

from collections.abc import AsyncIterator

import pytest
from tests.sales.client import Shop, lifespan
from tests.sales.world import World, open_world

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give sales with fake neighbours, on a fresh database of each kind."""
    async with open_world(database_url, clock) as opened:
        opened.stock("mug", 100)
        yield opened


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncIterator[Shop]:
    """Give sales behind the edge, on a database of each kind."""
    made = Shop(database_url, clock)
    async with lifespan(made.app), made.client:
        yield made
