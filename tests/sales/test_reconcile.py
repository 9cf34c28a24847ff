"""The provider's books and ours, compared in both directions."""

from datetime import timedelta
from typing import Any

from tests.sales.world import World

from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.modules.sales.reconcile import Finding
from shop.modules.sales.states import State
from shop.modules.sales.tables import orders

DAY = timedelta(hours=72)


async def found(world: World, *, repair: bool = False) -> list[tuple[str, bool]]:
    """Reconcile, and give kind and repair of what was found."""
    report = await world.reconciliation.reconcile(DAY, repair)
    return [(finding.kind, finding.repaired) for finding in report.findings]


async def change(world: World, order_id: Any, **values: Any) -> None:
    """Falsify an order."""
    async with world.database.write() as store:
        await store.change(orders.update().where(orders.c.id == order_id).values(**values))


async def test_books_that_agree_have_no_findings(world: World) -> None:
    """An open, a confirmed, a cancelled and a refunded order."""
    await world.guest().buys()
    order = await world.confirmed()
    await world.refund(order.id, 100)
    buyer = world.guest()
    await world.cancelling.cancel(await buyer.buys(), buyer.caller)
    report = await world.reconciliation.reconcile(DAY, repair=True)
    assert (report.payments, report.orders, report.findings) == (3, 3, [])


async def test_a_payment_that_was_not_recorded_confirms_its_order(world: World) -> None:
    """Reported without repair, confirmed with it."""
    order = await world.guest().buys()
    await world.pays(order.id, webhook=False)
    assert await found(world) == [("not_recorded", False)]
    assert await found(world, repair=True) == [("not_recorded", True)]
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_a_payment_for_a_cancelled_order_goes_to_review(world: World) -> None:
    """Somebody was charged for nothing: a person must look."""
    buyer = world.guest()
    order = await buyer.buys()
    await world.cancelling.cancel(order, buyer.caller)
    payment = world.payments.of(order.id)[0]
    world.payments.payments[payment.id] = type(payment)(payment.id, "succeeded", payment.amount, payment.amount, "", order.id, 1, payment.created_at)
    assert await found(world, repair=True) == [("paid_but_cancelled", True)]
    order = await world.order(order.id)
    assert (order.status, order.captured) == ("under_review", 2495)


async def test_a_payment_left_open_by_a_cancelled_order_is_cancelled(world: World) -> None:
    """Nobody can pay for it any more."""
    order = await world.guest().buys()
    await change(world, order.id, state=State.CANCELLED)
    assert await found(world, repair=True) == [("still_open", True)]
    assert world.payments.of(order.id)[0].status == "canceled"


async def test_what_only_one_side_knows_is_told(world: World) -> None:
    """A payment of no order, a second one of an order, an order whose payment is not there, a false amount, unknown and missing refunds."""
    await world.payments.create(order_id=uuid7(), attempt=1, amount=Money(100, "EUR"), number="A-1")
    order = await world.confirmed()
    await change(world, order.id, payment_id="pi_gone")
    kinds = {kind for kind, _ in await found(world)}
    assert kinds == {"unknown_order", "second_payment", "unknown_payment"}


async def test_false_amounts_and_refunds_are_told(world: World) -> None:
    """Nothing of it can be repaired without a person."""
    order = await world.confirmed()
    payment_id = order.payment_id or ""
    await world.refund(order.id, 100)
    await world.payments.refund(refund_id=uuid7(), payment_id=payment_id, amount=Money(50, "EUR"), reason="other")
    await change(world, order.id, captured=2494)
    report = await world.reconciliation.reconcile(DAY, repair=True)
    assert [(finding.kind, finding.repaired) for finding in report.findings] == [("amount_differs", False), ("unknown_refund", False)]
    world.payments.refund_rows.clear()
    assert ("missing_refund", False) in await found(world)


async def test_a_confirmed_order_that_nobody_paid_is_told(world: World) -> None:
    """The provider says canceled, the order says confirmed."""
    order = await world.confirmed()
    payment = world.payments.of(order.id)[0]
    world.payments.payments[payment.id] = type(payment)(payment.id, "canceled", payment.amount, Money(0, "EUR"), "", order.id, 1, payment.created_at)
    assert await found(world, repair=True) == [("not_paid", False)]


async def test_many_are_compared_page_by_page(world: World) -> None:
    """More than one page on either side."""
    order = await world.guest().buys()
    for number in range(105):
        await world.payments.create(order_id=uuid7(), attempt=1, amount=Money(number + 1, "EUR"), number="A-1")
    report = await world.reconciliation.reconcile(DAY, repair=False)
    assert (report.payments, len(report.findings), report.orders) == (106, 105, 1)
    assert isinstance(report.findings[0], Finding)
    assert (await world.order(order.id)).state is State.PAYING


async def test_one_worker_an_hour_takes_its_turn(world: World) -> None:
    """However many workers ask."""
    async with world.database.write() as store:
        assert [await store.take_turn("x", timedelta(hours=1)) for _ in range(3)] == [True, False, False]
    world.clock.advance(timedelta(hours=1, seconds=1))
    async with world.database.write() as store:
        assert [await store.take_turn("x", timedelta(hours=1)) for _ in range(2)] == [True, False]
