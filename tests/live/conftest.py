"""One live system for all tests of this folder: PostgreSQL, Eureka, config server, gateway, nginx, and the four services."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import httpx
import pytest
from tests.live.four import Four
from tests.live.servers import Servers, servers
from tests.support.databases import PostgresqlTemplates
from tests.support.loopback import free_port
from tests.support.outside import Places, outside
from tests.support.shop import Shop
from tests.tracing.collector import Collector, collecting

from shop.settings import MODULES

WARM_UP = "20s"  # as in production


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Give where everybody sends traces, but only of what a test asks to be traced, by the flag in its `traceparent`."""
    with collecting() as running, pytest.MonkeyPatch.context() as environ:
        environ.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        environ.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")  # milliseconds between two deliveries, instead of five seconds
        yield running


@pytest.fixture(scope="session")
def spring(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give the servers around the shop."""
    with servers(tmp_path_factory.mktemp("servers"), collector.url, warm_up=WARM_UP) as started:
        yield started


@pytest.fixture(scope="session")
def all_four(spring: Servers, postgresql_templates: PostgresqlTemplates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Four]:
    """Give the four services, which all tests share."""
    with postgresql_templates.fresh() as url:
        started = Four(tmp_path_factory.mktemp("four"), spring, url, Places(free_port(), free_port()))
        try:
            for module in MODULES:
                started.launch(module)
            yield started
        finally:
            for member in started.members:
                member.kill()


@pytest.fixture
async def four(all_four: Four, postgresql_templates: PostgresqlTemplates) -> Four:
    """Give the four services with empty books, and nobody else registered than they."""
    await all_four.settled()
    await postgresql_templates.empty(cuts_off=False)
    return all_four


@pytest.fixture
def database_url(four: Four) -> str:
    """Give where the four services keep their books, whatever a journey would rather have."""
    return four.database_url


@pytest.fixture
async def shop(four: Four, database_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give the shop as the world sees it, at nginx."""
    url, fresh = four.servers.url, {"Cache-Control": "no-cache"}
    async with (
        outside(tmp_path, url, four.places) as world,
        httpx.AsyncClient(base_url=url, headers=fresh, timeout=30, trust_env=False, limits=httpx.Limits(max_connections=None)) as client,
    ):
        yield Shop(client, world, database_url)
