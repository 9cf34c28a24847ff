"""A real `shop serve` is killed with SIGKILL in the middle of checkouts, again and again; nothing is lost, sold twice or charged twice."""

import asyncio
import random

import pytest
from tests.crash.killable import Killable
from tests.support.shop import Buyer, eventually

from shop.kit.ids import uuid7

KILLS = 4
BUYERS = 9


async def buys(buyer: Buyer, pause: float) -> str:
    """Order and pay under one key, whatever happens to the shop; give how it ended."""
    await asyncio.sleep(pause)
    await buyer.fills(mug=1)
    await buyer.uses("TENTH")
    answer = await buyer.submits(str(uuid7()))
    if answer.status_code != 201:
        return str(answer.json()["code"])
    if buyer.order["payment"]:
        await buyer.pays()
    order = await buyer.sees("confirmed", "cancelled", "refunded", seconds=90)
    return str(order["status"])


async def test_no_order_is_lost_when_the_shop_is_killed(killable: Killable) -> None:
    """Nine people buy six pieces with a coupon while the shop dies four times: six are served, and all invariants hold, with mails."""
    shop = killable.shop
    await shop.product("mug", stock=6)
    await shop.coupon("TENTH", percent=10)
    people = [asyncio.create_task(buys(shop.guest(f"p{number}@example.com"), number * 0.4)) for number in range(BUYERS)]
    for _ in range(KILLS):
        await killable.dies(random.uniform(0.05, 0.9))
    outcomes = await asyncio.gather(*people)
    assert sorted(outcomes) == ["confirmed"] * 6 + ["insufficient_stock"] * 3
    assert await shop.shelf("mug") == (0, 0, 0)
    assert await shop.redeemed("TENTH") == 6
    await shop.balances()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_killed_between_payment_and_confirmation(killable: Killable) -> None:
    """The customer pays while the shop is dead and no webhook arrives: after the start the order is confirmed and the mail is there."""
    shop = killable.shop
    await shop.outside.breaks(drop_webhooks=True)
    await shop.product("mug", stock=1)
    guest = await shop.guest("lea@example.com").fills(mug=1)
    await guest.orders()
    killable.process.kill()
    assert (await guest.pays()).status_code == 200
    await killable.process.start()
    order = await guest.sees("confirmed", seconds=15)
    assert order["paid"] == order["total"]
    assert await eventually(lambda: shop.outside.mails("lea@example.com"))
    await shop.balances()
