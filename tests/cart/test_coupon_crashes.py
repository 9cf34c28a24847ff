"""The process may die between any two steps of a checkout with a coupon: a redemption is never lost and never doubled."""

import asyncio
from typing import Any
from uuid import UUID

from tests.cart.mortal import Crash, Fragile, each_death, releasing, survived

from shop.kit.ids import uuid7


async def test_a_begin_that_died_anywhere_redeems_its_coupon_once(fragile: Fragile) -> None:
    """Whether the process died before or after; a commit keeps it."""
    redeemed = 0

    async def survive(die_at: int, cart: Any) -> bool:
        nonlocal redeemed
        id = uuid7()
        quote = await survived(fragile, die_at, lambda: fragile.begin(id, cart))
        if quote is None:
            return False
        redeemed += 1
        assert (quote.coupon, quote.discount.amount) == ("TENTH", 300)
        assert await fragile.redeemed("TENTH") == redeemed
        await fragile.checkouts.commit(id=id)
        assert await fragile.redeemed("TENTH") == redeemed
        return True

    assert await each_death(lambda: fragile.cart({"mug": 3}, "TENTH"), survive) == 6


async def test_a_release_that_died_anywhere_gives_the_coupon_back_once(fragile: Fragile) -> None:
    """Of a checkout that has begun, and of one whose begin died at any step of its own."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        await fragile.begin(id, cart)
        released = await survived(fragile, die_at, lambda: _released(fragile, id))
        assert await fragile.redeemed("TENTH") == 0
        return released is not None

    async def survive_a_begin(die_at: int, cart: Any) -> bool:
        id = uuid7()
        fragile.steps.begin_anew(die_at)
        begun = await asyncio.gather(fragile.begin(id, cart), return_exceptions=True)
        fragile.steps.begin_anew()
        await fragile.checkouts.release(id=id)
        assert await fragile.redeemed("TENTH") == 0
        return isinstance(begun[0], Crash)

    assert await each_death(lambda: fragile.cart({"mug": 3}, "TENTH"), survive) == 6
    assert await each_death(lambda: fragile.cart({"mug": 3}, "TENTH"), survive_a_begin) == 6


async def _released(fragile: Fragile, id: UUID) -> bool:
    await fragile.checkouts.release(id=id)
    return True


async def test_a_release_at_any_step_of_a_begin_leaves_nothing_redeemed(fragile: Fragile) -> None:
    """Whoever comes first, the coupon is back: also when the release came between the stock and the quote."""
    for step in range(1, 7):
        cart, id = await fragile.cart({"mug": 3}, "TENTH"), uuid7()
        fragile.steps.begin_anew()
        fragile.steps.act_at = (step, releasing(fragile, id))
        await asyncio.gather(fragile.begin(id, cart), return_exceptions=True)
        assert fragile.steps.act_at is None
        assert await fragile.redeemed("TENTH") == 0, step
