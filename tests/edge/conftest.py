"""The sample module, running."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from tests.edge.sample import Shop, running, sample_app

from shop.kit.clock import Clock


@pytest.fixture
async def shop(tmp_path: Path, clock: Clock) -> AsyncGenerator[Shop]:
    """Give the sample module, running on SQLite."""
    async with running(sample_app(f"sqlite:///{tmp_path}/", (Clock, clock))) as shop:
        yield shop


@pytest.fixture
def client(shop: Shop) -> httpx.AsyncClient:
    """Give a client of the sample module."""
    return shop.client
