"""products: the ledger of the stock."""

import re

import pytest
from tests.blackbox.outside import Demo, Json, ok, problem, unique

SEEN = {"sku", "on_hand", "reserved", "available"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_booking_stock_answers_what_there_is(demo: Demo) -> None:
    """POST answers 200 {sku, on_hand, reserved, available}; a ledger row each."""
    sku = demo.sku(stock=0)
    assert ok(demo.stock(sku, 25)) == {"sku": sku, "on_hand": 25, "reserved": 0, "available": 25}
    assert ok(demo.stock(sku, -5)) == {"sku": sku, "on_hand": 20, "reserved": 0, "available": 20}
    seen = ok(demo.http.get(f"/variants/{sku}/stock", headers=demo.staff))
    assert seen.keys() == SEEN | {"reservations", "movements"}
    assert seen["reservations"] == []
    assert sorted(move["delta"] for move in seen["movements"]) == [-5, 25]
    for move in seen["movements"]:
        assert move.keys() == {"at", "delta", "reason", "by"}
        assert TIME.fullmatch(move["at"])
        assert move["reason"] == "delivery"


def test_stock_never_falls_below_what_is_reserved(demo: Demo) -> None:
    """409, and nothing changes; a reservation names its order and when it ends."""
    sku = demo.sku(stock=5)
    problem(demo.stock(sku, -6), 409)
    order = demo.order({sku: 2}, 2495)
    seen = ok(demo.http.get(f"/variants/{sku}/stock", headers=demo.staff))
    assert (seen["on_hand"], seen["reserved"], seen["available"]) == (5, 2, 3)
    [reservation] = seen["reservations"]
    assert reservation.keys() == {"order_id", "quantity", "expires_at"}
    assert (reservation["order_id"], reservation["quantity"]) == (order.body["id"], 2)
    assert TIME.fullmatch(reservation["expires_at"])
    problem(demo.stock(sku, -4), 409)
    assert ok(demo.stock(sku, -3))["available"] == 0


def test_confirming_an_order_lowers_both(demo: Demo) -> None:
    """Available = on_hand - reserved; confirming an order lowers both."""
    sku = demo.sku(stock=5)
    demo.bought({sku: 2}, 2495)
    seen = ok(demo.http.get(f"/variants/{sku}/stock", headers=demo.staff))
    assert (seen["on_hand"], seen["reserved"], seen["available"], seen["reservations"]) == (3, 0, 3, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delta": 1},
        {"reason": "delivery"},
        {"delta": "1", "reason": "delivery"},
        {"delta": 1.0, "reason": "delivery"},
        {"delta": 10**30, "reason": "delivery"},
        {"delta": 2**63, "reason": "delivery"},
        {"delta": -(2**63), "reason": "delivery"},
        {"delta": True, "reason": "delivery"},
        {"delta": None, "reason": "delivery"},
        {"delta": 1, "reason": ""},
        {"delta": 1, "reason": 5},
        {"delta": 1, "reason": "x" * 5000},
        {"delta": 1, "reason": "delivery", "by": "me"},
    ],
)
def test_a_senseless_booking_is_400(demo: Demo, body: Json) -> None:
    """Nothing is booked."""
    problem(demo.http.post("/variants/CAFE-HUI-250/stock", json=body, headers=demo.staff), 400)


def test_stock_cannot_overflow(demo: Demo) -> None:
    """Two huge deliveries are refused or counted, never a bug."""
    sku = demo.sku(stock=0)
    for delta in (2**31 - 1, 2**31 - 1, 10**9, 10**9, 10**9):
        answer = demo.stock(sku, delta)
        if answer.status_code != 200:
            assert answer.status_code in (400, 409)


def test_the_stock_of_an_unknown_sku_is_404(demo: Demo) -> None:
    """Reading and booking."""
    problem(demo.http.get(f"/variants/{unique()}/stock", headers=demo.staff), 404)
    problem(demo.stock(unique(), 1), 404)
