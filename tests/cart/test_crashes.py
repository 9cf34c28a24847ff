"""The process may die between any two steps of a checkout; whoever repeats the call gets the answer, and nothing is lost."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.cart.mortal import Crash, Fragile, each_death, releasing, survived
from tests.cart.world import TTL

from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.problems import Gone, Unavailable
from shop.ports.cart import InsufficientStock


async def test_a_begin_that_died_anywhere_goes_on(fragile: Fragile) -> None:
    """The same id continues and gives the quote; the stock is held once and can be sold."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        quote = await survived(fragile, die_at, lambda: fragile.begin(id, cart))
        if quote is None:
            return False
        assert quote.subtotal.amount == 3000
        assert await fragile.status(cart[0]) == "checking_out"
        assert await fragile.begin(id, cart) == quote
        assert fragile.products.shelf("mug").reserved == 3
        await fragile.checkouts.commit(id=id)
        assert fragile.products.shelf("mug").on_hand == 7
        return True

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_refusal_that_died_anywhere_is_given_again(fragile: Fragile) -> None:
    """The cart is open afterwards, and nothing is held."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        fragile.steps.begin_anew(die_at)
        with pytest.raises((Crash, InsufficientStock)) as first:
            await fragile.begin(id, cart)
        fragile.steps.begin_anew()
        with pytest.raises(InsufficientStock) as caught:
            await fragile.begin(id, cart)
        assert caught.value.extra == {"skus": ["mug"]}
        assert await fragile.status(cart[0]) == "open"
        assert fragile.products.shelf("mug").reserved == 0
        return first.type is Crash

    assert await each_death(lambda: fragile.cart({"mug": 11}), survive) == 5


async def test_a_begin_that_died_anywhere_can_be_released_instead(fragile: Fragile) -> None:
    """Sales gave up: nothing is held, the cart is open, and the begin that comes after all is gone."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.begin(id, cart)
        except Crash:
            fragile.steps.begin_anew()
            await fragile.checkouts.release(id=id)
            await freed(fragile, id, cart)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def freed(fragile: Fragile, id: UUID, cart: tuple[UUID, Caller]) -> None:
    """Check that nothing is left of a checkout but its tombstone."""
    assert fragile.products.shelf("mug").reserved == 0
    assert await fragile.status(cart[0]) == "open"
    with pytest.raises(Gone):
        await fragile.begin(id, cart)
    assert fragile.products.shelf("mug").reserved == 0
    another = uuid7()
    assert (await fragile.begin(another, cart)).lines
    await fragile.checkouts.release(id=another)


async def test_a_commit_that_died_anywhere_sells_once(fragile: Fragile) -> None:
    """The cart ends as ordered."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        await fragile.begin(id, cart)
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.checkouts.commit(id=id)
        except Crash:
            fragile.steps.begin_anew()
            await fragile.checkouts.commit(id=id)
            assert await fragile.status(cart[0]) == "ordered"
            shelf = fragile.products.shelf("mug")
            assert (shelf.on_hand, shelf.reserved) == (7, 0)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_release_that_died_anywhere_frees_everything(fragile: Fragile) -> None:
    """Products first, then the cart: it is never open while its stock is still held."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        await fragile.begin(id, cart)
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.checkouts.release(id=id)
        except Crash:
            fragile.steps.begin_anew()
            assert await fragile.status(cart[0]) == "checking_out" or fragile.products.shelf("mug").reserved == 0
            await fragile.checkouts.release(id=id)
            await freed(fragile, id, cart)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_release_at_any_step_of_a_begin_leaves_nothing_held(fragile: Fragile) -> None:
    """Whoever comes first, the stock is back, the cart is open and the id is gone."""
    for step in range(1, 7):
        cart, id = await fragile.cart({"mug": 3}), uuid7()
        fragile.steps.begin_anew()
        fragile.steps.act_at = (step, releasing(fragile, id))
        results = await asyncio.gather(fragile.begin(id, cart), return_exceptions=True)
        assert fragile.steps.act_at is None
        if step < 6:
            assert [type(result) for result in results] == [Gone], step
        await freed(fragile, id, cart)


async def test_a_refused_twin_leaves_nothing_held(fragile: Fragile) -> None:
    """Two requests under one id: one is refused for want of stock, the other holds it a moment later, too late to count."""
    cart, id = await fragile.cart({"mug": 11}), uuid7()

    async def twin() -> None:
        with pytest.raises(InsufficientStock):
            await fragile.begin(id, cart)
        fragile.products.stock("mug", 11)

    fragile.steps.act_at = (fragile.steps.passed + 3, twin)
    with pytest.raises(InsufficientStock):
        await fragile.begin(id, cart)
    assert fragile.products.shelf("mug").reserved == 0
    assert await fragile.status(cart[0]) == "open"


async def test_while_products_is_down_a_checkout_waits(fragile: Fragile) -> None:
    """The cart stays locked for the same order, which goes on as soon as products is back."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    fragile.products.fail_next(Unavailable(), times=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await fragile.begin(id, cart)
        assert await fragile.status(cart[0]) == "checking_out"
    assert (await fragile.begin(id, cart)).subtotal.amount == 3000


async def test_a_begin_that_went_on_too_late_opens_the_cart(fragile: Fragile) -> None:
    """The process died with the stock held, and came back when products had given it up: the id is gone, the cart is not."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    fragile.steps.begin_anew(die_at=4)
    with pytest.raises(Crash):
        await fragile.begin(id, cart)
    fragile.steps.begin_anew()
    assert fragile.products.shelf("mug").reserved == 3
    fragile.clock.advance(timedelta(seconds=TTL + 1))
    with pytest.raises(Gone):
        await fragile.begin(id, cart)
    await freed(fragile, id, cart)


async def test_a_commit_that_begins_while_overdue_checkouts_are_released_comes_first(fragile: Fragile) -> None:
    """The job found the checkout overdue, and before it could release it sales began to sell: it is left to sales."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    await fragile.begin(id, cart)
    fragile.clock.advance(timedelta(seconds=TTL + 1))
    fragile.products.fail_next(Unavailable())

    async def sell() -> None:
        with pytest.raises(Unavailable):
            await fragile.checkouts.commit(id=id)

    fragile.steps.begin_anew()
    fragile.steps.act_at = (1, sell)
    assert await fragile.checkouts.release_overdue()
    assert await fragile.status(cart[0]) == "checking_out"


@pytest.mark.parametrize("call", ["commit", "release"])
async def test_while_products_is_down_nothing_is_sold_or_given_back_halfway(fragile: Fragile, call: str) -> None:
    """The cart stays locked until the same call succeeds."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    await fragile.begin(id, cart)
    fragile.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await getattr(fragile.checkouts, call)(id=id)
    assert await fragile.status(cart[0]) == "checking_out"
    await getattr(fragile.checkouts, call)(id=id)
    assert await fragile.status(cart[0]) == {"commit": "ordered", "release": "open"}[call]
