"""Fresh, migrated databases: a template is made once per run and copied for every test."""

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from shop.kit import migrations
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.settings import MODULES

REVISION = ".alembic_version"
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
    """Empties one migrated database of a running server again and again, which is much faster than making another one."""

    def __init__(self, server: str) -> None:
        """Make the database on this server."""
        self.server = server
        self._revisions: dict[str, str] = {}
        self._tables = asyncio.run(self._make())

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Give the URL of the database, empty and with nobody connected."""
        asyncio.run(self.empty())
        yield f"{self.server}/shop"

    async def _make(self) -> frozenset[str]:
        connection = await asyncpg.connect(f"{self.server}/postgres")
        await connection.execute("DROP DATABASE IF EXISTS shop WITH (FORCE)")
        await connection.execute("CREATE DATABASE shop")
        await connection.close()
        await migrate(f"{self.server}/shop")
        connection = await asyncpg.connect(f"{self.server}/shop")
        tables = await self._found(connection)
        for table in (name for name in tables if name.endswith(REVISION)):
            self._revisions[table] = await connection.fetchval(f"SELECT version_num FROM {table}")
        await connection.close()
        return tables

    async def empty(self, *, cuts_off: bool = True) -> None:
        """Delete every row; `cuts_off` first ends the connections that others have left open, else a running shop keeps the keys it goes by."""
        connection = await asyncpg.connect(f"{self.server}/shop")
        try:
            if cuts_off:
                await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()")
            tables = await self._found(connection)
            deletes = "; ".join(f"DELETE FROM {table}" for table in sorted(tables) if cuts_off or not table.endswith(".secrets"))
            inserts = "; ".join(f"INSERT INTO {table} VALUES ('{revision}')" for table, revision in self._revisions.items() if table in tables)
            await connection.execute(f"SET session_replication_role = replica; {deletes}; {inserts}")
        finally:
            await connection.close()
        if tables != self._tables:
            await self._make()

    async def _found(self, connection: Any) -> frozenset[str]:
        rows = await connection.fetch("SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
        return frozenset(f"{row['schemaname']}.{row['tablename']}" for row in rows)
