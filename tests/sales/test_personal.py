"""What sales holds about a customer, and what is left of it when they are forgotten."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.sales.world import HOME, Buyer, World, open_world

from shop.kit.clock import Clock
from shop.kit.erasing import ERASED, ERASED_EMAIL
from shop.kit.ids import uuid7
from shop.kit.outbox import KEPT, purge
from shop.kit.problems import Unavailable
from shop.kit.values import Line
from shop.modules.sales.domain import Order
from shop.modules.sales.personal import TOGETHER, PersonalOrders
from shop.modules.sales.personal_rows import AT_ONCE
from shop.modules.sales.states import State
from shop.modules.sales.tables import METADATA, erasure_receipts, idempotency_keys, outbox
from shop.modules.sales.views import order_view

MOBILE = replace(HOME, phone="+34 600 000 000")


@pytest.fixture
async def world(database_url: str, clock: Clock) -> AsyncIterator[World]:
    """Give sales in a world of fakes, on each kind of database, with a hundred mugs."""
    async with open_world(database_url, clock) as opened:
        opened.stock("mug", 100)
        yield opened


async def erased(world: World, customer_id: UUID) -> int:
    """Make a round, and give how many orders it left for a later one."""
    return (await world.history.erase(customer_id=customer_id))[0].waiting


async def mailed(world: World) -> None:
    """Let every mail that is owed be sent."""
    async with world.database.write() as store:
        await store.change(outbox.update().values(status="sent", sent_at=await store.now()))


async def shipped(world: World, buyer: Buyer) -> Order:
    """Give an order that is with its customer, with a note and a tracking number about them."""
    order = await world.confirmed(buyer)
    await world.shipments.ship(order.id, "Correos", "TRACK-ANA", None, await world.once("ship"))
    await world.refunds.request(order.id, order.money(100), "other", "Ana Ruiz was sad", [], await world.once("refund"))
    await world.work()
    await mailed(world)
    return await world.order(order.id)


async def everything(world: World, *without: sa.Table) -> str:
    """Write out every row of sales but those of some tables."""
    async with world.database.read() as store:
        tables = [table for table in METADATA.sorted_tables if table not in without]
        return str([[row._asdict() for row in await store.rows(sa.select(table))] for table in tables])


async def test_an_order_keeps_its_numbers_and_loses_its_person(world: World) -> None:
    """Amounts, lines, the country of the tax and the payment stay; nothing in any table names the person."""
    ana = uuid7()
    before = await shipped(world, world.customer(customer_id=ana))
    lines = (await world.full(before.id)).lines
    written = await everything(world)
    assert all(word in written for word in ("ana@example.com", "Ana Ruiz", "Calle Mayor", "TRACK-ANA"))
    assert await erased(world, ana) == 0
    full = await world.full(before.id)
    facts = ("number", "status", "currency", "subtotal", "shipping", "tax", "total", "captured", "refunded", "payment_id", "created_at")
    assert [getattr(full.order, fact) for fact in facts] == [getattr(before, fact) for fact in facts]
    assert (full.lines, full.order.customer_id, full.order.email, full.order.shipping_address["country"]) == (lines, None, ERASED_EMAIL, "ES")
    assert full.order.shipping_address["name"] == ERASED
    written = await everything(world)
    assert not [word for word in ("ana@example.com", "Ana Ruiz", "Calle Mayor", "Madrid", "28013", "TRACK-ANA", "was sad") if word in written]
    assert str(ana) not in await everything(world, erasure_receipts, idempotency_keys)  # a key that is under way lives a day at most


async def test_phone_and_billing_address_go_too(world: World) -> None:
    """Whatever an address has."""
    ana = uuid7()
    buyer = world.customer(customer_id=ana)
    wish = replace(buyer.wish(), shipping_address=MOBILE, billing_address=replace(HOME, line1="Gran Via 2"))
    order = await world.orders.place(wish, buyer.caller, await world.once("orders"))
    await world.cancelling.cancel(order, buyer.caller)
    assert "+34 600" in await everything(world)
    assert await erased(world, ana) == 0
    written = await everything(world)
    assert not [word for word in ("+34 600", "Gran Via", "Calle Mayor") if word in written]


async def test_an_open_checkout_is_cancelled_first(world: World) -> None:
    """Nobody can pay for it any more; its stock comes back, and the next round erases it."""
    ana = uuid7()
    order = await world.customer(customer_id=ana).buys()
    assert order.state is State.PAYING
    assert await erased(world, ana) == 1
    await world.work()
    assert (await world.order(order.id)).state is State.CANCELLED
    assert world.carts.available["mug"] == 100
    assert await erased(world, ana) == 0
    assert (await world.order(order.id)).email == ERASED_EMAIL


async def test_a_payment_that_wins_the_race_is_delivered(world: World) -> None:
    """Who paid has bought: the address stays until the parcel is on its way and its mail is sent."""
    ana = uuid7()
    order = await world.customer(customer_id=ana).buys()
    world.payments.succeed(order.id)
    for _ in range(2):
        assert await erased(world, ana) == 1
        await world.work()
    assert (await world.order(order.id)).state is State.CONFIRMED
    await mailed(world)
    assert await erased(world, ana) == 1
    await world.shipments.ship(order.id, "Correos", None, None, await world.once("ship"))
    assert await erased(world, ana) == 1
    await mailed(world)
    assert await erased(world, ana) == 0


async def test_a_refund_under_way_is_given_and_told_first(world: World) -> None:
    """Whoever is owed money learns that it came."""
    ana = uuid7()
    order = await shipped(world, world.customer(customer_id=ana))
    world.network.lose("payments.refund")
    refund_id = await world.refund(order.id, 200)
    assert await erased(world, ana) == 1
    await world.refunds.advance(refund_id)
    assert await erased(world, ana) == 1
    await mailed(world)
    assert await erased(world, ana) == 0


async def test_a_refund_after_all_is_given_and_told_to_nobody(world: World) -> None:
    """Staff may still give money back; there is no address to write to."""
    ana = uuid7()
    order = await shipped(world, world.customer(customer_id=ana))
    await erased(world, ana)
    await world.refund(order.id, 200)
    await world.work()
    assert (await world.order(order.id)).refunded == 300
    async with world.database.read() as store:
        assert await store.scalar(sa.select(sa.func.count()).where(outbox.c.status == "pending")) == 0


async def test_who_bought_a_lot_is_forgotten_in_several_rounds(world: World) -> None:
    """Each is short enough to be answered in time."""
    ana = uuid7()
    for _ in range(AT_ONCE + 1):
        buyer = world.customer({"mug": 1}, ana)
        await world.cancelling.cancel(await buyer.buys(), buyer.caller)
    assert [await erased(world, ana) for _ in range(2)] == [1, 0]


async def test_others_keep_theirs(world: World) -> None:
    """Another customer and a guest with the same address, whom nobody has proved to be the same person."""
    ana = uuid7()
    others = [await shipped(world, world.customer()), await shipped(world, world.guest())]
    await shipped(world, world.customer(customer_id=ana))
    assert await erased(world, ana) == 0
    assert [(await world.order(order.id)).email for order in others] == ["ana@example.com"] * 2


async def test_a_round_that_cart_did_not_hear_of_is_made_again(world: World) -> None:
    """The caller learns nothing of the half; the second round completes the receipts."""
    ana = uuid7()
    await shipped(world, world.customer(customer_id=ana))
    world.network.lose("carts.erase")
    with pytest.raises(Unavailable):
        await world.history.erase(customer_id=ana)
    sales, cart = await world.history.erase(customer_id=ana)
    assert (sales.erased["orders"], cart.erased["ordered_carts"]) == (1, 1)


async def test_records_are_all_or_nothing(world: World) -> None:
    """Orders with their addresses, refunds and parcels, the mails about them, and what cart says; how to pay is none."""
    ana = uuid7()
    await shipped(world, world.customer(customer_id=ana))
    open_order = await world.customer(customer_id=ana).buys()
    world.network.lose("carts.records")
    with pytest.raises(Unavailable):
        await world.history.records(customer_id=ana)
    records = await world.history.records(customer_id=ana)
    told: list[dict[str, Any]] = records.sales["orders"]
    assert [order["status"] for order in told] == ["partially_refunded", "awaiting_payment"]
    assert told[0]["shipping_address"]["line1"] == "Calle Mayor 1"
    assert (told[0]["shipments"][0]["tracking"], told[0]["refunds"][0]["note"]) == ("TRACK-ANA", "Ana Ruiz was sad")
    assert {mail["kind"] for mail in records.sales["mails"]} == {"order_confirmed", "order_shipped", "order_refunded"}
    assert len(records.cart["carts"]) == 2
    assert open_order.client_secret is not None
    assert open_order.client_secret not in str(records)


async def test_orders_read_together_are_what_each_is_by_itself(world: World) -> None:
    """Their lines, parcels, refunds, returned pieces and events are those of the order, in its order, however they came to be among the others'."""
    ana = uuid7()
    for sku in ("bowl", "apron"):
        world.stock(sku, 100)
    placed = [await world.confirmed(world.customer({"mug": 3, "bowl": 3, "apron": 3}, ana)) for _ in range(3)]
    for sku, returned in (("mug", "bowl"), ("apron", "mug")):
        for order in placed[:2]:
            await world.shipments.ship(order.id, "Correos", f"{order.number} {sku}", [Line(sku, 1), Line("bowl", 1)], await world.once("ship"))
            await world.refund(order.id, 100, Line(returned, 1), Line("apron", 1))
    told: list[dict[str, Any]] = (await world.history.records(customer_id=ana)).sales["orders"]
    alone = [msgspec.to_builtins(order_view(await world.full(order.id), "")) | {"locale": "es"} for order in placed]
    assert told == [{name: value for name, value in order.items() if name != "payment"} for order in alone]
    assert [(len(order["lines"]), len(order["shipments"]), len(order["refunds"])) for order in told] == [(3, 2, 2), (3, 2, 2), (3, 0, 0)]
    assert [[line["sku"] for line in refund["restock"]] for refund in told[0]["refunds"]] == [["apron", "bowl"], ["apron", "mug"]]
    assert [parcel["tracking"] for parcel in told[1]["shipments"]] == [f"{placed[1].number} mug", f"{placed[1].number} apron"]


async def test_many_orders_are_read_in_portions(world: World) -> None:
    """None of them is left out, none is there twice, and they stay in their order."""
    ana = uuid7()
    placed = [await world.customer({"mug": 1}, ana).buys() for _ in range(5)]
    told = [(await PersonalOrders(world.database, world.carts, together).records(ana)).sales for together in (2, 5, TOGETHER)]
    assert [order["number"] for order in told[0]["orders"]] == [order.number for order in placed]
    assert told[0] == told[1] == told[2]


async def test_kept_answers_go_and_those_under_way_stay(world: World, clock: Clock) -> None:
    """An answer that is kept for a repetition has the order in it."""
    ana = uuid7()
    buyer = world.customer(customer_id=ana)
    once = await world.once(f"POST /api/v1/orders {buyer.caller.scope}", "kept")
    await world.keys.keep(once, 201, b"Ana Ruiz")
    await world.once(f"POST /api/v1/orders {buyer.caller.scope}", "under way")
    clock.advance(timedelta(seconds=1))
    (sales, _) = await world.history.erase(customer_id=ana)
    assert sales.erased["kept_answers"] == 1
    assert "under way" in await everything(world)


async def test_old_letters_are_forgotten(world: World, clock: Clock) -> None:
    """Thirty days after they were written, once they are sent or given up; what is still owed stays."""
    sent, given_up, owed = [await world.confirmed() for _ in range(3)]
    async with world.database.write() as store:
        for order, status in ((sent, "sent"), (given_up, "dead")):
            await store.change(outbox.update().where(outbox.c.subject_id == order.id).values(status=status))
        assert not await purge(store, outbox)
    assert (await everything(world)).count("order_confirmed") == 3
    clock.advance(KEPT + timedelta(seconds=1))
    async with world.database.write() as store:
        assert await purge(store, outbox, limit=2)
        assert [row.subject_id for row in await store.rows(sa.select(outbox.c.subject_id))] == [owed.id]
