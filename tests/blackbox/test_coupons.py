"""cart: coupons, as buyers use them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.blackbox.outside import Cart, Demo, Json, Order, Person, euro, ok, problem, unique, until

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def made(demo: Demo, **fields: Any) -> Json:
    """A new coupon: a tenth off, unless told otherwise."""
    takes = {} if "amount" in fields else {"percent": 10}
    return ok(demo.http.post("/coupons", json={"code": unique("C").upper()} | takes | fields, headers=demo.staff), 201)


def found(demo: Demo, code: str) -> Json:
    """A coupon as staff see it in the list, wherever it stands there."""
    path = "/coupons?limit=100"
    while True:
        page = ok(demo.http.get(path, headers=demo.staff))
        for one in page["items"]:
            if one["code"] == code:
                return dict(one)
        assert page["next_cursor"], f"no page has {code}"
        path = f"/coupons?limit=100&cursor={page['next_cursor']}"


def change(demo: Demo, code: str, **fields: Any) -> Json:
    """Change a coupon."""
    return ok(demo.http.patch(f"/coupons/{code}", json=fields, headers=demo.staff))


def use(demo: Demo, cart: Cart, code: str) -> Any:
    """Try to put a coupon into a cart."""
    return demo.http.put(f"{cart.path}/coupon", json={"code": code}, headers=cart.who)


def read(demo: Demo, cart: Cart) -> Json:
    """The cart as its owner sees it."""
    return ok(demo.http.get(cart.path, headers=cart.who))


def ordered(demo: Demo, cart: Cart, total: int, **changes: Any) -> Order:
    """The order of a guest's cart."""
    body = ok(demo.submit(cart, total, **changes), 201)
    return Order(body, {"X-Order-Token": body["order_token"]})


def refused(answer: Any, reason: str) -> None:
    """The coupon does not apply, for this reason."""
    assert problem(answer, 409, "coupon_not_applicable")["reason"] == reason


def test_a_percentage_is_taken_off(demo: Demo) -> None:
    """`coupon` is {code, discount, applies}; codes ignore case; rounded once, half up."""
    cart = demo.cart({demo.sku(price=333): 3})
    code = made(demo, percent=15)["code"]
    seen = ok(use(demo, cart, code.lower()))
    assert (seen["subtotal"], seen["discount"]) == (euro(999), euro(150))
    assert seen["coupon"] == {"code": code, "discount": euro(150), "applies": True}
    assert seen["problems"] == []
    assert read(demo, cart) == seen
    half = made(demo, percent=50)["code"]
    assert ok(use(demo, cart, half))["discount"] == euro(500)
    assert read(demo, cart)["coupon"]["code"] == half


def test_an_amount_is_never_more_than_the_goods(demo: Demo) -> None:
    """Never more than they come to."""
    cart = demo.cart({demo.sku(price=300): 1})
    assert ok(use(demo, cart, made(demo, amount=euro(100))["code"]))["discount"] == euro(100)
    assert ok(use(demo, cart, made(demo, amount=euro(99_999))["code"]))["discount"] == euro(300)


def test_only_eligible_lines_are_reduced(demo: Demo) -> None:
    """By SKU, or by category; taken from the eligible lines."""
    outer, inner = unique("c"), unique("c")
    for category in ({"slug": outer, "title": "T"}, {"slug": inner, "title": "T", "parent": outer}):
        ok(demo.http.post("/categories", json=category, headers=demo.staff), 201)
    deep = demo.product(price=1000, category=inner)["variants"][0]["sku"]
    other = demo.sku(price=1000)
    cart = demo.cart({deep: 1, other: 2})
    assert ok(use(demo, cart, made(demo, skus=[other])["code"]))["discount"] == euro(200)
    assert ok(use(demo, cart, made(demo, categories=[inner])["code"]))["discount"] == euro(100)
    assert ok(use(demo, cart, made(demo, amount=euro(5000), skus=[deep])["code"]))["discount"] == euro(1000)
    assert ok(use(demo, cart, made(demo, skus=[other], categories=[inner])["code"]))["discount"] in (euro(300), euro(0))
    refused(use(demo, cart, made(demo, skus=[unique("SKU")])["code"]), "scope")
    refused(use(demo, cart, made(demo, categories=["home"])["code"]), "scope")


def test_every_reason_is_told(demo: Demo) -> None:
    """409 coupon_not_applicable with reason unknown, not_started, expired, minimum; nothing changes."""
    cart = demo.cart({demo.sku(price=1000): 1})
    before = read(demo, cart)
    refused(use(demo, cart, unique("NO")), "unknown")
    refused(use(demo, cart, made(demo, starts_at=TOMORROW)["code"]), "not_started")
    refused(use(demo, cart, made(demo, ends_at=YESTERDAY)["code"]), "expired")
    refused(use(demo, cart, made(demo, min_subtotal=euro(1001))["code"]), "minimum")
    assert read(demo, cart) == before
    assert ok(use(demo, cart, made(demo, min_subtotal=euro(1000))["code"]))["coupon"]["applies"] is True


def test_a_refused_coupon_leaves_the_one_that_was_there(demo: Demo) -> None:
    """The cart is as before."""
    cart, code = demo.cart({demo.sku(): 1}), made(demo)["code"]
    before = ok(use(demo, cart, code))
    refused(use(demo, cart, unique("NO")), "unknown")
    assert read(demo, cart) == before


def test_it_is_taken_out_again(demo: Demo) -> None:
    """DELETE gives 200 and the cart, with or without a coupon in it."""
    cart = demo.cart({demo.sku(): 1})
    assert ok(use(demo, cart, made(demo)["code"]))["discount"] == euro(100)
    seen = ok(demo.http.delete(f"{cart.path}/coupon", headers=cart.who))
    assert (seen["coupon"], seen["discount"]) == (None, euro(0))
    assert ok(demo.http.delete(f"{cart.path}/coupon", headers=cart.who)) == read(demo, cart) == seen


def test_one_that_stops_applying_stays_and_is_a_problem(demo: Demo) -> None:
    """It takes nothing off; when it applies again it does."""
    sku = demo.sku(price=1000)
    cart, code = demo.cart({sku: 2}), made(demo, min_subtotal=euro(2000))["code"]
    assert ok(use(demo, cart, code))["discount"] == euro(200)
    less = ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 1}, headers=cart.who))
    assert less["coupon"] == {"code": code, "discount": euro(0), "applies": False}
    assert less["discount"] == euro(0)
    assert [(one["code"], one["reason"]) for one in less["problems"]] == [("coupon_not_applicable", "minimum")]
    more = ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": 3}, headers=cart.who))
    assert (more["coupon"]["applies"], more["discount"], more["problems"]) == (True, euro(300), [])
    change(demo, code, ends_at=YESTERDAY)
    late = read(demo, cart)
    assert [(one["code"], one["reason"]) for one in late["problems"]] == [("coupon_not_applicable", "expired")]
    assert (late["coupon"]["applies"], late["discount"]) == (False, euro(0))


def test_only_the_owner_uses_a_coupon(demo: Demo, ana: Person) -> None:
    """404 for everybody else."""
    cart, code = demo.cart({demo.sku(): 1}), made(demo)["code"]
    for who in ({}, ana.who, {"X-Cart-Token": "guess"}):
        problem(use(demo, Cart(cart.id, who), code), 404)
        problem(demo.http.delete(f"{cart.path}/coupon", headers=who), 404)
    assert read(demo, cart)["coupon"] is None


@pytest.mark.parametrize(
    "body,at",
    [({}, "code"), ({"code": None}, "code"), ({"code": 5}, "code"), ({"code": "x\0"}, "code"), ({"code": "A", "force": True}, "force"), ([], "body")],
)
def test_a_senseless_use_is_400(demo: Demo, body: Any, at: str) -> None:
    """errors[].field names it."""
    cart = demo.cart()
    problem(demo.http.put(f"{cart.path}/coupon", json=body, headers=cart.who), 400, at=at)


def test_an_order_is_charged_what_the_cart_showed(demo: Demo) -> None:
    """Split over the lines by largest remainder, tax on what is left of each; subtotal - discount + shipping = total."""
    first, second, third = demo.sku(price=1000), demo.sku(price=1000), demo.sku(price=1000)
    cart = demo.cart({first: 1, second: 1, third: 1})
    assert ok(use(demo, cart, made(demo, amount=euro(1000))["code"]))["discount"] == euro(1000)
    problem(demo.submit(cart, 3495), 409, "price_changed")
    order = ok(demo.submit(cart, 2495), 201)
    assert [order[name] for name in ("subtotal", "discount", "shipping", "total")] == [euro(3000), euro(1000), euro(495), euro(2495)]
    assert sorted(line["discount"]["amount"] for line in order["lines"]) == [333, 333, 334]
    assert all(line["line_total"] == euro(1000) for line in order["lines"])
    taxes = [line["tax"]["amount"] for line in order["lines"]]
    assert taxes == [round((1000 - line["discount"]["amount"]) * 21 / 121) for line in order["lines"]]
    assert order["tax"] == euro(sum(taxes) + round(495 * 21 / 121))
    in_checkout = read(demo, cart)
    assert (in_checkout["status"], in_checkout["discount"], in_checkout["coupon"]["applies"]) == ("checking_out", euro(1000), True)


@pytest.mark.parametrize("price,shipping", [(5555, 990), (5556, 0)])
def test_free_shipping_looks_at_what_is_left(demo: Demo, price: int, shipping: int) -> None:
    """`free_from` (50.00) is compared with subtotal minus discount: a tenth of 55.55 is 5.56, of 55.56 too."""
    cart = demo.cart({demo.sku(price=price): 1})
    ok(use(demo, cart, made(demo)["code"]))
    order = ok(demo.submit(cart, price - 556 + shipping, shipping_method="express"), 201)
    assert order["shipping"] == euro(shipping)


def test_what_costs_nothing_is_confirmed_at_once(demo: Demo) -> None:
    """A total of 0 is confirmed without Stripe."""
    sku = demo.sku()
    cart = demo.cart({sku: 1})
    ok(use(demo, cart, made(demo, percent=100)["code"]))
    order = ordered(demo, cart, 0, shipping_method="pickup")
    assert (order.body["total"], order.body["payment"]) == (euro(0), None)
    demo.reaches(order, "confirmed")


def test_the_last_redemption_goes_to_one(demo: Demo) -> None:
    """It counts when the checkout begins: then it is exhausted for others; who had it in the cart is charged nothing that was not seen."""
    code = made(demo, max_redemptions=1)["code"]
    first, second = demo.cart({demo.sku(): 1}), demo.cart({demo.sku(): 1})
    for cart in (first, second):
        assert ok(use(demo, cart, code))["discount"] == euro(100)
    assert found(demo, code)["redeemed"] == 0
    ok(demo.submit(first, 1395), 201)
    assert found(demo, code)["redeemed"] == 1
    assert problem(demo.submit(second, 1395), 409, "price_changed")["total"] == euro(1495)
    seen = until(lambda: read(demo, second), lambda cart: cart["status"] == "open")
    assert [(one["code"], one["reason"]) for one in seen["problems"]] == [("coupon_not_applicable", "exhausted")]
    assert (seen["discount"], seen["coupon"]["applies"]) == (euro(0), False)
    refused(use(demo, demo.cart({demo.sku(): 1}), code), "exhausted")
    assert ok(demo.submit(second, 1495), 201)["discount"] == euro(0)
    assert found(demo, code)["redeemed"] == 1


def test_a_released_checkout_gives_it_back(demo: Demo) -> None:
    """Given back when it is released; the cart still has its coupon."""
    code = made(demo, max_redemptions=1)["code"]
    cart = demo.cart({demo.sku(): 1})
    ok(use(demo, cart, code))
    order = ordered(demo, cart, 1395)
    ok(demo.http.post(f"{order.path}/cancel", headers=order.who))
    demo.reaches(order, "cancelled")
    assert found(demo, code)["redeemed"] == 0
    seen = read(demo, cart)
    assert (seen["status"], seen["discount"], seen["problems"]) == ("open", euro(100), [])
    ok(demo.submit(cart, 1395), 201)


def test_a_refused_checkout_uses_nothing_up(demo: Demo) -> None:
    """After any 409 the redemption is there again."""
    code = made(demo, max_redemptions=1)["code"]
    sku = demo.sku(stock=2)
    cart = demo.cart({sku: 2})
    ok(use(demo, cart, code))
    problem(demo.submit(cart, 1), 409, "price_changed")
    until(lambda: found(demo, code)["redeemed"], lambda redeemed: redeemed == 0)
    demo.stock(sku, -1)
    problem(demo.submit(cart, 2295), 409, "insufficient_stock")
    until(lambda: found(demo, code)["redeemed"], lambda redeemed: redeemed == 0)


def test_a_customer_uses_it_only_so_often(demo: Demo) -> None:
    """The limit is each customer's own, and an order that was paid keeps counting."""
    code, bob, eve = made(demo, max_per_customer=1)["code"], demo.person(), demo.person()
    for number, person in enumerate((bob, eve), 1):
        cart = demo.cart({demo.sku(): 1}, person.who)
        assert ok(use(demo, cart, code))["discount"] == euro(100)
        order = Order(ok(demo.submit(cart, 1395), 201), person.who)
        assert demo.pay(order).json()["status"] == "succeeded"
        demo.reaches(order, "confirmed")
        assert found(demo, code)["redeemed"] == number
    refused(use(demo, demo.cart({demo.sku(): 1}, bob.who), code), "exhausted")


def test_a_claim_keeps_the_customers_coupon(demo: Demo) -> None:
    """The guest cart's lines come into the customer's cart, whose coupon stays."""
    bob = demo.person()
    code, other = made(demo)["code"], made(demo, percent=50)["code"]
    mine, guest = demo.cart({demo.sku(price=1000): 1}, bob.who), demo.cart({demo.sku(price=2000): 1})
    ok(use(demo, mine, code))
    ok(use(demo, guest, other))
    answer = ok(demo.http.post(f"{guest.path}/claim", headers=bob.who | guest.who))
    assert (answer["cart"]["coupon"]["code"], answer["cart"]["discount"]) == (code, euro(300))
    assert ok(demo.http.get("/carts/mine", headers=bob.who)) == answer["cart"]


def test_a_locked_and_an_ordered_cart_are_left_alone(demo: Demo) -> None:
    """409 cart_locked while checking out, cart_ordered afterwards, for PUT and DELETE."""
    code = made(demo)["code"]
    cart = demo.cart({demo.sku(): 1})
    ok(use(demo, cart, code))
    order = ordered(demo, cart, 1395)
    problem(use(demo, cart, code), 409, "cart_locked")
    problem(demo.http.delete(f"{cart.path}/coupon", headers=cart.who), 409, "cart_locked")
    demo.pay(order)
    demo.reaches(order, "confirmed")
    problem(use(demo, cart, code), 409, "cart_ordered")
    problem(demo.http.delete(f"{cart.path}/coupon", headers=cart.who), 409, "cart_ordered")
    seen = read(demo, cart)
    assert (seen["status"], seen["discount"], seen["coupon"]["code"]) == ("ordered", euro(100), code)


def test_the_mail_shows_the_discount(demo: Demo) -> None:
    """With its coupon, and the total."""
    cart, code = demo.cart({demo.sku(price=2000): 1}), made(demo)["code"]
    ok(use(demo, cart, code))
    email = f"{unique('guest')}@example.com"
    demo.pay(ordered(demo, cart, 2295, email=email, locale="en"))
    [mail] = demo.mails(email)
    for part in ("€2.00", f"Discount ({code})", "€22.95"):
        assert part in mail["text"]
