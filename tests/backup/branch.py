"""A shop whose data lie in a folder of its own; several take turns at one address, before one and the same Stripe and mailbox."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from tests.backup.selling import LEASE
from tests.crash.killable import Stubborn
from tests.support.outside import Outside
from tests.support.process import ShopProcess
from tests.support.shop import SIGNING_KEY, Shop

from shop.configuration.signing import FILE
from shop.kit.database import sqlite_file
from shop.settings import MODULES, Databases


class Branch:
    """Databases, pictures and the signing key in one folder, the process that serves them, and the commands that look after them."""

    def __init__(self, folder: Path, port: int, world: Outside) -> None:
        """Nothing runs yet, and nothing is there."""
        folder.mkdir()
        self.folder, self.data = folder, folder / "data"
        self.database_url = f"sqlite:///{self.data}/"
        self.databases = Databases(self.database_url)
        settings = {"AUTH_SIGNING_KEY_FILE": "", "IMAGES_STORE": f"{self.data}/images/", "CHECKOUT_LEASE": LEASE}
        self._process = ShopProcess(folder, port, self.database_url, world, **settings)
        self._client: httpx.AsyncClient | None = None
        self.world = world

    async def starts(self) -> Shop:
        """Serve, and give the shop as people see it."""
        await self._process.start()
        self._client = httpx.AsyncClient(base_url=self._process.url, timeout=30, trust_env=False, transport=Stubborn())
        return Shop(self._client, self.world, self.database_url)

    async def stops(self) -> None:
        """End, if it runs."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
            assert await asyncio.to_thread(self._process.stop) == 0

    def makes_its_key(self) -> None:
        """Have a key in the data folder from a start before, which the test knows."""
        self.data.mkdir()
        (self.data / FILE).write_text(SIGNING_KEY.reveal())

    async def says(self, *words: str | Path, code: int = 0) -> Any:
        """Run a command with `--json` that ends with this code, while everything else goes on, and give its answer."""
        done = await asyncio.to_thread(self._process.command, *words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    async def refuses(self, *words: str | Path) -> str:
        """Run a command that must be refused, and give the last line of what it says."""
        done = await asyncio.to_thread(self._process.command, *words)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr.splitlines()[-1]


def mark(url: str, number: int) -> None:
    """Write a number into every database, where no table is touched."""
    for module in MODULES:
        with closing(sqlite3.connect(sqlite_file(url, module))) as connection:
            connection.execute(f"PRAGMA user_version = {number}")


def marks(folder: Path) -> list[int]:
    """Read the numbers."""
    found = []
    for module in MODULES:
        with closing(sqlite3.connect(folder / f"{module}.db")) as connection:
            found.append(connection.execute("PRAGMA user_version").fetchone()[0])
    return found
