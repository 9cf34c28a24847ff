"""Coupons on carts, in the public API."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from tests.cart.site import Shop, euros

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable


def refused(answer: httpx.Response) -> str:
    """Give the reason of a refusal."""
    document = answer.json()
    assert (answer.status_code, document["code"]) == (409, "coupon_not_applicable"), answer.text
    reason: str = document["reason"]
    return reason


async def test_a_coupon_takes_its_part_off_the_cart(shop: Shop) -> None:
    """In whatever case it is typed; the cart says so wherever it is shown, and no longer once the coupon is off."""
    await shop.coupon("Summer")
    cart = await shop.cart({"mug": 2, "lid": 1})
    answer = await shop.puts_coupon(cart, "sUmmEr")
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["subtotal"], seen["discount"], seen["problems"]) == (euros(2800), euros(280), [])
    assert seen["coupon"] == {"code": "SUMMER", "discount": euros(280), "applies": True}
    assert (seen["version"], (await shop.puts_coupon(cart, "SUMMER")).json()["version"]) == (cart["version"] + 1,) * 2
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json() == seen
    more = (await shop.send("PUT", f"/carts/{cart['id']}/lines/lid", {"quantity": 2}, cart=cart)).json()
    assert more["discount"] == euros(310)
    gone = [await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart) for _ in range(2)]
    assert [(answer.status_code, answer.json()["coupon"], answer.json()["discount"]) for answer in gone] == [(200, None, euros(0))] * 2
    assert [answer.json()["version"] for answer in gone] == [more["version"] + 1] * 2


async def test_what_does_not_apply_is_refused_with_its_reason(shop: Shop, clock: Clock) -> None:
    """And the coupon that was on the cart stays there."""
    now = clock.now()
    await shop.coupon("EARLY", starts_at=(now + timedelta(days=1)).isoformat())
    await shop.coupon("LATE", ends_at=(now - timedelta(days=1)).isoformat())
    await shop.coupon("LARGE", min_subtotal=euros(2801))
    await shop.coupon("BOOKS", categories=["books"], skus=["novel"])
    await shop.coupon("ONCE", max_redemptions=1)
    await shop.coupon("GOOD", min_subtotal=euros(2800))
    cart, other = await shop.cart({"mug": 2, "lid": 1}), await shop.cart({"mug": 1})
    assert (await shop.puts_coupon(other, "once")).status_code == 200
    await shop.begin(other)
    assert (await shop.puts_coupon(cart, "GOOD")).status_code == 200
    reasons = {code: refused(await shop.puts_coupon(cart, code)) for code in ("NOPE", "not a code", "EARLY", "LATE", "LARGE", "BOOKS", "ONCE")}
    assert reasons == {
        "NOPE": "unknown", "not a code": "unknown", "EARLY": "not_started", "LATE": "expired", "LARGE": "minimum", "BOOKS": "scope",
        "ONCE": "exhausted",
    }  # fmt: skip
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["coupon"]["code"] == "GOOD"


async def test_one_that_stops_applying_stays_takes_nothing_off_and_is_a_problem(shop: Shop) -> None:
    """For whatever reason, until it applies again; staff can end it at any time."""
    await shop.coupon("KITCHEN", categories=["kitchen"], min_subtotal=euros(1500))
    cart = await shop.cart({"mug": 1, "lid": 1})
    assert (await shop.puts_coupon(cart, "kitchen")).status_code == 200

    async def seen(reason: str) -> None:
        read = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
        assert read["problems"] == [{"code": "coupon_not_applicable", "coupon": "KITCHEN", "reason": reason}]
        assert (read["coupon"], read["discount"]) == ({"code": "KITCHEN", "discount": euros(0), "applies": False}, euros(0))

    less = await shop.send("DELETE", f"/carts/{cart['id']}/lines/lid", cart=cart)
    assert [problem["code"] for problem in less.json()["problems"]] == ["coupon_not_applicable"]
    await seen("minimum")
    await shop.send("PATCH", "/coupons/kitchen", {"min_subtotal": None, "ends_at": "2020-01-01T00:00:00Z"}, "staff")
    await seen("expired")
    await shop.send("PATCH", "/coupons/kitchen", {"ends_at": None, "categories": ["books"]}, "staff")
    await seen("scope")
    await shop.send("PATCH", "/coupons/kitchen", {"categories": ["cups"]}, "staff")
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["discount"] == euros(125)


async def test_a_checkout_keeps_what_it_was_quoted(shop: Shop) -> None:
    """Prices and terms may change as they like; after the release they count again."""
    await shop.coupon(max_redemptions=1)
    cart = await shop.cart({"mug": 2, "lid": 1})
    assert (await shop.puts_coupon(cart, "TENTH")).status_code == 200
    order = await shop.begin(cart)
    await shop.send("PATCH", "/coupons/TENTH", {"percent": 50}, "staff")
    shop.products.stock("mug", 8, price=9999)
    locked = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (locked["status"], locked["discount"], locked["coupon"]["applies"]) == ("checking_out", euros(280), True)
    for answer in (await shop.puts_coupon(cart, "TENTH"), await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart)):
        assert (answer.status_code, answer.json()["code"]) == (409, "cart_locked")
    await (await shop.checkouts()).release(id=order)
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["discount"] == euros(10149)
    order = await shop.begin(cart)
    await (await shop.checkouts()).commit(id=order)
    await shop.send("PATCH", "/coupons/TENTH", {"ends_at": "2020-01-01T00:00:00Z"}, "staff")
    ordered = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (ordered["status"], ordered["discount"], ordered["coupon"]["applies"]) == ("ordered", euros(10149), True)
    assert (await shop.puts_coupon(cart, "TENTH")).json()["code"] == "cart_ordered"


async def test_a_checkout_that_came_too_late_for_the_coupon_says_so(shop: Shop) -> None:
    """The last one went to somebody else: the quote is without a discount, and the cart tells why."""
    await shop.coupon(max_redemptions=1)
    carts = [await shop.cart({"mug": 1}) for _ in range(2)]
    assert [(await shop.puts_coupon(cart, "TENTH")).status_code for cart in carts] == [200, 200]
    for cart in carts:
        await shop.begin(cart)
    seen = [(await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json() for cart in carts]
    assert [cart["coupon"]["applies"] for cart in seen] == [True, False]
    assert [cart["discount"]["amount"] for cart in seen] == [125, 0]
    assert seen[1]["problems"] == [{"code": "coupon_not_applicable", "coupon": "TENTH", "reason": "exhausted"}]


async def test_while_products_is_away_a_coupon_is_shown_by_the_last_quote(shop: Shop) -> None:
    """Categories too; putting one on is 503, unless no cart could have it, and taking it off works."""
    await shop.coupon("CUPS", categories=["cups"])
    await shop.coupon("TENTH")
    cart = await shop.cart({"mug": 2, "lid": 1})
    fresh = (await shop.puts_coupon(cart, "CUPS")).json()
    shop.products.fail_next(Unavailable(), times=3)
    stale = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (stale.pop("stale"), stale) == (True, {name: value for name, value in fresh.items() if name != "stale"})
    answer = await shop.puts_coupon(cart, "TENTH")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert refused(await shop.puts_coupon(cart, "NOPE")) == "unknown"
    taken = (await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart)).json()
    assert (taken["stale"], taken["coupon"]) == (True, None)


async def test_a_claimed_cart_brings_its_coupon_along(shop: Shop) -> None:
    """Unless the customer's has one of its own."""
    await shop.coupon("MINE")
    await shop.coupon("GUESTS", percent=20)
    for number, own in enumerate((None, "MINE")):
        token = f"customer-{number}"
        mine, guests = await shop.cart({"lid": 1}, token), await shop.cart({"mug": 1})
        assert own is None or (await shop.puts_coupon(mine, own, token)).status_code == 200
        assert (await shop.puts_coupon(guests, "GUESTS")).status_code == 200
        claimed = (await shop.send("POST", f"/carts/{guests['id']}/claim", token=token, cart=guests)).json()
        assert (claimed["cart"]["coupon"]["code"], claimed["cart"]["discount"]["amount"]) == ((own or "GUESTS"), 155 if own else 310)
        assert claimed["cart"] == (await shop.send("GET", "/carts/mine", token=token)).json()
    guests = await shop.cart({"mug": 1})
    await shop.puts_coupon(guests, "GUESTS")
    claimed = (await shop.send("POST", f"/carts/{guests['id']}/claim", token="customer-9", cart=guests)).json()
    assert claimed["cart"]["coupon"]["code"] == "GUESTS"


async def test_a_coupon_on_a_cart_is_its_owners_affair(shop: Shop) -> None:
    """Anybody else, staff too, finds no cart."""
    await shop.coupon()
    cart, mine = await shop.cart({"mug": 1}), await shop.cart({"mug": 1}, "customer-1")
    for method, body in (("PUT", {"code": "TENTH"}), ("DELETE", None)):
        strangers = [(cart, None, None), (cart, "customer-1", None), (cart, "staff", cart), (mine, None, cart), (mine, "customer-2", None)]
        for target, token, sent in strangers:
            answer = await shop.send(method, f"/carts/{target['id']}/coupon", body, token, sent)
            assert (answer.status_code, answer.json()["code"]) == (404, "cart_not_found")
    assert (await shop.puts_coupon(mine, "TENTH", "customer-1")).status_code == 200
    bad: list[dict[str, Any]] = [{"code": ""}, {"code": "x" * 65}, {"code": 7}, {"code": None}, {}]
    for given in bad:
        answer = await shop.send("PUT", f"/carts/{cart['id']}/coupon", given, cart=cart)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "code")


async def test_codes_cannot_be_guessed_without_end(shop: Shop) -> None:
    """Beyond three hundred a minute from one place the answer is 429, with the time to wait."""
    guesses = (shop.send("PUT", f"/carts/{uuid7()}/coupon", {"code": f"GUESS-{number}"}) for number in range(350))
    answers = await asyncio.gather(*guesses)
    assert {answer.status_code for answer in answers[:300]} == {404}
    assert {answer.status_code for answer in answers[-10:]} == {429}
    assert int(answers[-1].headers["retry-after"]) >= 1
