"""What users does in the background."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.fakes.mail import FakeMail
from tests.fakes.sales import FakePurchaseHistory
from tests.users.site import open_site
from tests.users.world import World

from shop.app import assemble
from shop.kit.clock import Clock
from shop.modules.users import purge_store, tables
from shop.modules.users.domain import REFRESH_LIFETIME, SessionEnded
from shop.modules.users.throttling import WINDOW
from shop.ports.mail import Mail
from shop.ports.sales import PurchaseHistory
from shop.settings import Databases, Settings


async def purge(world: World) -> bool:
    """Forget what is over."""
    async with world.database.write() as store:
        return await store.purge(await store.now())


async def count(world: World, table: sa.Table) -> int:
    """Count the rows of a table."""
    return len(await world.rows(sa.select(table)))


async def test_what_is_over_is_forgotten_and_nothing_else(world: World) -> None:
    """Sessions, tokens, links, counters and old mails go; accounts, addresses and consents stay."""
    await world.ada()
    for _ in range(3):
        await world.sessions.refresh((await world.login()).refresh_token)
    with pytest.raises(Exception, match="wrong"):
        await world.login(password="wrong password")
    before = {table.name: await count(world, table) for table in tables.METADATA.sorted_tables}
    assert not await purge(world)
    assert {table.name: await count(world, table) for table in tables.METADATA.sorted_tables} == before
    world.clock.advance(WINDOW)
    assert not await purge(world)
    assert await count(world, tables.throttles) == 0
    world.clock.advance(REFRESH_LIFETIME - timedelta(hours=1))
    fresh = await world.login()
    world.clock.advance(timedelta(hours=1))
    await purge(world)
    counted = {table.name: await count(world, table) for table in tables.METADATA.sorted_tables}
    assert (counted["sessions"], counted["refresh_tokens"], counted["links"]) == (1, 1, 0)
    assert (counted["users"], counted["consents"], counted["outbox"]) == (1, 1, 1)
    await world.sessions.refresh(fresh.refresh_token)


async def test_purging_goes_on_while_there_is_more(small_world: World) -> None:
    """One batch at a time, so that nobody waits long."""
    ada = await small_world.ada()
    async with small_world.database.write() as store:
        now = await store.now()
        for number in range(purge_store.BATCH + 1):
            await store.open_session(ada, number.to_bytes(32), now - REFRESH_LIFETIME)
    assert await purge(small_world)
    assert not await purge(small_world)
    assert await count(small_world, tables.sessions) == 0
    with pytest.raises(SessionEnded):
        await small_world.sessions.refresh("x")


async def test_sent_mails_are_forgotten_after_a_month(sqlite_url: str, clock: Clock) -> None:
    """They hold an address; what is still owed stays."""
    async with open_site(sqlite_url, clock) as site:
        await site.register()
        await site.app.state.jobs.now("users: send mails")
        await site.register("ben@example.com")
        clock.advance(timedelta(days=30))
        await site.app.state.jobs.now("users: purge what is over")
        await site.app.state.jobs.now("users: send mails")
        assert [len(site.mail.to(email)) for email in ("ada@example.com", "ben@example.com")] == [1, 1]


async def test_a_process_that_cannot_sign_does_not_start(sqlite_url: str) -> None:
    """Better at once than at the first login."""
    settings = Settings(databases=Databases(url=sqlite_url))
    app = assemble(["users"], settings, (PurchaseHistory, FakePurchaseHistory()), (Mail, FakeMail()), run_jobs=False)
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="signing key"), allow_unwrapped=True):
        async with app.lifespan():
            raise AssertionError("it started")
