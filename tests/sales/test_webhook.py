"""What the provider tells is stored once and believed never: the payment itself is looked at."""

import pytest
import sqlalchemy as sa
from tests.sales.world import World

from shop.kit.problems import Invalid
from shop.modules.sales.states import State
from shop.modules.sales.tables import webhook_events


async def stored(world: World) -> list[str]:
    """Give the ids of the stored events."""
    async with world.database.read() as store:
        return [row.id for row in await store.rows(sa.select(webhook_events.c.id).order_by(webhook_events.c.id))]


async def test_an_event_twice_is_stored_once_and_confirms_once(world: World) -> None:
    """The provider repeats itself; nothing happens twice."""
    order = await world.guest().buys()
    payment = world.payments.succeed(order.id)
    for _ in range(3):
        await world.tell(payment.id, id="evt_1")
    assert (await stored(world), (await world.order(order.id)).state) == (["evt_1"], State.CONFIRMED)


async def test_an_event_that_lies_changes_nothing(world: World) -> None:
    """It says succeeded, the payment says otherwise."""
    order = await world.guest().buys()
    await world.tell(order.payment_id or "", "payment_intent.succeeded")
    assert (await world.order(order.id)).status == "awaiting_payment"


async def test_a_late_event_does_not_disturb_what_has_ended(world: World) -> None:
    """A failed try is told of after the order was cancelled."""
    buyer = world.guest()
    order = await buyer.buys()
    await world.cancelling.cancel(order, buyer.caller)
    await world.tell(order.payment_id or "", "payment_intent.payment_failed")
    assert (await world.order(order.id)).status == "cancelled"


async def test_an_unknown_payment_is_stored(world: World) -> None:
    """It may be of another shop of the same account, or of an order that is just being written."""
    await world.tell("pi_unknown", id="evt_2")
    await world.webhooks.receive(world.verifier.event("balance.available", None, "evt_3"), "signed")
    assert await stored(world) == ["evt_2", "evt_3"]


async def test_a_forged_event_is_not_stored(world: World) -> None:
    """Without the provider's signature it does not exist."""
    with pytest.raises(Invalid):
        await world.webhooks.receive(world.verifier.event("payment_intent.succeeded", "pi_1"), "forged")
    assert await stored(world) == []


async def test_an_event_that_nobody_looked_at_is_worked_on_later(world: World) -> None:
    """The process died right after it answered: the order is due at once for whoever comes next."""
    order = await world.guest().buys()
    payment = world.payments.succeed(order.id)
    await world.webhooks.receive(world.verifier.event("payment_intent.succeeded", payment.id), "signed")
    await world.work()
    assert (await world.order(order.id)).state is State.CONFIRMED


async def test_an_event_during_a_look_at_the_payment_is_not_missed(world: World) -> None:
    """The look saw the payment just before it succeeded; the event makes it look again."""
    order = await world.guest().buys()
    old, later = world.payments.live(order.id), world.payments.succeed(order.id)
    shown = [old, later, later]

    async def show(name: str) -> None:
        if name == "payments.payment":
            world.payments.payments[old.id] = shown.pop(0)
            if shown[0] is later and len(shown) == 2:
                await world.webhooks.receive(world.verifier.event("payment_intent.succeeded", old.id), "signed")

    world.network.on_call = show
    await world.advance.advance(order.id)
    assert (await world.order(order.id)).state is State.CONFIRMED
