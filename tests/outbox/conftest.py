"""An empty outbox on both databases."""

from collections.abc import AsyncIterator

import pytest
from tests.outbox.office import METADATA, Office

from shop.kit.clock import Clock


@pytest.fixture
async def office(database_url: str, clock: Clock) -> AsyncIterator[Office]:
    """Give an empty outbox."""
    opened = Office(database_url, clock)
    async with opened.database.writer.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield opened
    for database in opened.databases:
        await database.dispose()
