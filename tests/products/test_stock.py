"""The stock keeps its books: whatever is commanded, in whatever order, by however many at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from tests.products.world import TTL, World

from shop.kit.clock import Clock
from shop.kit.idempotency import Once
from shop.kit.ids import derived_id, uuid7
from shop.kit.problems import Gone, Invalid, NotFound, Problem
from shop.kit.values import Line
from shop.modules.products.commands import StockChange
from shop.modules.products.holding import MOST_ON_HAND, StockReserved, StockTooLarge
from shop.modules.products.offered import BATCH
from shop.modules.products.tables import reservations, stock

SKUS = ("cup", "mug", "pot")


async def outcome(call: Awaitable[object]) -> str:
    """Give the code of the problem that a call ended in and the SKUs it names, or `done`."""
    try:
        await call
    except Problem as problem:
        return " ".join([problem.code, *problem.extra.get("skus", ())])
    return "done"


async def test_ten_pieces_go_to_ten_of_sixty_who_want_one(world: World) -> None:
    """Sixty reserve at once, ten get a piece, fifty are told of what, the books balance."""
    await world.sells("mug", on_hand=10)
    outcomes = await asyncio.gather(*(outcome(world.offered.reserve(id=uuid7(), lines=[Line("mug", 1)], ttl=TTL)) for _ in range(60)))
    assert Counter(outcomes) == {"done": 10, "out_of_stock mug": 50}
    assert await world.level("mug") == (10, 10)
    await world.balances()


async def test_orders_with_the_same_skus_in_any_order_do_not_block_each_other(world: World) -> None:
    """Unsorted lines, commits, releases and the job, all at once: nobody waits in a circle, and nothing is lost."""
    await world.sells(*SKUS, on_hand=500)
    chance = random.Random(7)

    async def orders() -> str:
        id, wanted = uuid7(), [Line(sku, 1) for sku in chance.sample(SKUS, 3)]
        held = await outcome(world.offered.reserve(id=id, lines=wanted, ttl=TTL))
        ended = await outcome(chance.choice([world.offered.commit, world.offered.release])(id=id))
        await world.offered.expire()
        return f"{held}, {ended}"

    assert Counter(await asyncio.gather(*(orders() for _ in range(60)))) == {"done, done": 60}
    await world.balances()
    assert {(await world.level(sku))[1] for sku in SKUS} == {0}


NAMES = ["reserve", "reserve", "commit", "release", "restock", "deliver", "expire", "pass time"]
PARTS = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 3)), min_size=1, max_size=2)
COMMANDS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2), PARTS), min_size=15, max_size=30)


@settings(max_examples=15, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(commands=COMMANDS)
def test_the_books_balance_after_any_commands(database_url: str, commands: list[Any]) -> None:
    """Available + held + sold - restocked = received after whatever the neighbours and staff command, repeated or not."""
    asyncio.run(_commanded(database_url, commands))


async def _commanded(url: str, commands: list[Any]) -> None:
    world, example = World(url, Clock()), uuid7()  # the examples share a database, but neither SKUs nor orders
    try:
        await world.sells(*(f"{sku}-{example}" for sku in SKUS), on_hand=6)
        for name, number, parts in commands:
            named = [(f"{sku}-{example}", quantity) for sku, quantity in parts]
            await outcome(_command(world, name, derived_id(example, number), named))
        await world.balances()
    finally:
        await world.close()


async def _command(world: World, name: str, id: UUID, parts: list[tuple[str, int]]) -> None:
    wanted = [Line(sku, quantity) for sku, quantity in parts]
    if name == "reserve":
        await world.offered.reserve(id=id, lines=wanted, ttl=TTL)
    elif name == "restock":
        await world.offered.restock(restock_id=derived_id(id, parts), id=id, lines=wanted)
    elif name == "deliver":
        await world.stock.change(parts[0][0], StockChange(parts[0][1] - 2, "count"), "staff", Once())
    elif name == "expire":
        await world.offered.expire()
    elif name == "pass time":
        world.clock.advance(timedelta(seconds=TTL / 2 + 1))
    else:
        await getattr(world.offered, name)(id=id)


async def test_the_job_gives_back_what_nobody_came_back_for(world: World) -> None:
    """Overdue reservations are released, all of them however many, and no others; several workers share the work."""
    await world.sells("mug", on_hand=200)
    overdue = [uuid7() for _ in range(60)]
    for id in overdue:
        await world.offered.reserve(id=id, lines=[Line("mug", 1)], ttl=TTL)
    world.clock.advance(timedelta(seconds=TTL))
    await world.offered.reserve(id=uuid7(), lines=[Line("mug", 5)], ttl=TTL)
    assert await world.offered.expire()
    assert await world.level("mug") == (200, 60 - BATCH + 5)
    while any(await asyncio.gather(*(world.offered.expire() for _ in range(3)))):
        pass
    assert await world.level("mug") == (200, 5)
    with pytest.raises(Gone):
        await world.offered.commit(id=overdue[0])
    await world.balances()


async def test_a_sale_and_a_restock_are_in_the_ledger_once(world: World) -> None:
    """The ledger tells every movement with its reason and for whom it was, the newest first."""
    await world.sells("mug", on_hand=10)
    order = uuid7()
    await world.offered.reserve(id=order, lines=[Line("mug", 3)], ttl=TTL)
    before = await world.stock.report("mug")
    assert [(held.order_id, held.quantity) for held in before.reservations] == [(order, 3)]
    for _ in range(2):
        await world.offered.commit(id=order)
    restock = uuid7()
    for _ in range(2):
        await world.offered.restock(restock_id=restock, id=order, lines=[Line("mug", 1)])
    report = await world.stock.report("mug")
    assert [(move.delta, move.reason, move.by) for move in report.movements] == [
        (1, "restock", f"order:{order}"),
        (-3, "sale", f"order:{order}"),
        (10, "delivery", "staff"),
    ]
    assert (report.on_hand, report.reserved, report.available, report.reservations) == (8, 0, 8, [])


async def test_staff_cannot_count_out_what_is_reserved(world: World) -> None:
    """Stock never falls below what is reserved, nor below zero, and a refused count leaves no row."""
    await world.sells("mug", on_hand=10)
    await world.offered.reserve(id=uuid7(), lines=[Line("mug", 4)], ttl=TTL)
    with pytest.raises(StockReserved):
        await world.delivers("mug", -7)
    await world.delivers("mug", -6)
    assert await world.level("mug") == (4, 4)
    with pytest.raises(NotFound):
        await world.delivers("never", 1)
    with pytest.raises(Invalid):
        await world.delivers("mug", 0)
    assert len((await world.stock.report("mug")).movements) == 2


async def test_no_more_is_counted_than_a_number_holds(world: World) -> None:
    """A count that would overflow is refused, not failed."""
    await world.sells("mug")
    async with world.database.write() as store:
        await store.adjust("mug", MOST_ON_HAND - 5)
    with pytest.raises(StockTooLarge):
        await world.delivers("mug", 6)


async def test_the_database_itself_refuses_to_oversell(world: World) -> None:
    """Behind the conditional updates stand constraints."""
    await world.sells("mug", on_hand=1)
    for values in ({"reserved": 2}, {"reserved": -1}, {"on_hand": -1}):
        with pytest.raises(IntegrityError):
            async with world.database.write() as store:
                await store.change(sa.update(stock).values(**values))


async def test_released_reservations_are_forgotten_after_a_month(world: World) -> None:
    """Tombstones too; what is held stays, and what is sold can still come back."""
    await world.sells("mug", on_hand=10)
    sold, released, held = uuid7(), uuid7(), uuid7()
    for id, ttl in ((sold, TTL), (released, TTL), (held, 90 * 86400)):
        await world.offered.reserve(id=id, lines=[Line("mug", 1)], ttl=ttl)
    await world.offered.commit(id=sold)
    for id in (released, uuid7()):
        await world.offered.release(id=id)
    assert not await world.offered.forget()
    world.clock.advance(timedelta(days=30, seconds=TTL + 1))
    assert await world.offered.forget()
    assert not await world.offered.forget()
    async with world.database.read() as store:
        left = {row.id for row in await store.rows(sa.select(reservations.c.id))}
    assert left == {sold, held}
    await world.offered.restock(restock_id=uuid7(), id=sold, lines=[Line("mug", 1)])
    assert await world.level("mug") == (10, 1)
    await world.balances()
