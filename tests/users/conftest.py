"""An account service on a fresh database, with passwords that are quick to hash."""

from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher
from tests.users.world import World

from shop.kit.clock import Clock


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give the services of users on each kind of database."""
    made = World(database_url, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield made
    await made.close()


@pytest.fixture
async def small_world(sqlite_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give the services of users on SQLite alone, where the database does not matter."""
    made = World(sqlite_url, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield made
    await made.close()
