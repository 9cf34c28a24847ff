"""A products service on a fresh database, and the same behind HTTP."""

from collections.abc import AsyncIterator

import pytest
from tests.products.client import Client
from tests.products.world import World

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give the services of products on each kind of database."""
    made = World(database_url, clock)
    yield made
    await made.close()


@pytest.fixture
async def client(database_url: str, clock: Clock) -> AsyncIterator[Client]:
    """Give the public API of products on each kind of database."""
    async with Client.opened(database_url, clock) as made:
        yield made
