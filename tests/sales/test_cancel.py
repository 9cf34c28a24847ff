"""Cancelling an order: who may, until when, and who wins a race."""

import asyncio
from datetime import timedelta

import pytest
from tests.sales.books import world_books
from tests.sales.invariants import check
from tests.sales.world import STAFF, World

from shop.kit.problems import Unavailable
from shop.kit.values import Line
from shop.modules.sales.domain import Order
from shop.modules.sales.problems import OrderConfirmed, OrderShipped
from shop.modules.sales.states import State


async def test_the_owner_cancels_before_it_is_confirmed(world: World) -> None:
    """The payment is cancelled, the stock is free, the cart is open; doing it again changes nothing."""
    buyer = world.guest()
    order = await buyer.buys()
    for _ in range(2):
        await world.cancelling.cancel(await world.order(order.id), buyer.caller)
        assert (await world.order(order.id)).status == "cancelled"
    assert (world.payments.of(order.id)[0].status, world.carts.held["mug"], buyer.cart.status) == ("canceled", 0, "open")
    again = await buyer.buys()
    assert (again.status, again.id == order.id) == ("awaiting_payment", False)


async def test_a_payment_that_wins_the_race_leaves_a_confirmed_order(world: World) -> None:
    """The money was there before the cancellation: nothing is refunded, and the owner is told."""
    buyer = world.guest()
    order = await buyer.buys()
    world.payments.succeed(order.id)
    with pytest.raises(OrderConfirmed):
        await world.cancelling.cancel(order, buyer.caller)
    assert (await world.order(order.id)).state is State.CONFIRMED
    with pytest.raises(OrderConfirmed):
        await world.cancelling.cancel(await world.order(order.id), buyer.caller)
    assert world.payments.given_back(order.payment_id or "") == 0


async def test_a_cancellation_whose_provider_does_not_answer_goes_on_later(world: World) -> None:
    """The order is cancelling until the money is known to be cancelled; the stock stays held."""
    buyer = world.guest()
    order = await buyer.buys()
    world.network.choose = lambda name: "before" if name == "payments.cancel" else "ok"
    await world.cancelling.cancel(order, buyer.caller)
    assert ((await world.order(order.id)).status, world.carts.held["mug"]) == ("cancelling", 2)
    world.network.choose = lambda name: "ok"
    await world.passes(order.expires_at - world.clock.now())
    assert (await world.order(order.id)).status == "cancelled"


async def test_a_cancellation_before_the_payment_exists_releases_at_once(world: World) -> None:
    """A new order whose cart did not answer ends without the provider."""
    buyer = world.guest()
    world.network.lose("carts.begin", "after")
    with pytest.raises(Unavailable):
        await buyer.buys()
    (order,) = await world.all_orders()
    await world.cancelling.cancel(order, STAFF)
    assert ((await world.order(order.id)).status, buyer.cart.status, world.carts.held["mug"]) == ("cancelled", "open", 0)
    assert sum(world.payments.calls.values()) == 0


async def test_staff_cancel_a_confirmed_order_which_refunds_and_restocks(world: World) -> None:
    """All the money goes back, all the pieces too, and the order ends refunded; again is the same."""
    order = await world.confirmed()
    for _ in range(2):
        await world.cancelling.cancel(await world.order(order.id), STAFF)
        order = await world.order(order.id)
        assert (order.status, order.refunded, world.carts.available["mug"]) == ("refunded", 2495, 100)
    assert world.payments.given_back(order.payment_id or "") == 2495
    check(await world_books(world), settled=True)


async def test_staff_cancel_what_is_left_of_a_partly_refunded_order(world: World) -> None:
    """Only what was not given back before goes back now."""
    order = await world.confirmed()
    await world.refund(order.id, 1000, Line("mug", 1))
    await world.cancelling.cancel(await world.order(order.id), STAFF)
    full = await world.full(order.id)
    assert ([row.amount for row in full.refunds], full.order.status, world.carts.available["mug"]) == ([1000, 1495], "refunded", 100)


async def test_an_order_that_cost_nothing_is_cancelled_without_a_call(world: World) -> None:
    """It ends refunded, with its pieces back in stock."""
    world.stock("flyer", 5, 0)
    order = await world.guest({"flyer": 1}).buys(method="free")
    await world.cancelling.cancel(order, STAFF)
    assert ((await world.order(order.id)).status, world.carts.available["flyer"]) == ("refunded", 5)
    assert sum(world.payments.calls.values()) == 0


async def test_nothing_that_is_shipped_can_be_cancelled(world: World) -> None:
    """One parcel is enough; who comes first, parcel or cancellation, wins."""
    order = await world.confirmed()
    await world.shipments.ship(order.id, "Post", None, [Line("mug", 1)], await world.once("ship"))
    with pytest.raises(OrderShipped):
        await world.cancelling.cancel(await world.order(order.id), STAFF)
    raced = await world.confirmed()
    once = await world.once("ship")
    ended = await asyncio.gather(
        world.cancelling.cancel(raced, STAFF), world.shipments.ship(raced.id, "Post", None, None, once), return_exceptions=True
    )
    assert sum(isinstance(end, Exception) for end in ended) == 1


async def test_many_cancellations_at_once_refund_once(world: World) -> None:
    """Ten clicks of staff are one refund."""
    order = await world.confirmed()
    await asyncio.gather(*(world.cancelling.cancel(order, STAFF) for _ in range(10)))
    assert len((await world.full(order.id)).refunds) == 1
    check(await world_books(world), settled=True)


async def test_staff_end_a_review_by_sending_back_what_was_paid(world: World) -> None:
    """What did not add up is refunded and unlocked; a buyer cannot do that."""
    buyer = world.guest()
    order = await _reviewed(world, await buyer.buys())
    with pytest.raises(OrderConfirmed):
        await world.cancelling.cancel(order, buyer.caller)
    await world.cancelling.cancel(order, STAFF)
    order = await world.order(order.id)
    assert (order.status, order.captured, order.refunded, buyer.cart.status) == ("refunded", 2000, 2000, "open")


async def test_staff_end_a_review_of_a_payment_that_the_provider_has_lost(world: World) -> None:
    """Nobody can pay it any more, so stock and cart are free."""
    buyer = world.guest()
    order = await buyer.buys()
    lost = world.payments.payments.pop(order.payment_id or "")
    await world.tell(lost.id)
    order = await world.order(order.id)
    assert order.status == "under_review"
    world.clock.advance(timedelta(hours=25))
    await world.cancelling.cancel(order, STAFF)
    assert ((await world.order(order.id)).status, buyer.cart.status, world.carts.held["mug"]) == ("cancelled", "open", 0)


async def _reviewed(world: World, order: Order) -> Order:
    payment = world.payments.underpay(order.id, order.money(2000))
    await world.tell(payment.id)
    order = await world.order(order.id)
    assert order.state is State.REVIEW
    return order
