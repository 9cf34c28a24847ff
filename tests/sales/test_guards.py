"""The guards of the checkout protocol, each by a test that fails without it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from tests.sales.books import world_books
from tests.sales.invariants import check
from tests.sales.shaky import Killed
from tests.sales.world import STAFF, World

from shop.kit.money import Money
from shop.kit.problems import Unavailable
from shop.kit.transactions import TransactionOpen
from shop.modules.sales.states import State
from shop.modules.sales.tables import orders
from shop.ports.payments import Payment


async def test_the_state_is_written_before_the_provider_is_asked(world: World) -> None:
    """When the payment is created, the order says already that it may exist."""
    seen: list[str] = []

    async def look(name: str) -> None:
        if name == "payments.create":
            async with world.database.read() as store:
                seen.extend([row.state for row in await store.rows(sa.select(orders.c.state))])

    world.network.on_call = look
    await world.guest().buys()
    assert seen == ["paying"]


@pytest.mark.parametrize("received", [Money(2494, "EUR"), Money(2495, "USD")])
async def test_another_amount_or_currency_is_never_confirmed(world: World, received: Money) -> None:
    """It goes to a person instead, who sees what was really paid."""
    order = await world.guest().buys()
    payment = world.payments.underpay(order.id, received)
    await world.tell(payment.id)
    order = await world.order(order.id)
    assert (order.status, order.paid_money(order.captured)) == ("under_review", received)
    assert world.carts.sold["mug"] == 0


async def test_a_payment_over_another_amount_is_never_shown_to_the_customer(world: World) -> None:
    """The provider made it differently: the order is under review, and staff can still cancel the payment."""
    buyer, create = world.guest(), world.payments.create

    async def differently(**arguments: Any) -> Payment:
        payment = replace(await create(**arguments), amount=Money(1, "EUR"))
        world.payments.payments[payment.id] = payment
        return payment

    world.payments.create = differently  # type: ignore[method-assign]
    order = await buyer.buys()
    assert (order.status, order.client_secret) == ("under_review", None)
    await world.cancelling.cancel(order, STAFF)
    assert [payment.status for payment in world.payments.of(order.id)] == ["canceled"]
    assert ((await world.order(order.id)).status, buyer.cart.status) == ("cancelled", "open")


async def test_stock_that_was_gone_when_the_money_came_sends_the_money_back(world: World) -> None:
    """After the hard limit a paid order is refunded in full, and its cart is open again."""
    buyer = world.guest()
    order = await buyer.buys()
    world.carts.expire(order.id)
    world.hard_limits.add(order.id)
    order = await world.pays(order.id)
    assert (order.state, order.status, order.refunded) == (State.REFUNDED, "refunded", 2495)
    assert (buyer.cart.status, world.payments.given_back(order.payment_id or "")) == ("open", 2495)
    check(await world_books(world), settled=True)


async def test_without_webhooks_a_payment_is_looked_for_after_10_20_40_and_every_60_seconds(world: World) -> None:
    """The poller asks the provider more and more rarely, and once the money is there it confirms."""
    order = await world.guest().buys()
    asked = []
    for second in range(1, 201):
        world.clock.advance(timedelta(seconds=1))
        before = world.payments.calls["payment"]
        await world.work()
        if world.payments.calls["payment"] > before:
            asked.append(second)
    assert asked == pytest.approx([10, 30, 70, 130, 190], abs=2)
    await world.pays(order.id, webhook=False)
    await world.passes(timedelta(seconds=60))
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_a_restart_looks_at_every_open_payment_at_once(world: World) -> None:
    """What was paid while the process was down is confirmed with its first breath."""
    order = await world.guest().buys()
    await world.pays(order.id, webhook=False)
    await world.work()
    assert (await world.order(order.id)).state is State.PAYING
    await world.advance.resume()
    await world.work()
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_an_unpaid_order_ends_with_its_lease_the_money_first(world: World) -> None:
    """After fifteen minutes the payment is cancelled, then the stock is free and the cart open."""
    buyer = world.guest()
    order = await buyer.buys()
    world.network.calls.clear()
    await world.passes(timedelta(minutes=16))
    assert (await world.order(order.id)).status == "cancelled"
    assert world.network.calls.index("payments.cancel") < world.network.calls.index("carts.release")
    assert (world.payments.of(order.id)[0].status, buyer.cart.status, world.carts.held["mug"]) == ("canceled", "open", 0)


async def test_a_payment_at_the_last_moment_wins_over_the_lease(world: World) -> None:
    """The lease is over, but the money came: the order is confirmed, not refunded."""
    order = await world.guest().buys()
    await world.pays(order.id, webhook=False)
    world.clock.advance(timedelta(minutes=16))
    await world.work()
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_a_payment_in_progress_is_waited_for(world: World) -> None:
    """A method that takes days keeps the order cancelling until it is known how it ends."""
    order = await world.guest().buys()
    world.payments.processing(order.id)
    await world.passes(timedelta(minutes=20), timedelta(minutes=1))
    assert ((await world.order(order.id)).status, world.carts.held["mug"]) == ("cancelling", 2)
    world.payments.succeed(order.id)
    await world.passes(timedelta(minutes=2))
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_a_payment_nobody_knows_of_is_created_again_to_be_cancelled(world: World) -> None:
    """The answer of its creation was lost: the same key finds it, then it is cancelled, then the stock is released."""
    buyer = world.guest()
    world.network.choose = lambda name: "after" if name == "payments.create" else "ok"
    with pytest.raises(Unavailable):
        await buyer.buys()
    world.network.choose = lambda name: "before" if name == "payments.create" else "ok"
    await world.passes(timedelta(minutes=15, seconds=30))
    (order,) = await world.all_orders()
    assert (order.state, world.carts.held["mug"]) == (State.CANCELLING, 2)
    world.network.choose = lambda name: "ok"
    await world.passes(timedelta(seconds=60))
    assert (await world.order(order.id)).state is State.CANCELLED
    assert [payment.status for payment in world.payments.of(order.id)] == ["canceled"]


async def test_after_a_day_a_payment_is_looked_up_and_never_created_again(world: World) -> None:
    """The provider has forgotten the key: the order's metadata finds the payment."""
    world.network.choose = lambda name: "after" if name == "payments.create" else "ok"
    with pytest.raises(Unavailable):
        await world.guest().buys()
    world.network.choose = lambda name: "before" if name.startswith("payments") else "ok"
    await world.passes(timedelta(hours=25), timedelta(hours=1))
    world.network.choose = lambda name: "ok"
    created = world.payments.calls["create"]
    await world.passes(timedelta(seconds=60))
    (order,) = await world.all_orders()
    assert order.state is State.CANCELLED
    assert (len(world.payments.of(order.id)), world.payments.calls["create"]) == (1, created)
    check(await world_books(world), settled=True)


async def test_a_creation_that_failed_at_the_provider_is_tried_under_a_new_key(world: World) -> None:
    """What the provider keeps as failed can never become a payment; the next attempt can."""
    buyer = world.guest()
    world.network.lose("payments.create")
    with pytest.raises(Unavailable):
        await buyer.buys(key="k")
    (order,) = await world.all_orders()
    world.payments.spoil(order.id, 1)
    order = await buyer.buys(key="k")
    assert (order.status, order.attempt, len(world.payments.of(order.id))) == ("awaiting_payment", 2, 1)


async def test_two_workers_never_advance_one_order_at_once(world: World) -> None:
    """While one waits for the provider, the order is nobody else's; when that one died, it is after thirty seconds."""
    tried: list[bool] = []

    async def another(name: str) -> None:
        if name == "payments.create":
            (order,) = await world.all_orders()
            tried.append(await world.advance.advance(order.id))

    world.network.on_call = another
    world.network.lose("payments.create", "kill_after")
    with pytest.raises(Killed):
        await world.guest().buys()
    assert tried == [False]
    (order,) = await world.all_orders()
    await world.work()
    assert (await world.order(order.id)).payment_id is None
    world.network.choose = lambda name: "ok"
    await world.passes(timedelta(seconds=30))
    assert (await world.order(order.id)).payment_id is not None


async def test_a_change_made_meanwhile_is_never_overwritten(world: World) -> None:
    """The customer cancels while the payment is being created: the order ends cancelled, and so does the payment."""
    buyer = world.guest()

    async def cancel(name: str) -> None:
        if name == "payments.create":
            world.network.on_call = lambda _: asyncio.sleep(0)
            (order,) = await world.all_orders()
            async with world.database.write() as store:
                assert await store.move(order, State.CANCELLING, event="cancel_requested")

    world.network.on_call = cancel
    order = await buyer.buys()
    assert (order.status, buyer.cart.status) == ("cancelled", "open")
    assert [payment.status for payment in world.payments.of(order.id)] == ["canceled"]


async def test_no_call_leaves_while_a_transaction_is_open(world: World) -> None:
    """The assertion is armed in every test of this folder."""
    carts = world.refunds.carts
    with pytest.raises(TransactionOpen):
        async with world.database.write():
            await carts.release(id=uuid4())
