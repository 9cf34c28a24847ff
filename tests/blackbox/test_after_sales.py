"""sales: refunds and shipments."""

import pytest
from tests.blackbox.outside import ABSENT, Demo, Json, Order, euro, ok, problem, unique, until

REFUND = {"id", "amount", "status", "reason", "note", "restock", "created_at"}
SHIPMENT = {"id", "carrier", "tracking", "lines", "created_at"}


def test_a_refund_is_as_written(demo: Demo) -> None:
    """201 refund; the order is partially_refunded, then refunded; without an amount it is all that is left."""
    order = demo.bought()
    made = ok(demo.refund(order, amount=euro(300), reason="requested_by_customer", note="Sorry"), 201)
    assert made.keys() == REFUND
    assert (made["amount"], made["reason"], made["note"]) == (euro(300), "requested_by_customer", "Sorry")
    assert made["status"] in ("pending", "succeeded")
    assert made["created_at"].endswith("Z")
    seen = demo.reaches(order, "partially_refunded")
    assert seen["refunded"] == euro(300)
    assert [one["id"] for one in seen["refunds"]] == [made["id"]]
    assert seen["refunds"][0].keys() == REFUND
    rest = ok(demo.refund(order, reason="duplicate"), 201)
    assert rest["amount"] == euro(1195)
    seen = demo.reaches(order, "refunded")
    assert (seen["paid"], seen["refunded"]) == (euro(1495), euro(1495))
    problem(demo.refund(order), 409)
    problem(demo.refund(order, amount=euro(1)), 409, "refund_exceeds_payment")
    until(lambda: demo.look(order)["refunds"], lambda refunds: {one["status"] for one in refunds} == {"succeeded"})


def test_more_than_is_left_is_refused(demo: Demo) -> None:
    """409 refund_exceeds_payment, and nothing was refunded."""
    order = demo.bought()
    problem(demo.refund(order, amount=euro(1496)), 409, "refund_exceeds_payment")
    assert demo.look(order)["refunds"] == []
    ok(demo.refund(order, amount=euro(1000), reason="fraudulent"), 201)
    problem(demo.refund(order, amount=euro(496)), 409, "refund_exceeds_payment")
    ok(demo.refund(order, amount=euro(495), reason="other"), 201)
    assert [one["amount"] for one in demo.look(order)["refunds"]] == [euro(1000), euro(495)]


def test_a_refund_restocks(demo: Demo) -> None:
    """restock: [{sku, quantity}]; beyond the order 409."""
    sku = demo.sku(stock=5)
    order = demo.bought({sku: 3}, 3495)
    assert demo.available(sku) == 2
    made = ok(demo.refund(order, amount=euro(1000), restock=[{"sku": sku, "quantity": 1}]), 201)
    assert made["restock"] == [{"sku": sku, "quantity": 1}]
    until(lambda: demo.available(sku), lambda there: there == 3)
    problem(demo.refund(order, amount=euro(1), restock=[{"sku": sku, "quantity": 3}]), 409)
    assert demo.refund(order, amount=euro(1), restock=[{"sku": unique(), "quantity": 1}]).status_code in (400, 409)
    assert demo.look(order)["refunded"] == euro(1000)


@pytest.fixture(scope="module")
def paid(demo: Demo) -> Order:
    """An order of 14.95."""
    return demo.bought()


@pytest.mark.parametrize(
    "body,at",
    [
        ({"amount": {"amount": 1, "currency": "USD"}}, "amount"),
        ({"amount": euro(0)}, "amount"),
        ({"amount": euro(-1)}, "amount"),
        ({"amount": 5}, "amount"),
        ({"reason": "because"}, "reason"),
        ({"reason": None}, "reason"),
        ({"restock": [{"sku": "a", "quantity": 0}]}, "restock"),
        ({"restock": [{"sku": "a", "quantity": -1}]}, "restock"),
        ({"restock": [{"sku": "a"}]}, "restock"),
        ({"note": 5}, "note"),
        ({"note": "x" * 50000}, "note"),
        ({"restock": {}}, "restock"),
        ({"restock": [{"sku": "", "quantity": 1}]}, "restock"),
    ],
)
def test_a_senseless_refund_is_400(demo: Demo, paid: Order, body: Json, at: str) -> None:
    """400 with the field named, nothing refunded."""
    errors = problem(demo.refund(paid, **body), 400)["errors"]
    assert any(error["field"].startswith(at) for error in errors), errors
    assert demo.look(paid)["refunds"] == []


def test_a_refund_needs_a_reason_and_a_key(demo: Demo, paid: Order) -> None:
    """Idempotency-Key is required on refunds: missing 400."""
    problem(demo.http.post(f"{paid.path}/refunds", json={}, headers=demo.staff | {"Idempotency-Key": unique()}), 400, at="reason")
    problem(demo.http.post(f"{paid.path}/refunds", json={"reason": "other"}, headers=demo.staff), 400, at="Idempotency-Key")
    assert demo.look(paid)["refunds"] == []


def test_what_is_not_paid_is_neither_refunded_nor_shipped(demo: Demo) -> None:
    """409 the state forbids it; an absent order is 404."""
    order = demo.order()
    problem(demo.refund(order), 409)
    problem(demo.refund(order, amount=euro(1)), 409)
    problem(demo.ship(order), 409)
    seen = demo.look(order)
    assert (seen["refunds"], seen["shipments"]) == ([], [])
    absent = Order({"id": ABSENT}, {})
    problem(demo.refund(absent), 404)
    problem(demo.ship(absent), 404)


def test_a_shipment_is_as_written(demo: Demo) -> None:
    """201 shipment; all lines if none are named; the order is shipped."""
    one, two = demo.sku(), demo.sku()
    order = demo.bought({one: 2, two: 1}, 3495)
    made = ok(demo.ship(order, tracking="XY1"), 201)
    assert made.keys() == SHIPMENT
    assert (made["carrier"], made["tracking"]) == ("Correos", "XY1")
    assert sorted(made["lines"], key=str) == sorted([{"sku": one, "quantity": 2}, {"sku": two, "quantity": 1}], key=str)
    seen = demo.look(order)
    assert seen["status"] == "shipped"
    assert [shipment.keys() for shipment in seen["shipments"]] == [SHIPMENT]
    assert {line["sku"]: line["shipped"] for line in seen["lines"]} == {one: 2, two: 1}
    problem(demo.ship(order), 409)
    until(lambda: demo.mails(order.body["email"]), lambda mails: len(mails) == 2)


def test_partly_shipped_is_still_confirmed(demo: Demo) -> None:
    """A shipment beyond the order is 409; refunds outrank shipped."""
    sku = demo.sku()
    order = demo.bought({sku: 3}, 3495)
    ok(demo.ship(order, lines=[{"sku": sku, "quantity": 1}]), 201)
    assert demo.look(order)["status"] == "confirmed"
    problem(demo.ship(order, lines=[{"sku": sku, "quantity": 3}]), 409)
    assert demo.ship(order, lines=[{"sku": unique(), "quantity": 1}]).status_code in (400, 409)
    made = ok(demo.ship(order), 201)
    assert made["lines"] == [{"sku": sku, "quantity": 2}]
    assert made["tracking"] is None
    assert demo.look(order)["status"] == "shipped"
    ok(demo.refund(order, amount=euro(5)), 201)
    assert demo.reaches(order, "partially_refunded")["lines"][0]["shipped"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {"carrier": ""},
        {"carrier": None},
        {"tracking": 5},
        {"lines": [{"sku": "a", "quantity": 0}]},
        {"lines": [{"quantity": 1}]},
        {"lines": {}},
        {"x": 1},
        {"carrier": "x" * 5000},
    ],
)
def test_a_senseless_shipment_is_400(demo: Demo, paid: Order, body: Json) -> None:
    """400, nothing shipped."""
    problem(demo.ship(paid, **body), 400)
    assert demo.look(paid)["shipments"] == []
