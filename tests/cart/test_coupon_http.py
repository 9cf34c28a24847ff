"""Coupons in the public API: staff make them, people put them on carts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.cart.site import Shop, started

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable

COUPON = {
    "code", "percent", "amount", "min_subtotal", "starts_at", "ends_at", "max_redemptions", "max_per_customer", "skus", "categories", "redeemed",
    "created_at",
}  # fmt: skip


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncIterator[Shop]:
    """Give the cart behind the edge, with mugs and lids."""
    made = Shop(database_url, clock)
    made.products.stock("mug", 10, price=1250, categories=["cups", "kitchen"])
    made.products.stock("lid", 30, price=300, categories=["kitchen"])
    async with started(made.app), made.client:
        yield made


def euros(amount: int) -> dict[str, Any]:
    """Write minor units of EUR."""
    return {"amount": amount, "currency": "EUR"}


async def coupon(shop: Shop, code: str = "TENTH", **terms: Any) -> dict[str, Any]:
    """Make a coupon as staff: a tenth off, or on other terms."""
    answer = await shop.send("POST", "/coupons", {"code": code} | ({} if "amount" in terms else {"percent": 10}) | terms, token="staff")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def put(shop: Shop, cart: Any, code: Any, token: str | None = None) -> httpx.Response:
    """Put a coupon on a cart."""
    return await shop.send("PUT", f"/carts/{cart['id']}/coupon", {"code": code}, token, None if token else cart)


def refused(answer: httpx.Response) -> str:
    """Give the reason of a refusal."""
    document = answer.json()
    assert (answer.status_code, document["code"]) == (409, "coupon_not_applicable"), answer.text
    reason: str = document["reason"]
    return reason


async def test_a_coupon_takes_its_part_off_the_cart(shop: Shop) -> None:
    """In whatever case it is typed; the cart says so wherever it is shown, and no longer once the coupon is off."""
    await coupon(shop, "Summer")
    cart = await shop.cart({"mug": 2, "lid": 1})
    answer = await put(shop, cart, "sUmmEr")
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["subtotal"], seen["discount"], seen["problems"]) == (euros(2800), euros(280), [])
    assert seen["coupon"] == {"code": "SUMMER", "discount": euros(280), "applies": True}
    assert (seen["version"], (await put(shop, cart, "SUMMER")).json()["version"]) == (cart["version"] + 1,) * 2
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json() == seen
    more = (await shop.send("PUT", f"/carts/{cart['id']}/lines/lid", {"quantity": 2}, cart=cart)).json()
    assert more["discount"] == euros(310)
    gone = [await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart) for _ in range(2)]
    assert [(answer.status_code, answer.json()["coupon"], answer.json()["discount"]) for answer in gone] == [(200, None, euros(0))] * 2
    assert [answer.json()["version"] for answer in gone] == [more["version"] + 1] * 2


async def test_what_does_not_apply_is_refused_with_its_reason(shop: Shop, clock: Clock) -> None:
    """And the coupon that was on the cart stays there."""
    now = clock.now()
    await coupon(shop, "EARLY", starts_at=(now + timedelta(days=1)).isoformat())
    await coupon(shop, "LATE", ends_at=(now - timedelta(days=1)).isoformat())
    await coupon(shop, "LARGE", min_subtotal=euros(2801))
    await coupon(shop, "BOOKS", categories=["books"], skus=["novel"])
    await coupon(shop, "ONCE", max_redemptions=1)
    await coupon(shop, "GOOD", min_subtotal=euros(2800))
    cart, other = await shop.cart({"mug": 2, "lid": 1}), await shop.cart({"mug": 1})
    assert (await put(shop, other, "once")).status_code == 200
    await shop.begin(other)
    assert (await put(shop, cart, "GOOD")).status_code == 200
    reasons = {code: refused(await put(shop, cart, code)) for code in ("NOPE", "not a code", "EARLY", "LATE", "LARGE", "BOOKS", "ONCE")}
    assert reasons == {
        "NOPE": "unknown", "not a code": "unknown", "EARLY": "not_started", "LATE": "expired", "LARGE": "minimum", "BOOKS": "scope",
        "ONCE": "exhausted",
    }  # fmt: skip
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["coupon"]["code"] == "GOOD"


async def test_one_that_stops_applying_stays_takes_nothing_off_and_is_a_problem(shop: Shop) -> None:
    """For whatever reason, until it applies again; staff can end it at any time."""
    await coupon(shop, "KITCHEN", categories=["kitchen"], min_subtotal=euros(1500))
    cart = await shop.cart({"mug": 1, "lid": 1})
    assert (await put(shop, cart, "kitchen")).status_code == 200

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
    await coupon(shop, max_redemptions=1)
    cart = await shop.cart({"mug": 2, "lid": 1})
    assert (await put(shop, cart, "TENTH")).status_code == 200
    order = await shop.begin(cart)
    await shop.send("PATCH", "/coupons/TENTH", {"percent": 50}, "staff")
    shop.products.stock("mug", 8, price=9999)
    locked = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (locked["status"], locked["discount"], locked["coupon"]["applies"]) == ("checking_out", euros(280), True)
    for answer in (await put(shop, cart, "TENTH"), await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart)):
        assert (answer.status_code, answer.json()["code"]) == (409, "cart_locked")
    await (await shop.checkouts()).release(id=order)
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["discount"] == euros(10149)
    order = await shop.begin(cart)
    await (await shop.checkouts()).commit(id=order)
    await shop.send("PATCH", "/coupons/TENTH", {"ends_at": "2020-01-01T00:00:00Z"}, "staff")
    ordered = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (ordered["status"], ordered["discount"], ordered["coupon"]["applies"]) == ("ordered", euros(10149), True)
    assert (await put(shop, cart, "TENTH")).json()["code"] == "cart_ordered"


async def test_a_checkout_that_came_too_late_for_the_coupon_says_so(shop: Shop) -> None:
    """The last one went to somebody else: the quote is without a discount, and the cart tells why."""
    await coupon(shop, max_redemptions=1)
    carts = [await shop.cart({"mug": 1}) for _ in range(2)]
    assert [(await put(shop, cart, "TENTH")).status_code for cart in carts] == [200, 200]
    for cart in carts:
        await shop.begin(cart)
    seen = [(await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json() for cart in carts]
    assert [cart["coupon"]["applies"] for cart in seen] == [True, False]
    assert [cart["discount"]["amount"] for cart in seen] == [125, 0]
    assert seen[1]["problems"] == [{"code": "coupon_not_applicable", "coupon": "TENTH", "reason": "exhausted"}]


async def test_while_products_is_away_a_coupon_is_shown_by_the_last_quote(shop: Shop) -> None:
    """Categories too; putting one on is 503, unless no cart could have it, and taking it off works."""
    await coupon(shop, "CUPS", categories=["cups"])
    await coupon(shop, "TENTH")
    cart = await shop.cart({"mug": 2, "lid": 1})
    fresh = (await put(shop, cart, "CUPS")).json()
    shop.products.fail_next(Unavailable(), times=3)
    stale = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (stale.pop("stale"), stale) == (True, {name: value for name, value in fresh.items() if name != "stale"})
    answer = await put(shop, cart, "TENTH")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert refused(await put(shop, cart, "NOPE")) == "unknown"
    taken = (await shop.send("DELETE", f"/carts/{cart['id']}/coupon", cart=cart)).json()
    assert (taken["stale"], taken["coupon"]) == (True, None)


async def test_a_claimed_cart_brings_its_coupon_along(shop: Shop) -> None:
    """Unless the customer's has one of its own."""
    await coupon(shop, "MINE")
    await coupon(shop, "GUESTS", percent=20)
    for number, own in enumerate((None, "MINE")):
        token = f"customer-{number}"
        mine, guests = await shop.cart({"lid": 1}, token), await shop.cart({"mug": 1})
        assert own is None or (await put(shop, mine, own, token)).status_code == 200
        assert (await put(shop, guests, "GUESTS")).status_code == 200
        claimed = (await shop.send("POST", f"/carts/{guests['id']}/claim", token=token, cart=guests)).json()
        assert (claimed["cart"]["coupon"]["code"], claimed["cart"]["discount"]["amount"]) == ((own or "GUESTS"), 155 if own else 310)
        assert claimed["cart"] == (await shop.send("GET", "/carts/mine", token=token)).json()
    guests = await shop.cart({"mug": 1})
    await put(shop, guests, "GUESTS")
    claimed = (await shop.send("POST", f"/carts/{guests['id']}/claim", token="customer-9", cart=guests)).json()
    assert claimed["cart"]["coupon"]["code"] == "GUESTS"


async def test_a_coupon_on_a_cart_is_its_owners_affair(shop: Shop) -> None:
    """Anybody else, staff too, finds no cart."""
    await coupon(shop)
    cart, mine = await shop.cart({"mug": 1}), await shop.cart({"mug": 1}, "customer-1")
    for method, body in (("PUT", {"code": "TENTH"}), ("DELETE", None)):
        strangers = [(cart, None, None), (cart, "customer-1", None), (cart, "staff", cart), (mine, None, cart), (mine, "customer-2", None)]
        for target, token, sent in strangers:
            answer = await shop.send(method, f"/carts/{target['id']}/coupon", body, token, sent)
            assert (answer.status_code, answer.json()["code"]) == (404, "cart_not_found")
    assert (await put(shop, mine, "TENTH", "customer-1")).status_code == 200
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


async def test_staff_make_list_and_change_coupons(shop: Shop) -> None:
    """With all their terms; the list is sorted by code and goes on page by page."""
    terms = {
        "amount": euros(500), "min_subtotal": euros(2000), "starts_at": "2026-01-01T01:00:00+01:00", "ends_at": "2099-01-01T00:00:00Z",
        "max_redemptions": 100, "max_per_customer": 1, "skus": ["mug", "lid", "mug"], "categories": ["kitchen"],
    }  # fmt: skip
    made = await coupon(shop, "winter", **terms)
    assert set(made) == COUPON
    given = terms | {"code": "WINTER", "percent": None, "starts_at": "2026-01-01T00:00:00Z", "skus": ["lid", "mug"], "redeemed": 0}
    assert {name: made[name] for name in given} == given
    await coupon(shop, "a-1")
    await coupon(shop, "B_2")
    first = (await shop.send("GET", "/coupons?limit=2", token="staff")).json()
    second = (await shop.send("GET", f"/coupons?limit=2&cursor={first['next_cursor']}", token="staff")).json()
    assert [[one["code"] for one in page["items"]] for page in (first, second)] == [["A-1", "B_2"], ["WINTER"]]
    assert (second["items"], second["next_cursor"]) == ([made], None)
    changes: dict[str, Any] = {
        "amount": None,
        "percent": 5,
        "min_subtotal": None,
        "starts_at": None,
        "max_per_customer": None,
        "skus": None,
        "categories": [],
    }
    changed = await shop.send("PATCH", "/coupons/Winter", changes, "staff")
    assert changed.status_code == 200, changed.text
    assert changed.json() == made | changes | {"skus": []}
    assert (await shop.send("PATCH", "/coupons/WINTER", {}, "staff")).json() == changed.json()


async def test_a_code_is_taken_once_and_a_key_makes_one_coupon(shop: Shop) -> None:
    """Another case is the same code; the same key gives the first answer, also ten times at once."""
    body = {"code": "TENTH", "percent": 10}
    first = await shop.send("POST", "/coupons", body, "staff", Idempotency_Key="a")
    again = await asyncio.gather(*(shop.send("POST", "/coupons", body, "staff", Idempotency_Key="a") for _ in range(10)))
    assert [answer.json() for answer in again] == [first.json()] * 10
    assert {answer.headers.get("idempotent-replayed") for answer in again} == {"true"}
    taken = await shop.send("POST", "/coupons", {"code": "tenth", "percent": 20}, "staff")
    assert (taken.status_code, taken.json()["code"]) == (409, "coupon_taken")
    assert (await shop.send("POST", "/coupons", body | {"percent": 11}, "staff", Idempotency_Key="a")).status_code == 422
    for code in ("NOPE", "no%20code", "%00", "x" * 300):
        assert (await shop.send("PATCH", f"/coupons/{code}", {"percent": 5}, "staff")).status_code == 404
    for cursor in ("x", "WyJcdTAwMDAiXQ", "WzFd"):
        assert (await shop.send("GET", f"/coupons?cursor={cursor}", token="staff")).status_code == 400


BAD_COUPONS = [
    ({"code": "no code", "percent": 5}, "code"),
    ({"code": "x" * 65, "percent": 5}, "code"),
    ({"percent": 5}, "code"),
    ({"code": "X"}, "percent"),
    ({"code": "X", "percent": 5, "amount": euros(5)}, "percent"),
    ({"code": "X", "percent": 0}, "percent"),
    ({"code": "X", "percent": 101}, "percent"),
    ({"code": "X", "percent": 10.5}, "percent"),
    ({"code": "X", "amount": euros(0)}, "amount.amount"),
    ({"code": "X", "amount": euros(100_000_000)}, "amount.amount"),
    ({"code": "X", "amount": {"amount": 5, "currency": "USD"}}, "amount.currency"),
    ({"code": "X", "percent": 5, "min_subtotal": {"amount": 5, "currency": "USD"}}, "min_subtotal.currency"),
    ({"code": "X", "percent": 5, "starts_at": "2026-01-01T00:00:00"}, "starts_at"),
    ({"code": "X", "percent": 5, "ends_at": "9999-12-31T23:59:59-01:00"}, "ends_at"),
    ({"code": "X", "percent": 5, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}, "ends_at"),
    ({"code": "X", "percent": 5, "max_redemptions": 0}, "max_redemptions"),
    ({"code": "X", "percent": 5, "max_per_customer": -1}, "max_per_customer"),
    ({"code": "X", "percent": 5, "skus": ["no sku"]}, "skus[0]"),
    ({"code": "X", "percent": 5, "skus": ["a"] * 501}, "skus"),
    ({"code": "X", "percent": 5, "categories": ["No Slug"]}, "categories[0]"),
    ({"code": "X", "percent": 5, "redeemed": 5}, "redeemed"),
]
BAD_CHANGES = [
    ({"percent": None}, "percent"),
    ({"amount": euros(5)}, "percent"),
    ({"code": "Y"}, "code"),
    ({"ends_at": "2026-01-01T00:00:00Z"}, "ends_at"),
    ({"percent": 5.5}, "percent"),
    ({"min_subtotal": {"amount": 1, "currency": "USD"}}, "min_subtotal.currency"),
]


async def test_terms_that_cannot_be_are_400_and_name_the_field(shop: Shop) -> None:
    """Nothing is made of them and nothing changed."""
    before = await coupon(shop, starts_at="2026-06-01T00:00:00Z")
    for method, path, cases in (("POST", "/coupons", BAD_COUPONS), ("PATCH", "/coupons/tenth", BAD_CHANGES)):
        for body, field in cases:
            answer = await shop.send(method, path, body, "staff")
            assert answer.status_code == 400, (body, answer.text)
            assert answer.json()["errors"][0]["field"] == field, (body, answer.text)
    assert (await shop.send("GET", "/coupons", token="staff")).json()["items"] == [before]


async def test_coupons_are_made_by_staff_alone(shop: Shop) -> None:
    """Customers are known but not allowed, everybody else is not known."""
    for method, path, body in (("POST", "/coupons", {"code": "X", "percent": 5}), ("GET", "/coupons", None), ("PATCH", "/coupons/X", {})):
        assert (await shop.send(method, path, body, "customer-1")).status_code == 403
        assert (await shop.send(method, path, body)).status_code == 401
