"""Brings a module's tables to the newest revision of its Alembic history."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from shop.kit.database import Database, S
from shop.kit.revisions import folder

LOCK = 7_310_245  # any number: the key of the advisory lock that lets one process at a time migrate


def config(module: str) -> Config:
    """Give Alembic's configuration for one module's history."""
    made = Config()
    made.set_main_option("script_location", str(folder()).replace("%", "%%"))
    made.set_main_option("version_locations", str(folder() / module).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    return made


def head(module: str) -> str | None:
    """Give the newest revision of a module's history."""
    return ScriptDirectory.from_config(config(module)).get_current_head()


async def current(database: Database[S]) -> str | None:
    """Give the revision that a module's tables have; None before the first migration."""
    async with database.reader.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(database: Database[S]) -> bool:
    """Bring a module's tables to the newest revision under a lock; gives whether anything had to be done."""
    async with database.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            await _prepare_postgresql(connection, database.schema)
        return await connection.run_sync(_upgrade, database.schema)


async def _prepare_postgresql(connection: AsyncConnection, schema: str) -> None:
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    found = await connection.scalar(sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema})
    if not found:
        await connection.execute(sa.schema.CreateSchema(schema))


def _upgrade(connection: sa.Connection, module: str) -> bool:
    if MigrationContext.configure(connection).get_current_revision() == head(module):
        return False
    made = config(module)
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
    return True
