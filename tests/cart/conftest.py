"""A cart service on a fresh database."""

from collections.abc import AsyncIterator

import pytest
from tests.cart.world import World

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give the services of cart on each kind of database."""
    made = World(database_url, clock)
    yield made
    await made.close()
