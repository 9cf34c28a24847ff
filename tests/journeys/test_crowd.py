"""Many people at once."""

import asyncio
from collections import Counter

from tests.support.shop import Buyer, Shop


async def outcome(buyer: Buyer) -> str:
    """Order a filled cart and pay; say how it ended."""
    answer = await buyer.submits()
    if answer.status_code != 201:
        return str(answer.json()["code"])
    await buyer.pays()
    return str((await buyer.sees("confirmed", seconds=60))["status"])


async def test_ten_pieces_go_to_ten_buyers(shop: Shop) -> None:
    """Sixty people buy the last ten pieces at once: ten get one, fifty are told, the books balance."""
    await shop.product("mug", stock=10)
    buyers = await asyncio.gather(*(shop.guest(f"buyer{number}@example.com").fills(mug=1) for number in range(60)))
    outcomes = await asyncio.gather(*(outcome(buyer) for buyer in buyers))
    assert Counter(outcomes) == {"confirmed": 10, "insufficient_stock": 50}
    assert await shop.shelf("mug") == (0, 0, 0)
    await shop.balances()


async def test_fifty_submits_of_one_cart_are_one_order(shop: Shop) -> None:
    """A buyer who presses fifty times, each time under a key of its own, has one order and one payment."""
    await shop.product("mug", stock=50)
    guest = await shop.guest().fills(mug=1)
    answers = await asyncio.gather(*(guest.submits() for _ in range(50)))
    codes = Counter("201" if answer.status_code == 201 else answer.json()["code"] for answer in answers)
    assert codes["201"] == 1, codes
    assert set(codes) <= {"201", "checkout_in_progress"}, codes
    order_id = guest.order["id"]
    assert {answer.json()["order_id"] for answer in answers if answer.status_code == 409} == {order_id}
    totals = await shop.outside.totals()
    assert [(id, total["intents"]) for id, total in totals.items()] == [(order_id, 1)]
    assert await shop.shelf("mug") == (50, 1, 49)
    await shop.balances(settled=False)


async def test_one_key_pressed_fifty_times_is_one_answer(shop: Shop) -> None:
    """Under one key every answer is that order, or the word that the first request is still under way."""
    await shop.product("mug", stock=50)
    guest = await shop.guest().fills(mug=1)
    answers = await asyncio.gather(*(guest.submits("the-key") for _ in range(50)))
    orders = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(orders) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} <= {"idempotency_key_in_use"}
    assert await shop.shelf("mug") == (50, 1, 49)
