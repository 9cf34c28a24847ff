"""The audit logs of all modules, read from their tables."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa

from shop.kit.audit import audit_table
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.settings import MODULES

TABLE = audit_table(sa.MetaData())


class Log:
    """What staff did, wherever they did it."""

    def __init__(self, databases: Mapping[str, Database[Store]]) -> None:
        """Read from these."""
        self.databases = databases

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncGenerator["Log"]:
        """Open the databases of all modules."""
        databases = {module: Database(url, module, Store, Clock()) for module in MODULES}
        yield cls(databases)
        for database in databases.values():
            await database.dispose()

    async def entries(self) -> list[tuple[str, sa.Row[Any]]]:
        """Give every entry with the module that it is in, oldest first."""
        found: list[tuple[str, sa.Row[Any]]] = []
        for module, database in self.databases.items():
            async with database.read() as store:
                found += [(module, row) for row in await store.rows(sa.select(TABLE).order_by(TABLE.c.number))]
        return found
