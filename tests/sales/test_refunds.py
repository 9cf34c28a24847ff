"""Refunds: never more than was paid, and never lost."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.sales.books import world_books
from tests.sales.invariants import check
from tests.sales.shaky import Killed
from tests.sales.world import World

from shop.kit.idempotency import Once
from shop.kit.money import Money
from shop.kit.problems import Invalid
from shop.kit.values import Line
from shop.modules.sales.domain import RefundRow
from shop.modules.sales.problems import OrderNotConfirmed, OrderNotFound, RefundExceedsPayment, RestockExceedsOrder
from shop.modules.sales.tables import orders, outbox


async def rows(world: World, order_id: object) -> list[RefundRow]:
    """Give the refunds of an order."""
    async with world.database.read() as store:
        return await store.refunds_of(order_id)  # type: ignore[arg-type]


async def test_part_of_the_money_goes_back_and_then_the_rest(world: World) -> None:
    """The status follows, and each refund is mailed about once."""
    order = await world.confirmed()
    await world.refund(order.id, 500)
    assert ((await world.order(order.id)).status, (await world.order(order.id)).refunded) == ("partially_refunded", 500)
    await world.refund(order.id)
    order = await world.order(order.id)
    assert (order.status, order.refunded, world.payments.given_back(order.payment_id or "")) == ("refunded", 2495, 2495)
    async with world.database.read() as store:
        mails = [row.data["amount"]["amount"] for row in await store.rows(sa.select(outbox).where(outbox.c.kind == "order_refunded"))]
    assert sorted(mails) == [500, 1995]


async def test_refunds_at_the_same_time_never_exceed_the_payment(world: World) -> None:
    """Twenty want 500 of 2495: four get it, sixteen are told what is left."""
    order = await world.confirmed()
    ended = await asyncio.gather(*(world.refund(order.id, 500) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(end, RefundExceedsPayment) for end in ended) == 16
    assert world.payments.given_back(order.payment_id or "") == 2000
    with pytest.raises(RefundExceedsPayment) as told:
        await world.refund(order.id, 496)
    assert told.value.extra == {"left": {"amount": 495, "currency": "EUR"}}
    check(await world_books(world), settled=True)


async def test_the_cap_is_one_statement_of_its_own(world: World) -> None:
    """Whoever forgot to look before: the database takes no more than was captured."""
    order = await world.confirmed()
    async with world.database.write() as store:
        assert [await store.claim_money(order.id, amount) for amount in (2496, 2495, 1)] == [False, True, False]
        await store.change(orders.update().values(refunded=0))


async def test_pieces_come_back_with_the_money_but_never_more_than_were_sold(world: World) -> None:
    """A refund with too many pieces changes nothing at all."""
    order = await world.confirmed()
    await world.refund(order.id, 1000, Line("mug", 1))
    assert world.carts.available["mug"] == 99
    for lines in ((Line("mug", 2),), (Line("mug", 1), Line("mug", 1)), (Line("pen", 1),)):
        with pytest.raises(RestockExceedsOrder):
            await world.refund(order.id, 10, *lines)
    order = await world.order(order.id)
    assert (order.refunded, world.carts.available["mug"]) == (1000, 99)
    check(await world_books(world), settled=True)


async def test_a_refund_whose_answer_is_lost_is_made_once_and_finished_later(world: World) -> None:
    """It is pending until the provider answers, under the same key, whichever side the loss was on."""
    for fate in ("before", "after"):
        order = await world.confirmed()
        world.network.lose("payments.refund", fate)
        await world.refund(order.id, 500, Line("mug", 1))
        assert [row.status for row in await rows(world, order.id)] == ["pending"]
        await world.passes(timedelta(seconds=30))
        assert [row.status for row in await rows(world, order.id)] == ["succeeded"]
        assert world.payments.given_back(order.payment_id or "") == 500
    check(await world_books(world), settled=True)


async def test_after_a_day_a_refund_is_looked_for_before_it_is_made(world: World) -> None:
    """The provider has forgotten the key, but not the refund."""
    order = await world.confirmed()
    world.network.choose = lambda name: "after" if name == "payments.refund" else "ok"
    await world.refund(order.id, 500)
    world.network.choose = lambda name: "before" if name.startswith("payments") else "ok"
    await world.passes(timedelta(hours=25), timedelta(hours=1))
    world.network.choose = lambda name: "ok"
    await world.passes(timedelta(seconds=60))
    assert ([row.status for row in await rows(world, order.id)], world.payments.given_back(order.payment_id or "")) == (["succeeded"], 500)


async def test_a_refund_that_failed_gives_its_cap_back(world: World) -> None:
    """What the bank sent back can be refunded again; so can the pieces, if they were not restocked."""
    world.payments.refunds_stay_pending = True
    order = await world.confirmed()
    refund_id = await world.refund(order.id, 2495)
    assert [row.status for row in await rows(world, order.id)] == ["pending"]
    world.payments.settle_refund(refund_id, "failed")
    await world.tell(order.payment_id or "", "refund.failed")
    order = await world.order(order.id)
    assert (order.status, order.refunded) == ("confirmed", 0)
    world.payments.refunds_stay_pending = False
    await world.refund(order.id)
    assert ((await world.order(order.id)).status, [row.status for row in await rows(world, order.id)]) == ("refunded", ["failed", "succeeded"])
    check(await world_books(world), settled=True)


async def test_a_refund_that_the_provider_refuses_is_failed_and_restocks_nothing(world: World) -> None:
    """Money that was given back behind our back cannot be given back again."""
    order = await world.confirmed()
    payment = world.payments.of(order.id)[0]
    await world.payments.refund(refund_id=order.id, payment_id=payment.id, amount=payment.amount, reason="other")
    await world.refund(order.id, 100, Line("mug", 1))
    full = await world.full(order.id)
    assert ([row.status for row in full.refunds], full.order.refunded, full.lines[0].refunded) == (["failed"], 0, 0)
    assert world.carts.available["mug"] == 98


async def test_a_pending_refund_is_looked_at_without_webhooks_too(world: World) -> None:
    """The poller learns how it ended."""
    world.payments.refunds_stay_pending = True
    order = await world.confirmed()
    refund_id = await world.refund(order.id, 100)
    world.payments.settle_refund(refund_id, "succeeded")
    await world.passes(timedelta(minutes=5))
    assert [row.status for row in await rows(world, order.id)] == ["succeeded"]


async def test_pieces_whose_restock_got_lost_come_back_once(world: World) -> None:
    """The restock is repeated under the refund's id."""
    for fate in ("before", "after", "kill_after"):
        order = await world.confirmed()
        before = world.carts.available["mug"]
        world.network.lose("carts.restock", fate)
        try:
            await world.refund(order.id, 100, Line("mug", 1))
        except Killed:
            world.start()
        await world.passes(timedelta(seconds=60))
        assert world.carts.available["mug"] == before + 1


async def test_the_same_key_gives_the_same_refund(world: World) -> None:
    """A repeated request refunds nothing more."""
    order = await world.confirmed()
    once = await world.once("refunds", "k")
    first = await world.refunds.request(order.id, Money(100, "EUR"), "other", None, [], once)
    again = await world.refunds.request(order.id, Money(100, "EUR"), "other", None, [], Once(once.table, once.scope, once.key))
    assert (first, (await world.order(order.id)).refunded) == (again, 100)


async def test_what_cannot_be_refunded_is_refused(world: World) -> None:
    """Nothing, another currency, an unpaid order, an order that is not there, pieces of an order under review."""
    order = await world.confirmed()
    for amount in (Money(0, "EUR"), Money(100, "USD")):
        with pytest.raises(Invalid):
            await world.refunds.request(order.id, amount, "other", None, [], Once())
    unpaid = await world.guest().buys()
    with pytest.raises(RefundExceedsPayment):
        await world.refund(unpaid.id)
    with pytest.raises(OrderNotFound):
        await world.refund(unpaid.cart_id)
    await world.tell(world.payments.underpay(unpaid.id, Money(2000, "EUR")).id)
    with pytest.raises(OrderNotConfirmed):
        await world.refund(unpaid.id, 100, Line("mug", 1))
    await world.refund(unpaid.id, 100)
    assert (await world.order(unpaid.id)).status == "under_review"
