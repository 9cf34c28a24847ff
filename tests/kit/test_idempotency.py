"""A repeated request gets the first answer, and its effect happens once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.idempotency import Answer, IdempotencyKeys, Once, idempotency_table
from shop.kit.ids import uuid7
from shop.kit.problems import IdempotencyKeyInUse, IdempotencyKeyReused

METADATA = sa.MetaData()
TABLE = idempotency_table(METADATA)


@pytest.fixture
async def database(database_url: str, clock: Clock) -> AsyncIterator[Database[Store]]:
    """Give a database with the table of keys."""
    opened = Database(database_url, "kit", Store, clock)
    async with opened.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.schema.CreateSchema("kit"))
        await connection.run_sync(METADATA.create_all)
    yield opened
    await opened.dispose()


@pytest.fixture
def keys(database: Database[Store]) -> IdempotencyKeys:
    """Give the keys of that database."""
    return IdempotencyKeys(database, TABLE)


async def begun(keys: IdempotencyKeys, fingerprint: str = "f") -> Once:
    """Begin to work under the key `k`."""
    once = await keys.begin("POST /things guest:", "k", fingerprint)
    assert isinstance(once, Once)
    return once


async def test_the_first_answer_is_given_again(keys: IdempotencyKeys, database: Database[Store]) -> None:
    """Status, body and subject are kept."""
    subject = uuid7()
    once = await begun(keys)
    async with database.write() as store:
        assert await once.first(store, subject)
    await keys.keep(once, 201, b"{}")
    assert await keys.begin("POST /things guest:", "k", "f") == Answer(201, b"{}", subject)


async def test_of_many_at_once_one_works_and_the_others_wait(keys: IdempotencyKeys) -> None:
    """Twenty requests with one key: one may go on, nineteen are told that it is in use."""
    outcomes = await asyncio.gather(*(keys.begin("s", "k", "f") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, Once) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IdempotencyKeyInUse) for outcome in outcomes) == 19


async def test_another_body_is_refused(keys: IdempotencyKeys) -> None:
    """The same key with another fingerprint is a mistake of the client."""
    await begun(keys)
    with pytest.raises(IdempotencyKeyReused):
        await begun(keys, "g")


async def test_after_a_crash_the_effect_is_not_made_again(keys: IdempotencyKeys, database: Database[Store], clock: Clock) -> None:
    """When the lease of a crashed try is over, the next one learns what the first one made."""
    subject = uuid7()
    crashed = await begun(keys)
    async with database.write() as store:
        assert await crashed.first(store, subject)
    clock.advance(timedelta(seconds=61))
    again = await begun(keys)
    async with database.write() as store:
        assert not await again.first(store, uuid7())
    assert again.subject == subject


async def test_a_try_without_effect_leaves_nothing(keys: IdempotencyKeys) -> None:
    """After a refusal that is not kept, the same key may come with another body."""
    await keys.let_go(await begun(keys))
    await begun(keys, "g")


async def test_a_try_that_rolled_back_made_no_effect(keys: IdempotencyKeys, database: Database[Store]) -> None:
    """The note is in the transaction of the effect."""
    once = await begun(keys)

    async def fail() -> None:
        async with database.write() as store:
            assert await once.first(store)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.write() as store:
        assert await once.first(store)


async def test_an_unfinished_effect_is_gone_on_with_at_once(keys: IdempotencyKeys, database: Database[Store]) -> None:
    """After a 503 the same key goes on without waiting for the lease."""
    once = await begun(keys)
    async with database.write() as store:
        assert await once.first(store)
    await keys.let_go(once)
    again = await begun(keys)
    async with database.write() as store:
        assert not await again.first(store)


async def test_a_key_is_forgotten_after_a_day(keys: IdempotencyKeys, clock: Clock) -> None:
    """Kept for 24 hours, not longer; a job deletes what nobody asks for again."""
    await keys.keep(await begun(keys), 200, b"{}")
    clock.advance(timedelta(hours=23, minutes=59))
    assert isinstance(await keys.begin("POST /things guest:", "k", "f"), Answer)
    assert not await keys.purge()
    clock.advance(timedelta(minutes=2))
    await begun(keys, "g")
    clock.advance(timedelta(hours=25))
    assert await keys.purge()


async def test_without_a_key_everything_is_the_first_time(database: Database[Store]) -> None:
    """A request without a key has no memory."""
    once = Once()
    async with database.write() as store:
        assert await once.first(store)
        assert await once.first(store)
