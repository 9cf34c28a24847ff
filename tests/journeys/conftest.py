"""The topologies that every journey runs in, each on the databases that it differs on."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.support.loopback import free_port
from tests.support.outside import Outside, outside
from tests.support.shop import Shop
from tests.support.topologies import PARTITION, one, processes, several

DATABASES = {
    "in_process": ("sqlite", "postgresql"),
    "rehearsed": ("sqlite",),
    "four_asgi": ("sqlite",),
    "four": ("postgresql",),
}
# Four real processes take seconds to start: these journeys between them cross every port; the others run as four applications in one loop.
AS_PROCESSES = (
    "test_a_guest_buys",
    "test_a_customer_buys_what_was_in_the_guest_cart",
    "test_a_parcel_and_a_refund",
    "test_staff_cancel_a_confirmed_order",
    "test_ten_pieces_go_to_ten_buyers",
    "test_a_customer_takes_their_data_along",
    "test_a_promotion_reaches_who_agreed",
    "test_a_coupon_is_good",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the combinations of topology and database that show nothing new."""
    kept = [item for item in items if _shows_something(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _shows_something(item)])
    items[:] = kept


def _shows_something(item: pytest.Item) -> bool:
    given: dict[str, str] = getattr(getattr(item, "callspec", None), "params", {})
    topology, database = given.get("topology"), given.get("database_url")
    if topology == "four" and not item.name.startswith(AS_PROCESSES):
        return False
    return topology is None or database is None or database in DATABASES[topology]


@pytest.fixture(params=DATABASES)
def topology(request: pytest.FixtureRequest) -> str:
    """Name each topology in turn."""
    name: str = request.param
    return name


def running(topology: str, folder: Path, url: str, port: int, world: Outside) -> AbstractAsyncContextManager[str]:
    """Run the shop in a topology for the length of the block and give its URL."""
    match topology:
        case "four_asgi":
            return several(PARTITION, url, port, world)
        case "four":
            return processes(folder, url, port, world)
    return one(url, port, world, rehearse=topology == "rehearsed")


@pytest.fixture
async def shop(topology: str, database_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give a running shop, its Stripe and its mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        address = await stack.enter_async_context(running(topology, tmp_path, database_url, port, world))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False))
        yield Shop(client, world, database_url)
