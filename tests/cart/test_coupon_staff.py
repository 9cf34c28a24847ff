"""What staff do with coupons."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.cart.site import Shop, euros
from tests.cart.world import World

from shop.kit.idempotency import IN_FLIGHT, IdempotencyKeys, Once
from shop.modules.cart.coupon_commands import CouponChanges, NewCoupon
from shop.modules.cart.tables import IDEMPOTENCY_KEYS

COUPON = {
    "code", "percent", "amount", "min_subtotal", "starts_at", "ends_at", "max_redemptions", "max_per_customer", "skus", "categories", "redeemed",
    "created_at",
}  # fmt: skip


async def test_staff_make_list_and_change_coupons(shop: Shop) -> None:
    """With all their terms; the list is sorted by code and goes on page by page."""
    terms = {
        "amount": euros(500), "min_subtotal": euros(2000), "starts_at": "2026-01-01T01:00:00+01:00", "ends_at": "2099-01-01T00:00:00Z",
        "max_redemptions": 100, "max_per_customer": 1, "skus": ["mug", "lid", "mug"], "categories": ["kitchen"],
    }  # fmt: skip
    made = await shop.coupon("winter", **terms)
    assert set(made) == COUPON
    given = terms | {"code": "WINTER", "percent": None, "starts_at": "2026-01-01T00:00:00Z", "skus": ["lid", "mug"], "redeemed": 0}
    assert {name: made[name] for name in given} == given
    await shop.coupon("a-1")
    await shop.coupon("B_2")
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
    before = await shop.coupon(starts_at="2026-06-01T00:00:00Z")
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


async def test_a_try_that_died_after_it_made_the_coupon_is_no_second_one(world: World) -> None:
    """Nobody kept the answer: under the same key it is the coupon that is there, and not a code that is taken."""
    keys, new, made = IdempotencyKeys(world.database, IDEMPOTENCY_KEYS), NewCoupon("TENTH", 10), []
    for _ in range(2):
        once = await keys.begin("POST /coupons user:1", "key", "f")
        assert isinstance(once, Once)
        made.append(await world.coupons.create(new, once))
        world.clock.advance(IN_FLIGHT + timedelta(seconds=1))
    assert made[0] == made[1]


async def test_what_staff_change_at_once_is_all_changed(world: World) -> None:
    """Each writes what they were asked for, and nothing of the others gets lost."""
    await world.coupon("BUSY")
    for number in range(1, 11):
        changes = (CouponChanges(percent=number), CouponChanges(max_redemptions=number), CouponChanges(skus=[f"sku-{number}"]))
        await asyncio.gather(*(world.coupons.change("BUSY", change) for change in changes))
        (found,) = (await world.coupons.listed(1, None)).items
        assert (found.percent, found.max_redemptions, found.skus) == (number, number, [f"sku-{number}"])
