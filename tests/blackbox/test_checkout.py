"""sales: submitting an order."""

import re
from typing import Any

import pytest
from tests.blackbox.outside import ABSENT, ADDRESS, Cart, Demo, Json, Person, euro, ok, problem, unique, until

ORDER = {
    "id",
    "number",
    "status",
    "lines",
    "subtotal",
    "discount",
    "shipping",
    "tax",
    "total",
    "paid",
    "refunded",
    "email",
    "shipping_address",
    "billing_address",
    "shipments",
    "refunds",
    "placed_at",
    "events",
}
LINE = {"sku", "title", "quantity", "unit_price", "line_total", "discount", "tax", "refunded", "shipped"}


def is_open(demo: Demo, cart: Cart) -> bool:
    """Whether the cart may be changed."""
    return bool(ok(demo.http.get(cart.path, headers=cart.who))["status"] == "open")


def test_shipping_methods_are_as_written(demo: Demo) -> None:
    """Items of {code, title, price, free_from}, those for the country."""
    body = ok(demo.http.get("/shipping-methods?country=ES"))
    assert body.keys() == {"items"}
    assert [item["code"] for item in body["items"]] == ["standard", "express", "pickup"]
    assert body["items"][1] == {"code": "express", "title": "Express", "price": euro(990), "free_from": euro(5000)}
    assert body["items"][0]["free_from"] is None
    assert [item["code"] for item in ok(demo.http.get("/shipping-methods?country=DE"))["items"]] == ["standard"]
    ok(demo.http.get("/shipping-methods"))
    for bad in ("XX", "es", "ESP", "1", "%00", "%ff"):
        problem(demo.http.get(f"/shipping-methods?country={bad}"), 400, at="country")


def test_an_order_is_as_written(demo: Demo) -> None:
    """201 order with payment and, for a guest, order_token; the token opens it."""
    sku = demo.sku(price=700)
    cart = demo.cart({sku: 2})
    body = ok(
        demo.submit(cart, 1895, email="Guest@Example.com", billing_address=ADDRESS | {"line2": "4B", "region": "Madrid", "phone": "+34 600 000 000"}),
        201,
    )
    assert body.keys() == ORDER | {"payment", "order_token"}
    assert body["payment"].keys() == {"provider", "client_secret", "publishable_key"}
    assert body["payment"]["provider"] == "stripe"
    assert re.fullmatch(r"A-\d+", body["number"])
    assert body["status"] == "awaiting_payment"
    assert (body["subtotal"], body["discount"], body["shipping"], body["total"]) == (euro(1400), euro(0), euro(495), euro(1895))
    assert (body["paid"], body["refunded"], body["shipments"], body["refunds"]) == (euro(0), euro(0), [], [])
    assert body["email"].lower() == "guest@example.com"
    [line] = body["lines"]
    assert line.keys() == LINE
    assert (line["sku"], line["quantity"], line["unit_price"], line["line_total"], line["discount"]) == (sku, 2, euro(700), euro(1400), euro(0))
    assert {key: value for key, value in body["shipping_address"].items() if value is not None} == ADDRESS
    assert body["billing_address"]["region"] == "Madrid"
    for event in body["events"]:
        assert event.keys() >= {"at", "type"}
        assert event["at"].endswith("Z")
    read = ok(demo.http.get(f"/orders/{body['id']}", headers={"X-Order-Token": body["order_token"]}))
    assert read.keys() == ORDER | {"payment"}
    assert read["payment"] == body["payment"]


def test_tax_is_included_by_the_country(demo: Demo) -> None:
    """Tax is included in prices, shipping too; tax shows the part, by the shipping country's rate (default 0); rounded once per line, half up."""
    one, two = demo.sku(price=1000), demo.sku(price=333)
    spain = demo.order({one: 1, two: 3}, 2494).body
    assert {line["sku"]: line["tax"] for line in spain["lines"]} == {one: euro(174), two: euro(173)}
    assert spain["tax"] == euro(174 + 173 + 86)
    assert demo.order({one: 1}, shipping_address=ADDRESS | {"country": "FR"}).body["tax"] == euro(0)
    assert demo.order({one: 1}, shipping_address=ADDRESS | {"country": "DE"}).body["tax"] == euro(160 + 79)


def test_shipping_is_free_from_its_threshold(demo: Demo) -> None:
    """free_from is compared with subtotal minus discount."""
    below, at = demo.sku(price=4999), demo.sku(price=5000)
    assert demo.order({below: 1}, 5989, shipping_method="express").body["shipping"] == euro(990)
    assert demo.order({at: 1}, 5000, shipping_method="express").body["shipping"] == euro(0)


@pytest.mark.parametrize(
    "changes,at",
    [
        ({"shipping_method": "drone"}, "shipping_method"),
        ({"shipping_method": "express", "shipping_address": ADDRESS | {"country": "DE"}}, "shipping_method"),
        ({"shipping_method": ""}, "shipping_method"),
        ({"shipping_method": None}, "shipping_method"),
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"email": "x" * 400 + "@example.com"}, "email"),
        ({"cart_id": "x"}, "cart_id"),
        ({"cart_id": 5}, "cart_id"),
        ({"shipping_address": None}, "shipping_address"),
        ({"expected_total": 1495}, "expected_total"),
        ({"expected_total": None}, "expected_total"),
        ({"expected_total": {"amount": 1495}}, "expected_total.currency"),
        ({"expected_total": {"amount": "1495", "currency": "EUR"}}, "expected_total.amount"),
        ({"sum": euro(1)}, "sum"),
        ({"locale": 5}, "locale"),
        ({"email": "a@example.com\x00"}, "email"),
    ],
)
def test_a_senseless_order_is_400_and_nothing_happens(demo: Demo, changes: Json, at: str) -> None:
    """400 with the field named; the cart stays open."""
    cart = demo.cart({"CAFE-HUI-250": 1})
    problem(demo.submit(cart, 1645, **changes), 400, at=at)
    assert is_open(demo, cart)


def test_a_guest_needs_an_email(demo: Demo) -> None:
    """For a guest email is required."""
    cart = demo.cart({"CAFE-HUI-250": 1})
    body = {key: value for key, value in demo.wish(cart, 1645).items() if key != "email"}
    problem(demo.http.post("/orders", json=body, headers=cart.who | {"Idempotency-Key": unique()}), 400, at="email")


def test_a_customer_needs_none(demo: Demo) -> None:
    """The account has one; there is no order_token."""
    eve = demo.person()
    cart = demo.cart({demo.sku(): 1}, eve.who)
    body = {key: value for key, value in demo.wish(cart, 1495).items() if key != "email"}
    made = ok(demo.http.post("/orders", json=body, headers=eve.who | {"Idempotency-Key": unique()}), 201)
    assert "order_token" not in made
    assert made["email"] == eve.email
    assert ok(demo.http.get(f"/orders/{made['id']}", headers=eve.who))["id"] == made["id"]


def test_the_cart_must_be_ones_own(demo: Demo, ana: Person) -> None:
    """404 absent or somebody else's."""
    cart = demo.cart({"CAFE-HUI-250": 1})
    wish = demo.wish(cart, 1645)
    for who in ({}, {"X-Cart-Token": "guess"}, ana.who):
        problem(demo.http.post("/orders", json=wish, headers=who | {"Idempotency-Key": unique()}), 404)
    problem(demo.http.post("/orders", json=wish | {"cart_id": ABSENT}, headers=cart.who | {"Idempotency-Key": unique()}), 404)


def test_another_total_is_refused(demo: Demo) -> None:
    """409 price_changed with total if it differs from what would be charged (nothing charged), in another currency too; the cart is open again."""
    cart = demo.cart({demo.sku(): 1})
    for total in (euro(1494), euro(0), euro(1496), {"amount": 1495, "currency": "USD"}):
        body = problem(demo.submit(cart, 0, expected_total=total), 409, "price_changed")
        assert body["total"] == euro(1495)
        assert is_open(demo, cart)
    ok(demo.submit(cart, 1495), 201)


def test_too_little_stock_is_refused(demo: Demo) -> None:
    """409 insufficient_stock with skus, also for an archived one; the cart is open again and nothing is held."""
    some, none, gone = demo.sku(stock=2), demo.sku(stock=0), demo.sku(stock=2)
    cart = demo.cart({some: 1, none: 1, gone: 1})
    demo.http.delete(f"/variants/{gone}", headers=demo.staff)
    body = problem(demo.submit(cart, 3495), 409, "insufficient_stock")
    assert sorted(body["skus"]) == sorted([none, gone])
    assert is_open(demo, cart)
    assert demo.available(some) == 2


def test_an_empty_cart_is_refused(demo: Demo) -> None:
    """409 cart_empty."""
    cart = demo.cart()
    problem(demo.submit(cart, 495), 409, "cart_empty")
    assert is_open(demo, cart)


def test_one_checkout_at_a_time(demo: Demo) -> None:
    """409 checkout_in_progress with order_id if it is in checkout under another key; 409 cart_ordered with order_id when it is ordered."""
    cart = demo.cart({demo.sku(): 1})
    made = ok(demo.submit(cart, 1495), 201)
    assert problem(demo.submit(cart, 1495), 409, "checkout_in_progress")["order_id"] == made["id"]
    demo.twin.post(
        f"/v1/payment_intents/{made['payment']['client_secret'].split('_secret_')[0]}/confirm",
        data={"client_secret": made["payment"]["client_secret"], "payment_method": "pm_card_visa"},
        headers={"Authorization": f"Bearer {made['payment']['publishable_key']}"},
    )
    until(lambda: ok(demo.http.get(cart.path, headers=cart.who))["status"], lambda status: status == "ordered")
    assert problem(demo.submit(cart, 1495), 409, "cart_ordered")["order_id"] == made["id"]
    problem(demo.http.put(f"{cart.path}/lines/CAFE-HUI-250", json={"quantity": 1}, headers=cart.who), 409)


def test_a_total_has_a_ceiling(demo: Demo) -> None:
    """A total over 99,999,999 is 409 total_too_large; the cart is open again."""
    sku = demo.sku(price=50_000_000)
    cart = demo.cart({sku: 2})
    problem(demo.submit(cart, 100_000_495), 409, "total_too_large")
    assert is_open(demo, cart)
    assert demo.available(sku) == 20
    cart = demo.cart({demo.sku(price=99_999_999): 1})
    ok(demo.submit(cart, 99_999_999, shipping_method="pickup"), 201)


def test_nothing_to_pay_is_confirmed_at_once(demo: Demo) -> None:
    """A total of 0 is confirmed without Stripe (payment null)."""
    order = demo.order({demo.sku(price=0): 1}, 0, shipping_method="pickup")
    assert order.body["payment"] is None
    seen = demo.reaches(order, "confirmed")
    assert (seen["total"], seen["paid"]) == (euro(0), euro(0))


@pytest.mark.parametrize("locale", ["en", "es"])
def test_the_confirmation_is_in_the_orders_language(demo: Demo, locale: str) -> None:
    """A mail goes to the guest in the locale of the order, once."""
    order: Any = demo.bought(locale=locale)
    mails = demo.mails(order.body["email"])
    assert len(mails) == 1
    assert order.body["number"] in str(mails[0])
