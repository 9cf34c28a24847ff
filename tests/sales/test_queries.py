"""How many statements a request costs, whatever its size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from tests.sales.world import STAFF, World

from shop.kit.ids import uuid7
from shop.kit.values import Line
from shop.modules.sales.list_rows import Wanted


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Collect the statements of the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engines = (world.database.reader.sync_engine, world.database.writer.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("skus", [1, 20])
async def test_an_order_is_read_in_six_queries(world: World, skus: int) -> None:
    """Order, lines, events, shipments, refunds and their pieces; a list and a history cost one and two."""
    for number in range(skus):
        world.stock(f"sku{number}", 10)
    buyer = world.customer({f"sku{number}": 1 for number in range(skus)}, ana := uuid7())
    order = await world.confirmed(buyer)
    await world.refund(order.id, 100, Line("sku0", 1))
    with counted(world) as statements:
        await world.orders.full(await world.orders.visible(order.id, STAFF))
    assert len(statements) == 6, statements
    with counted(world) as statements:
        await world.orders.found(Wanted(), 20, None)
    assert len(statements) == 1, statements
    with counted(world) as statements:
        await world.history.purchases(customer_id=ana)
    assert len(statements) == 2, statements


@pytest.mark.parametrize("number", [1, 10])
async def test_all_that_is_held_about_a_customer_is_read_in_seven_queries(world: World, number: int) -> None:
    """Their orders, the five kinds of things that belong to those, and the mails, however many orders there are."""
    ana = uuid7()
    for _ in range(number):
        await world.confirmed(world.customer({"mug": 1}, ana))
    with counted(world) as statements:
        records = await world.history.records(customer_id=ana)
    assert (len(records.sales["orders"]), len(records.sales["mails"])) == (number, number)
    assert len(statements) == 7, statements


async def test_an_idle_poller_asks_once(world: World) -> None:
    """With nothing to do it reads, and takes no lock."""
    await world.confirmed()
    with counted(world) as statements:
        assert not await world.advance.run()
    assert [statement for statement in statements if not statement.startswith("SELECT")] == []
    assert len(statements) <= 2, statements
