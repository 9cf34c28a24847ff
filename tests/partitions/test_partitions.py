"""Any partition of the modules is the same shop: what people do, and what neighbours may not."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from tests.fakes.mail import FakeMail
from tests.fakes.payments import FakePayments
from tests.support.loopback import free_port
from tests.support.outside import Outside, outside
from tests.support.remote import SECRET
from tests.support.shop import Shop
from tests.support.topologies import settings, several

from shop.app import assemble
from shop.demo.serving import serving
from shop.ports.mail import Mail
from shop.ports.payments import Payments
from shop.settings import MODULES, Remote, Settings, Smtp

SMTP = Smtp(host="localhost", port=25, sender="shop@example.com")
PARTITIONS = {
    "two and two": (("products", "cart"), ("sales", "users")),
    "two and two across": (("products", "sales"), ("cart", "users")),
    "products apart": (("products",), ("cart", "sales", "users")),
    "users and sales apart": (("users",), ("sales",), ("products", "cart")),
}


@asynccontextmanager
async def shop_at(address: str, url: str, world: Outside) -> AsyncGenerator[Shop]:
    """Give a running shop."""
    async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        yield Shop(client, world, url)


async def somebody_buys(shop: Shop) -> None:
    """Register, buy, find the purchase, get the mail; the books balance."""
    await shop.product("mug", price=1250, stock=5)
    ana = await shop.customer("ana@example.com")
    order = await ana.buys(mug=2)
    history = (await ana.call("GET", "/users/me/purchases")).json()
    assert [item["order_id"] for item in history["items"]] == [order["id"]]
    assert await shop.shelf("mug") == (3, 0, 3)
    await shop.balances()


@pytest.mark.parametrize("partition", PARTITIONS.values(), ids=PARTITIONS)
async def test_any_partition_sells(partition: Sequence[Sequence[str]], sqlite_url: str, tmp_path: Path) -> None:
    """Whoever is together speaks in process, the others over HTTP."""
    port = free_port()
    async with (
        outside(tmp_path, f"http://127.0.0.1:{port}") as world,
        several(partition, sqlite_url, port, world) as address,
        shop_at(address, sqlite_url, world) as shop,
    ):
        await somebody_buys(shop)


async def test_one_process_speaks_http_to_itself_when_it_is_told_to(sqlite_url: str, tmp_path: Path) -> None:
    """A split can be rehearsed before a second process exists."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        alone = settings(sqlite_url, world)
        forced = replace(alone, runtime=replace(alone.runtime, port=port), remote=Remote(SECRET, forced=frozenset(MODULES)))
        app = assemble(MODULES, forced)
        address = await stack.enter_async_context(serving(app, port=port))
        await somebody_buys(await stack.enter_async_context(shop_at(address, sqlite_url, world)))
        circuits = app.state.neighbours.circuits()
        assert {module: circuit.state for module, circuit in circuits.items()} == dict.fromkeys(MODULES, "closed")


def test_internal_routes_exist_only_where_somebody_is_elsewhere() -> None:
    """One process has none, also when it has the secret; without the secret there are none at all."""

    def internal(*hosted: str, remote: Remote) -> set[str]:
        app = assemble(hosted, Settings(remote=remote, smtp=SMTP), (Payments, FakePayments()), (Mail, FakeMail()))
        return {route.path.split("/")[2] for route in app.routes if route.path.startswith("/internal")}

    assert internal(*MODULES, remote=Remote(SECRET)) == set()
    assert internal("products", remote=Remote()) == set()
    assert internal("products", remote=Remote(SECRET)) == {"products", "schema.json"}
    assert internal("products", "cart", remote=Remote(SECRET)) == {"products", "cart", "schema.json"}
    assert internal(*MODULES, remote=Remote(SECRET, forced=frozenset(["cart"]))) == {*MODULES, "schema.json"}
