"""A shop full of readers, on each kind of database."""

from collections.abc import AsyncIterator

import pytest
from tests.promotions.office import Office

from shop.kit.clock import Clock


@pytest.fixture
async def office(database_url: str, clock: Clock) -> AsyncIterator[Office]:
    """Give promotions, their readers and a mail server, on each kind of database."""
    made = Office(database_url, clock)
    yield made
    await made.close()


@pytest.fixture
async def small_office(sqlite_url: str, clock: Clock) -> AsyncIterator[Office]:
    """Give the same on SQLite alone, where the database does not matter."""
    made = Office(sqlite_url, clock)
    yield made
    await made.close()
