"""The world in which sales is tested."""

from collections.abc import AsyncIterator

import pytest
from tests.sales.world import World, open_world

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give sales with fake neighbours, on a fresh database of each kind."""
    async with open_world(database_url, clock) as opened:
        opened.stock("mug", 100)
        yield opened
