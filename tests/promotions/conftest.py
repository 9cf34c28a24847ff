"""A shop full of readers, on each kind of database, with and without its HTTP edge."""

from collections.abc import AsyncIterator

import pytest
from tests.promotions.office import Office
from tests.users.site import Site, open_site

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


@pytest.fixture
async def site(sqlite_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users behind its HTTP edge."""
    async with open_site(sqlite_url, clock) as opened:
        yield opened
