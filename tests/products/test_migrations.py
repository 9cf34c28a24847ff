"""The history makes the tables that the code speaks of."""

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.products.world import World

from shop.kit import migrations
from shop.modules.products.tables import METADATA


def _differences(connection: sa.Connection) -> list[Any]:
    """The search index is the database's own affair: a virtual table on SQLite, an index of trigrams on PostgreSQL."""

    def include(_: object, name: str | None, *_rest: object) -> bool:
        return not (name or "").startswith(("product_search", "ix_products_search"))

    options = {"compare_type": True, "include_object": include}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


async def test_the_migrated_tables_are_those_of_the_code(world: World) -> None:
    """Tables, columns, types, indexes and constraints."""
    async with world.database.reader.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_the_history_can_be_undone(world: World) -> None:
    """Down to nothing, and up again."""

    def down(connection: sa.Connection) -> None:
        made = migrations.config("products")
        made.attributes["connection"] = connection
        command.downgrade(made, "base")

    async with world.database.writer.begin() as connection:
        await connection.run_sync(down)
    assert await migrations.upgrade(world.database)
    await world.sells("mug")
    assert await world.finds("mug") == ["mug"]
