"""Four processes for all tests of this folder: each finds them well."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from tests.faults.four import Four, running
from tests.support.databases import SqliteTemplates


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def processes(sqlite_templates: SqliteTemplates, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Four]:
    """Start the shop in four processes."""
    async with running(tmp_path_factory.mktemp("four"), sqlite_templates.fresh()) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def four(processes: Four) -> AsyncGenerator[Four]:
    """Give the shop in four processes, well, and with no order under way."""
    await processes.heals()
    await processes.settles()
    yield processes
    for proxy in processes.proxies.values():
        await proxy.heals()
