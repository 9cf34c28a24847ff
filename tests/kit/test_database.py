"""Units of work on both databases."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.transactions import TransactionOpen, assert_no_transaction

METADATA = sa.MetaData()
PIECES = sa.Table("pieces", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("left", sa.Integer, nullable=False))


@pytest.fixture
async def database(database_url: str, clock: Clock) -> AsyncIterator[Database[Store]]:
    """Give a database with one table that holds ten pieces."""
    opened = Database(database_url, "kit", Store, clock)
    async with opened.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.schema.CreateSchema("kit"))
        await connection.run_sync(METADATA.create_all)
        await connection.execute(PIECES.insert().values(id=1, left=10))
    yield opened
    await opened.dispose()


async def test_read_then_write_in_one_transaction_never_oversells(database: Database[Store]) -> None:
    """Sixty transactions that read, think and write take ten pieces, not more."""

    async def take() -> bool:
        async with database.write() as store:
            left = await store.scalar(sa.select(PIECES.c.left).where(PIECES.c.id == 1).with_for_update())
            await asyncio.sleep(0)
            if left > 0:
                await store.change(PIECES.update().values(left=left - 1))
            return bool(left > 0)

    taken = await asyncio.gather(*(take() for _ in range(60)))
    assert sum(taken) == 10


async def test_an_exception_rolls_everything_back(database: Database[Store]) -> None:
    """What a failed block wrote is not there."""
    with pytest.raises(ZeroDivisionError):
        async with database.write() as store:
            await store.change(PIECES.update().values(left=3))
            raise ZeroDivisionError
    async with database.read() as store:
        assert await store.scalar(sa.select(PIECES.c.left)) == 10


async def test_no_call_leaves_the_module_while_a_transaction_is_open(database: Database[Store]) -> None:
    """The assertion that every adapter makes fails inside a transaction and passes outside."""
    async with database.write():
        with pytest.raises(TransactionOpen, match="kit"):
            assert_no_transaction("Products.reserve")
    async with database.read():
        assert_no_transaction("Products.reserve")


async def test_transactions_do_not_nest(database: Database[Store]) -> None:
    """A use case records in one transaction."""

    async def nest() -> None:
        async with database.write(), database.write():
            pass

    with pytest.raises(AssertionError, match="open already"):
        await nest()
