"""sales: what becomes of an order."""

import pytest
from tests.blackbox.outside import ABSENT, Demo, Json, Order, Person, euro, ok, problem, unique
from tests.blackbox.test_checkout import ORDER

ITEM = {"id", "number", "status", "placed_at", "total", "email"}


def test_a_paid_order_is_confirmed(demo: Demo) -> None:
    """awaiting_payment, then confirmed; paid shows what was paid; payment is there only while it is open; the cart is ordered."""
    cart = demo.cart({demo.sku(): 1})
    body = ok(demo.submit(cart, 1495), 201)
    order = Order(body, {"X-Order-Token": body["order_token"]})
    assert demo.pay(order).json()["status"] == "succeeded"
    seen = demo.reaches(order, "confirmed")
    assert seen.get("payment") is None
    assert seen.keys() - {"payment"} == ORDER
    assert seen["paid"] == euro(1495)
    assert seen["placed_at"].endswith("Z")
    assert ok(demo.http.get(cart.path, headers=cart.who))["status"] == "ordered"


def test_a_declined_card_leaves_the_payment_open(demo: Demo) -> None:
    """The same payment may be tried again with another card."""
    order = demo.order()
    assert demo.pay(order, "pm_card_chargeDeclined").status_code == 402
    assert demo.look(order)["status"] == "awaiting_payment"
    assert demo.pay(order, "pm_card_authenticationRequired").json()["status"] == "requires_action"
    seen = demo.look(order)
    assert seen["status"] == "awaiting_payment"
    assert seen["payment"] == order.body["payment"]
    assert demo.pay(order).json()["status"] == "succeeded"
    demo.reaches(order, "confirmed")


def test_only_its_owner_and_staff_see_an_order(demo: Demo, ana: Person) -> None:
    """GET /orders/{id}: owner, staff; 404 for everybody else."""
    one, two = demo.order(), demo.order()
    for who in (
        {},
        two.who,
        ana.who,
        {"X-Order-Token": ""},
        {"X-Cart-Token": one.who["X-Order-Token"]},
        {"X-Order-Token": one.who["X-Order-Token"] + "x"},
    ):
        problem(demo.http.get(one.path, headers=who), 404)
        problem(demo.http.post(f"{one.path}/cancel", headers=who), 404)
    problem(demo.http.get(f"/orders/{ABSENT}", headers=one.who), 404)
    problem(demo.http.get(f"/orders/{ABSENT}", headers=demo.staff), 404)
    assert ok(demo.http.get(one.path, headers=demo.staff))["id"] == one.body["id"]


def listed(demo: Demo, who: dict[str, str], **query: str) -> list[Json]:
    """The first page of orders."""
    page = ok(demo.http.get("/orders", params=query, headers=who))
    assert page.keys() == {"items", "next_cursor"}
    assert all(item.keys() == ITEM for item in page["items"])
    return list(page["items"])


def test_a_customer_lists_his_own_orders(demo: Demo) -> None:
    """Own orders, newest first; a customer's own list ignores q and email."""
    eve = demo.person()
    assert listed(demo, eve.who) == []
    first = demo.bought(who=eve.who)
    second = demo.order(who=eve.who)
    demo.order()
    expected = [second.body["id"], first.body["id"]]
    assert [item["id"] for item in listed(demo, eve.who)] == expected
    assert [item["id"] for item in listed(demo, eve.who, q="nobody", email="nobody@example.com")] == expected
    page = ok(demo.http.get("/orders?limit=1", headers=eve.who))
    rest = ok(demo.http.get("/orders", params={"limit": 1, "cursor": page["next_cursor"]}, headers=eve.who))
    assert [item["id"] for item in page["items"] + rest["items"]] == expected
    assert rest["next_cursor"] is None
    assert listed(demo, eve.who)[1]["status"] == "confirmed"


def test_staff_list_all_orders(demo: Demo) -> None:
    """With status, q and email; q finds a whole number or e-mail, or the beginning of either."""
    name = unique("lister")
    order = demo.order(email=f"{name}@example.com")
    id_, number = order.body["id"], order.body["number"]
    assert listed(demo, demo.staff)[0]["id"] == id_
    for query in ({"q": number}, {"q": f"{name}@example.com"}, {"q": name}, {"q": number[:-1]}, {"email": f"{name}@example.com"}):
        assert id_ in [item["id"] for item in listed(demo, demo.staff, limit="100", **query)], query
    assert id_ in [item["id"] for item in listed(demo, demo.staff, status="awaiting_payment")]
    assert listed(demo, demo.staff, q=name[3:]) == []
    assert listed(demo, demo.staff, q="%" + name) == []
    assert id_ not in [item["id"] for item in listed(demo, demo.staff, status="confirmed", limit="100")]
    assert {item["status"] for item in listed(demo, demo.staff, status="confirmed")} <= {"confirmed"}
    for status in ("pending", "shipped", "cancelling", "cancelled", "partially_refunded", "refunded", "under_review"):
        listed(demo, demo.staff, status=status)


@pytest.mark.parametrize("at,value", [("status", "lost"), ("limit", "0"), ("limit", "101"), ("cursor", "x"), ("status", "CONFIRMED")])
def test_a_bad_filter_of_orders_is_400(demo: Demo, at: str, value: str) -> None:
    """The parameter is named."""
    problem(demo.http.get("/orders", params={at: value}, headers=demo.staff), 400, at=at)


def test_an_owner_cancels_before_it_is_confirmed(demo: Demo) -> None:
    """200 order; it ends cancelled, the stock is free and the cart open again; cancelling again is 200; nobody pays afterwards."""
    sku = demo.sku(stock=3)
    cart = demo.cart({sku: 2})
    body = ok(demo.submit(cart, 2495), 201)
    order = Order(body, {"X-Order-Token": body["order_token"]})
    assert demo.available(sku) == 1
    assert ok(demo.http.post(f"{order.path}/cancel", headers=order.who))["status"] in ("cancelling", "cancelled")
    demo.reaches(order, "cancelled")
    assert demo.available(sku) == 3
    assert ok(demo.http.get(cart.path, headers=cart.who))["status"] == "open"
    assert ok(demo.http.post(f"{order.path}/cancel", headers=order.who))["status"] == "cancelled"
    assert demo.pay(order).status_code >= 400
    ok(demo.submit(cart, 2495), 201)


def test_a_confirmed_order_is_cancelled_by_staff_only(demo: Demo) -> None:
    """Its owner gets 409; staff refund it in full and restock: it ends refunded; cancelling again is 200."""
    sku = demo.sku(stock=3)
    order = demo.bought({sku: 2}, 2495)
    problem(demo.http.post(f"{order.path}/cancel", headers=order.who), 409)
    ok(demo.http.post(f"{order.path}/cancel", headers=demo.staff))
    seen = demo.reaches(order, "refunded")
    assert seen["refunded"] == euro(2495)
    assert demo.available(sku) == 3
    ok(demo.http.post(f"{order.path}/cancel", headers=demo.staff))


def test_what_is_shipped_is_not_cancelled(demo: Demo) -> None:
    """Staff also after, while nothing is shipped."""
    order = demo.bought()
    ok(demo.ship(order), 201)
    problem(demo.http.post(f"{order.path}/cancel", headers=demo.staff), 409)
