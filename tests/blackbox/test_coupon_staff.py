"""cart: coupons, as staff make and change them."""

import pytest
from tests.blackbox.outside import Demo, Json, Person, euro, ok, problem, unique
from tests.blackbox.test_coupons import TOMORROW, YESTERDAY, change, found, made, refused, use

COUPON = {
    "code", "percent", "amount", "min_subtotal", "starts_at", "ends_at", "max_redemptions", "max_per_customer", "skus", "categories", "redeemed",
}  # fmt: skip


def test_a_coupon_is_as_written(demo: Demo) -> None:
    """201 with every field that was sent; a new one was never redeemed."""
    sent = {
        "code": unique("C").upper(), "percent": 15, "min_subtotal": euro(2000), "starts_at": YESTERDAY, "ends_at": TOMORROW, "max_redemptions": 100,
        "max_per_customer": 1, "skus": ["CAFE-HUI-250"], "categories": ["home"],
    }  # fmt: skip
    coupon = made(demo, **sent)
    assert coupon.keys() >= COUPON
    assert {name: coupon[name] for name in sent} == sent
    assert (coupon["amount"], coupon["redeemed"]) == (None, 0)
    assert found(demo, coupon["code"]) == coupon
    plain = made(demo, amount=euro(500))
    assert (plain["percent"], plain["amount"]) == (None, euro(500))
    assert [plain[name] for name in ("min_subtotal", "starts_at", "ends_at", "max_redemptions", "max_per_customer")] == [None] * 5
    assert not plain["skus"]
    assert not plain["categories"]


BAD = [
    ({"percent": 0}, "percent"),
    ({"percent": 101}, "percent"),
    ({"percent": 12.5}, "percent"),
    ({"percent": "10"}, "percent"),
    ({"percent": True}, "percent"),
    ({"amount": 500}, "amount"),
    ({"amount": euro(-1)}, "amount.amount"),
    ({"amount": {"amount": 500, "currency": "USD"}}, "amount.currency"),
    ({"percent": 10, "min_subtotal": {"amount": 500, "currency": "USD"}}, "min_subtotal.currency"),
    ({"percent": 10, "min_subtotal": 500}, "min_subtotal"),
    ({"percent": 10, "max_redemptions": 0}, "max_redemptions"),
    ({"percent": 10, "max_redemptions": 1.5}, "max_redemptions"),
    ({"percent": 10, "max_per_customer": -1}, "max_per_customer"),
    ({"percent": 10, "max_per_customer": 2**70}, "max_per_customer"),
    ({"percent": 10, "starts_at": "yesterday"}, "starts_at"),
    ({"percent": 10, "ends_at": "2026-13-01T00:00:00Z"}, "ends_at"),
    ({"percent": 10, "ends_at": 1764000000}, "ends_at"),
    ({"percent": 10, "starts_at": "2026-01-01T00:00:00"}, "starts_at"),
    ({"percent": 10, "starts_at": TOMORROW, "ends_at": YESTERDAY}, "ends_at"),
    ({"percent": 10, "skus": ["a b"]}, "skus[0]"),
    ({"percent": 10, "skus": "MUG"}, "skus"),
    ({"percent": 10, "categories": ["A B"]}, "categories[0]"),
    ({"percent": 10, "redeemed": 5}, "redeemed"),
    ({"percent": 10, "code": ""}, "code"),
    ({"percent": 10, "code": "a b"}, "code"),
    ({"percent": 10, "code": "a/b"}, "code"),
    ({"percent": 10, "code": "x" * 65}, "code"),
    ({"percent": 10, "code": "ñ"}, "code"),
    ({"percent": 10, "code": "A\n"}, "code"),
    ({"percent": 10, "code": None}, "code"),
]


@pytest.mark.parametrize("fields,at", BAD, ids=[f"{at}-{number}" for number, (_, at) in enumerate(BAD)])
def test_a_senseless_coupon_is_400(demo: Demo, fields: Json, at: str) -> None:
    """errors[].field names what is wrong."""
    answer = demo.http.post("/coupons", json={"code": unique("C")} | fields, headers=demo.staff)
    assert at in [error["field"].replace("amount.amount", at) for error in problem(answer, 400)["errors"]], answer.json()


@pytest.mark.parametrize("takes", [{}, {"percent": 10, "amount": {"amount": 500, "currency": "EUR"}}, {"percent": None, "amount": None}])
def test_exactly_one_of_percent_and_amount(demo: Demo, takes: Json) -> None:
    """None of them or both is 400."""
    problem(demo.http.post("/coupons", json={"code": unique("C")} | takes, headers=demo.staff), 400)


def test_coupons_are_changed(demo: Demo) -> None:
    """Only what was sent; null takes a limit away; the code's case does not matter; unknown 404."""
    coupon = made(demo, max_redemptions=5, min_subtotal=euro(100), ends_at=TOMORROW)
    code = coupon["code"]
    assert change(demo, code.lower(), max_redemptions=7, ends_at=None) == coupon | {"max_redemptions": 7, "ends_at": None}
    assert change(demo, code) == coupon | {"max_redemptions": 7, "ends_at": None}
    assert found(demo, code) == coupon | {"max_redemptions": 7, "ends_at": None}
    for body, at in (({"max_redemptions": 0}, "max_redemptions"), ({"code": "OTHER"}, "code"), ({"starts_at": "x"}, "starts_at")):
        problem(demo.http.patch(f"/coupons/{code}", json=body, headers=demo.staff), 400, at=at)
    problem(demo.http.patch(f"/coupons/{code}", json={"percent": None}, headers=demo.staff), 400)
    for absent in (unique("NO"), "a%20b", "x" * 65):
        problem(demo.http.patch(f"/coupons/{absent}", json={"max_redemptions": 1}, headers=demo.staff), 404)


def test_a_limit_may_be_lowered_below_what_was_redeemed(demo: Demo) -> None:
    """Then nobody else gets it."""
    code = made(demo)["code"]
    for _ in range(2):
        cart = demo.cart({demo.sku(): 1})
        ok(use(demo, cart, code))
        ok(demo.submit(cart, 1395), 201)
    assert change(demo, code, max_redemptions=1)["redeemed"] == 2
    refused(use(demo, demo.cart({demo.sku(): 1}), code), "exhausted")
    change(demo, code, max_redemptions=3)
    assert ok(use(demo, demo.cart({demo.sku(): 1}), code))["discount"] == euro(100)


def test_a_code_is_taken_once(demo: Demo) -> None:
    """409, whatever the case; the first one stays."""
    coupon = made(demo)
    for code in (coupon["code"], coupon["code"].lower(), coupon["code"].upper()):
        problem(demo.http.post("/coupons", json={"code": code, "percent": 90}, headers=demo.staff), 409)
    assert found(demo, coupon["code"]) == coupon


def test_a_coupon_is_made_once_under_its_key(demo: Demo) -> None:
    """Replay, other body 422."""
    key = {"Idempotency-Key": unique("key")}
    body = {"code": unique("C"), "percent": 10}
    first = demo.http.post("/coupons", json=body, headers=demo.staff | key)
    again = demo.http.post("/coupons", json=body, headers=demo.staff | key)
    assert again.headers["idempotent-replayed"] == "true"
    assert ok(again, 201) == ok(first, 201)
    problem(demo.http.post("/coupons", json=body | {"percent": 20}, headers=demo.staff | key), 422)


def test_coupons_come_in_pages(demo: Demo) -> None:
    """Every one exactly once, with one and with many to a page."""
    codes = {made(demo)["code"] for _ in range(5)}
    seen: list[str] = []
    path = "/coupons?limit=2"
    while path:
        page = ok(demo.http.get(path, headers=demo.staff))
        assert page.keys() == {"items", "next_cursor"}
        assert 1 <= len(page["items"]) <= 2
        seen += [one["code"] for one in page["items"]]
        path = f"/coupons?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert len(seen) == len(set(seen))
    assert codes <= set(seen)
    for query in ("limit=0", "limit=101", "cursor=x"):
        problem(demo.http.get(f"/coupons?{query}", headers=demo.staff), 400, at=query.partition("=")[0])


@pytest.mark.parametrize(
    "method,path,body", [("POST", "/coupons", {"code": "NO", "percent": 1}), ("GET", "/coupons", None), ("PATCH", "/coupons/A", {})]
)
def test_coupons_are_staffs(demo: Demo, ana: Person, method: str, path: str, body: object) -> None:
    """401 no or bad token, 403 for a customer."""
    problem(demo.http.request(method, path, json=body), 401)
    problem(demo.http.request(method, path, json=body, headers={"Authorization": "Bearer nonsense"}), 401)
    problem(demo.http.request(method, path, json=body, headers=ana.who), 403)


def test_a_promotion_shows_the_code(demo: Demo) -> None:
    """What the mail shows is good in a cart; whether there is such a coupon is not checked."""
    coupon = made(demo)["code"]
    for code in (coupon, unique("NO")):
        body = {"subject": "Sale", "body": "Come.", "coupon": code}
        promotion = ok(demo.http.post("/promotions", json=body, headers=demo.staff), 201)
        preview = ok(demo.http.get(f"/promotions/{promotion['id']}/preview", headers=demo.staff))
        assert code in preview["text"]
        assert code in preview["html"]
    assert ok(use(demo, demo.cart({demo.sku(): 1}), coupon))["discount"] == euro(100)


def test_the_demo_brings_a_coupon(demo: Demo) -> None:
    """WELCOME10 takes a tenth off from 20.00 on, as the README says."""
    sku = demo.sku(price=1999)
    cart = demo.cart({sku: 1})
    refused(use(demo, cart, "WELCOME10"), "minimum")
    ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 2}, headers=cart.who))
    assert ok(use(demo, cart, "WELCOME10"))["discount"] == euro(400)
