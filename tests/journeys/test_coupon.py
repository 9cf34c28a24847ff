"""What staff and buyers do with a coupon."""

import asyncio
from collections import Counter

import pytest
from tests.support.shop import Buyer, Shop, euros

SHIPPING = 495


async def test_a_coupon_is_good_for_a_guest_and_for_a_customer(shop: Shop) -> None:
    """The cart shows what it takes off, the order is charged that, the mail says so; a customer who had it does not get it again."""
    await shop.product("mug", "cup", "pot", price=1000, stock=9)
    await shop.coupon("WELCOME", amount=euros(1000), min_subtotal=euros(3000), max_per_customer=1)
    guest = await shop.guest("lea@example.com").fills(mug=1, cup=1)
    refused = await guest.uses("welcome")
    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (409, "coupon_not_applicable", "minimum")
    await guest.fills(mug=1, cup=1, pot=1)
    assert (await guest.uses("welcome")).status_code == 200
    assert guest.cart["coupon"] == {"code": "WELCOME", "discount": euros(1000), "applies": True}
    placed = await guest.orders()
    assert [placed[name] for name in ("subtotal", "discount", "total")] == [euros(3000), euros(1000), euros(2000 + SHIPPING)]
    assert sorted(line["discount"]["amount"] for line in placed["lines"]) == [333, 333, 334]
    await guest.pays()
    confirmed = await guest.sees("confirmed")
    assert confirmed["paid"] == euros(2000 + SHIPPING)
    assert [event["coupon"] for event in confirmed["events"] if event["type"] == "reserved"] == ["WELCOME"]
    (mail,) = await shop.outside.mails("lea@example.com", placed["number"])
    assert "Discount (WELCOME)" in mail["text"]
    assert "€10.00" in mail["text"]

    ana, basket = await (await shop.customer("ana@example.com")).fills(mug=3), await shop.guest().fills(cup=1)
    assert (await ana.uses("Welcome")).status_code == 200
    claimed = await ana.call("POST", f"/carts/{basket.cart['id']}/claim", headers={"X-Cart-Token": basket.headers["X-Cart-Token"]})
    ana.cart = claimed.json()["cart"]
    assert (ana.cart["coupon"]["code"], ana.cart["discount"], ana.cart["subtotal"]) == ("WELCOME", euros(1000), euros(4000))
    await ana.orders()
    await ana.pays()
    assert (await ana.sees("confirmed"))["discount"] == euros(1000)
    await ana.fills(mug=3)
    again = await ana.uses("WELCOME")
    assert (again.status_code, again.json()["reason"]) == (409, "exhausted")
    assert await shop.redeemed("WELCOME") == 2
    await shop.balances()


async def test_a_cancelled_order_gives_the_redemption_back_and_a_refunded_one_does_not(shop: Shop) -> None:
    """Somebody else uses it meanwhile in vain, and afterwards; what they paid can be given back, and not a cent of the discount."""
    await shop.product("mug", price=1000, stock=5)
    await shop.coupon("ONCE", percent=50, max_redemptions=1)
    first, second = await shop.guest().fills(mug=1), await shop.guest().fills(mug=2)
    await first.uses("ONCE")
    await first.orders()
    assert (await second.uses("ONCE")).json()["reason"] == "exhausted"
    await first.call("POST", f"/orders/{first.order['id']}/cancel")
    await first.sees("cancelled")
    assert await shop.redeemed("ONCE") == 0
    assert (await second.uses("ONCE")).json()["discount"] == euros(1000)
    order = await second.orders()
    await second.pays()
    await second.sees("confirmed")
    late = await first.reads_cart()
    assert [(problem["code"], problem["reason"]) for problem in late["problems"]] == [("coupon_not_applicable", "exhausted")]
    assert (late["coupon"]["applies"], late["discount"]) == (False, euros(0))

    async def refund(amount: int, key: str) -> int:
        body, headers = {"amount": euros(amount), "reason": "other"}, shop.staff() | {"Idempotency-Key": key}
        return (await shop.call("POST", f"/orders/{order['id']}/refunds", json=body, headers=headers)).status_code

    paid = 1000 + SHIPPING
    assert [await refund(paid + 1, "a"), await refund(600, "b"), await refund(paid - 599, "c"), await refund(paid - 600, "d")] == [409, 201, 409, 201]
    assert (await second.sees("refunded"))["refunded"] == euros(paid)
    assert await shop.redeemed("ONCE") == 1
    await shop.balances()


async def outcome(buyer: Buyer) -> str:
    """Order a cart with a coupon in it, pay, and say how it ended."""
    answer = await buyer.submits()
    if answer.status_code != 201:
        return str(answer.json()["code"])
    await buyer.pays()
    return str((await buyer.sees("confirmed", seconds=60))["discount"]["amount"])


async def with_coupon(buyer: Buyer, code: str) -> Buyer:
    """Fill a cart and put a coupon into it."""
    await buyer.fills(mug=1)
    assert (await buyer.uses(code)).status_code == 200
    return buyer


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_three_redemptions_go_to_three_buyers(shop: Shop) -> None:
    """Twelve people use a coupon for three at once: three pay less, nobody else is charged a price that they did not see."""
    await shop.product("mug", stock=50)
    await shop.coupon("THREE", percent=10, max_redemptions=3)
    buyers = await asyncio.gather(*(with_coupon(shop.guest(f"buyer{number}@example.com"), "THREE") for number in range(12)))
    outcomes = await asyncio.gather(*(outcome(buyer) for buyer in buyers))
    assert Counter(outcomes) == {"100": 3, "price_changed": 9}
    assert await shop.redeemed("THREE") == 3
    assert await shop.shelf("mug") == (47, 0, 47)
    await shop.balances()
