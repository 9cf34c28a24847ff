"""The way of an order from the cart to its confirmation."""

from collections import Counter

import pytest
from tests.sales.world import World

from shop.kit.problems import Unavailable
from shop.modules.sales.states import State


async def test_a_guest_orders_pays_and_is_confirmed(world: World) -> None:
    """The order waits for its payment, which confirms it, sells the stock and owes one mail."""
    buyer = world.guest()
    order = await buyer.buys()
    assert (order.status, order.total, order.number) == ("awaiting_payment", 2495, "A-1001")
    assert buyer.cart.status == "checking_out"
    order = await world.pays(order.id)
    assert (order.status, order.captured) == ("confirmed", 2495)
    assert (buyer.cart.status, world.carts.sold) == ("ordered", Counter(mug=2))


async def test_nothing_works_without_the_provider_but_the_same_key_goes_on(world: World) -> None:
    """The provider is down: the request is unavailable, and a repeat goes on with the same order."""
    buyer = world.guest()
    world.network.choose = lambda name: "after" if name == "payments.create" else "ok"
    with pytest.raises(Unavailable):
        await buyer.buys(key="k")
    (first,) = await world.all_orders()
    assert first.state is State.PAYING
    world.network.choose = lambda name: "ok"
    order = await buyer.buys(key="k")
    assert (order.id, order.status) == (first.id, "awaiting_payment")
    assert len(world.payments.of(order.id)) == 1
