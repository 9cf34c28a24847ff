"""Shipments, whole and in parts."""

import asyncio

import pytest
import sqlalchemy as sa
from tests.sales.world import World

from shop.kit.idempotency import Once
from shop.kit.values import Line
from shop.modules.sales.problems import OrderNotConfirmed, OrderNotFound, ShipmentExceedsOrder
from shop.modules.sales.tables import outbox


async def test_an_order_is_shipped_in_two_parcels(world: World) -> None:
    """Partly shipped is still confirmed; the last parcel makes it shipped, and each is mailed about."""
    world.stock("pen", 10)
    order = await world.confirmed(world.guest({"mug": 2, "pen": 1}))
    first = await world.shipments.ship(order.id, "Post", "123", [Line("mug", 1)], Once())
    assert (first.lines, (await world.order(order.id)).status) == ([Line("mug", 1)], "confirmed")
    second = await world.shipments.ship(order.id, "Post", None, None, Once())
    assert (second.lines, (await world.order(order.id)).status) == ([Line("mug", 1), Line("pen", 1)], "shipped")
    async with world.database.read() as store:
        mails = await store.rows(sa.select(outbox).where(outbox.c.kind == "order_shipped").order_by(outbox.c.created_at))
    assert [(row.data["tracking"], row.data["complete"]) for row in mails] == [("123", False), (None, True)]


async def test_nothing_is_shipped_twice(world: World) -> None:
    """Five at once want the two pieces: two get one each."""
    order = await world.confirmed()
    ended = await asyncio.gather(*(world.shipments.ship(order.id, "Post", None, [Line("mug", 1)], Once()) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(end, ShipmentExceedsOrder) for end in ended) == 3
    with pytest.raises(ShipmentExceedsOrder):
        await world.shipments.ship(order.id, "Post", None, None, Once())


async def test_what_came_back_is_not_shipped_any_more(world: World) -> None:
    """A piece that was refunded and restocked stays; the rest makes the order complete."""
    order = await world.confirmed()
    await world.refund(order.id, 100, Line("mug", 1))
    with pytest.raises(ShipmentExceedsOrder):
        await world.shipments.ship(order.id, "Post", None, [Line("mug", 2)], Once())
    shipment = await world.shipments.ship(order.id, "Post", None, None, Once())
    assert (shipment.lines, (await world.order(order.id)).shipped) == ([Line("mug", 1)], True)


async def test_the_same_key_gives_the_same_shipment(world: World) -> None:
    """A repeated request ships nothing more."""
    order = await world.confirmed()
    once = await world.once("shipments", "k")
    first = await world.shipments.ship(order.id, "Post", None, [Line("mug", 1)], once)
    again = await world.shipments.ship(order.id, "Post", None, [Line("mug", 1)], Once(once.table, once.scope, once.key))
    assert first == again


async def test_only_a_confirmed_order_is_shipped(world: World) -> None:
    """Neither an unpaid one, nor one that was refunded, nor one that is not there."""
    order = await world.guest().buys()
    with pytest.raises(OrderNotConfirmed):
        await world.shipments.ship(order.id, "Post", None, None, Once())
    refunded = await world.confirmed()
    await world.refund(refunded.id)
    with pytest.raises(OrderNotConfirmed):
        await world.shipments.ship(refunded.id, "Post", None, None, Once())
    with pytest.raises(OrderNotFound):
        await world.shipments.ship(order.cart_id, "Post", None, None, Once())


async def test_a_shipped_piece_that_comes_back_leaves_the_other_one_to_ship(world: World) -> None:
    """Pieces that come back are those that were shipped, as long as there are any."""
    order = await world.confirmed()
    await world.shipments.ship(order.id, "Post", None, [Line("mug", 1)], Once())
    await world.refund(order.id, 100, Line("mug", 1))
    shipment = await world.shipments.ship(order.id, "Post", None, None, Once())
    assert (shipment.lines, (await world.order(order.id)).shipped) == ([Line("mug", 1)], True)
