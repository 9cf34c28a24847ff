"""A cart service on a fresh database, without and with HTTP."""

from collections.abc import AsyncIterator

import pytest
from tests.cart.mortal import Fragile, MortalDatabase, MortalProducts, Steps
from tests.cart.site import Shop, started
from tests.cart.world import World

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give the services of cart on each kind of database."""
    made = World(database_url, clock)
    yield made
    await made.close()


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncIterator[Shop]:
    """Give the cart behind the edge, with mugs and lids."""
    made = Shop(database_url, clock)
    made.products.stock("mug", 10, price=1250, categories=["cups", "kitchen"])
    made.products.stock("lid", 3, price=300, categories=["kitchen"])
    async with started(made.app), made.client:
        yield made


@pytest.fixture
async def fragile(database_url: str, clock: Clock) -> AsyncIterator[Fragile]:
    """Give a world whose process may die, on each kind of database."""
    made = Fragile(database_url, clock, MortalDatabase)
    made.steps = MortalDatabase.steps = Steps()
    made.wire(MortalProducts(made.products, made.steps))
    yield made
    await made.close()
