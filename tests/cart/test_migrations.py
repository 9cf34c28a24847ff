"""The history makes the tables that the code speaks of, also out of a shop that has carts already."""

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.cart.world import World

from shop.kit import migrations
from shop.modules.cart.tables import METADATA


def to(revision: str, connection: sa.Connection) -> None:
    """Go back to a revision."""
    made = migrations.config("cart")
    made.attributes["connection"] = connection
    command.downgrade(made, revision)


async def test_the_migrated_tables_are_those_of_the_code(world: World) -> None:
    """Tables, columns, types, indexes and constraints."""

    def differences(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    async with world.database.reader.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_history_can_be_undone(world: World) -> None:
    """Down to nothing, and up again."""
    async with world.database.writer.begin() as connection:
        await connection.run_sync(lambda found: to("base", found))
    assert await migrations.upgrade(world.database)
    world.products.stock("mug", 1)
    await world.guest({"mug": 1})


async def test_a_cart_from_before_there_were_coupons_takes_one(world: World) -> None:
    """Its lines learn their categories as soon as it is read."""
    world.products.stock("mug", 9, categories=["cups"])
    cart_id, caller = await world.guest({"mug": 1})
    async with world.database.writer.begin() as connection:
        await connection.run_sync(lambda found: to("cart_0003", found))
    assert await migrations.upgrade(world.database)
    assert (await world.stored(cart_id)).lines[0].last.categories == ()
    await world.coupon("CUPS", categories=["cups"])
    assert (await world.service.put_coupon(cart_id, "CUPS", caller)).discount.amount == 100
    assert (await world.stored(cart_id)).lines[0].last.categories == ("cups",)
