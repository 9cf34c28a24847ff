"""Fresh, migrated databases: a template is made once per run and copied for every test."""

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from shop.kit import migrations
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.settings import MODULES

_numbers = itertools.count(1)


async def migrate(url: str) -> None:
    """Bring every module that has a history to its newest revision."""
    for module in MODULES:
        if migrations.head(module) is None:
            continue
        database = Database(url, module, Store, Clock())
        await migrations.upgrade(database)
        await database.dispose()


class SqliteTemplates:
    """Copies a folder of migrated files."""

    def __init__(self, folder: Path) -> None:
        """Keep the template and its copies below this folder."""
        self.folder = folder
        self.template = folder / "template"
        self.template.mkdir()
        asyncio.run(migrate(f"sqlite:///{self.template}/"))

    def fresh(self) -> str:
        """Give the URL of a fresh copy."""
        copy = self.folder / f"shop{next(_numbers)}"
        shutil.copytree(self.template, copy)
        return f"sqlite:///{copy}/"


class PostgresqlTemplates:
    """Copies a migrated database of a running server."""

    def __init__(self, server: str) -> None:
        """Make the template on this server."""
        self.server = server
        asyncio.run(self._execute("CREATE DATABASE shop_template"))
        asyncio.run(migrate(f"{server}/shop_template"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Give the URL of a fresh copy, and drop it at the end."""
        name = f"shop{next(_numbers)}"
        asyncio.run(self._execute(f"CREATE DATABASE {name} TEMPLATE shop_template STRATEGY WAL_LOG"))
        yield f"{self.server}/{name}"
        asyncio.run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(f"{self.server}/postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
