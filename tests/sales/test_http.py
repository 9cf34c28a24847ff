"""The rows of sales in the public API that buyers call, and their errors."""

from typing import Any
from uuid import UUID

import pytest
from tests.sales.client import HOME, LINE, ORDER, Shop, euros

from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable
from shop.ports.users import Customer


async def test_a_guest_buys(shop: Shop) -> None:
    """The answer says how to pay; paid, the order is confirmed and has no payment any more."""
    answer = await shop.place(shop.carts.cart({"mug": 2}))
    order = answer.json()
    assert (answer.status_code, set(order), order["status"]) == (201, ORDER | {"order_token"}, "awaiting_payment")
    assert order["payment"] == {
        "provider": "stripe",
        "client_secret": shop.payments.live(UUID(order["id"])).client_secret,
        "publishable_key": "pk_test_1",
    }
    assert [order[name]["amount"] for name in ("subtotal", "discount", "shipping", "total", "paid")] == [2000, 0, 495, 2495, 0]
    assert set(order["lines"][0]) == LINE
    assert order["placed_at"].endswith("Z")
    payment = shop.payments.succeed(UUID(order["id"]))
    assert (await shop.event(shop.verifier.event("payment_intent.succeeded", payment.id))).status_code == 200
    read = (await shop.send("GET", f"/orders/{order['id']}", X_Order_Token=order["order_token"])).json()
    assert (set(read), read["status"], read["paid"], read["payment"]) == (ORDER, "confirmed", euros(2495), None)
    assert [event["type"] for event in read["events"]] == ["placed", "reserved", "awaiting_payment", "payment_opened", "paid", "confirmed"]


async def test_a_customers_order_needs_no_token(shop: Shop) -> None:
    """It is theirs by who they are, and nobody else's; the account gives the address."""
    (await shop.send("GET", "/orders", token="customer-1")).raise_for_status()
    ana = shop.tokens.ids["customer-1"]
    shop.customers.add(Customer(ana, "eva@example.com", "Eva", "es"))
    answer = await shop.place(shop.carts.cart({"mug": 2}, ana), token="customer-1", email=None)
    order = answer.json()
    assert (answer.status_code, order["email"], "order_token" in order) == (201, "eva@example.com", False)
    for token, status in (("customer-1", 200), ("staff", 200), ("customer-2", 404), (None, 404), ("forged", 401)):
        assert (await shop.send("GET", f"/orders/{order['id']}", token=token)).status_code == status
    assert [item["id"] for item in (await shop.send("GET", "/orders", token="customer-1")).json()["items"]] == [order["id"]]
    assert (await shop.send("GET", "/orders", token="customer-2")).json() == {"items": [], "next_cursor": None}


async def test_a_repeated_order_gives_the_first_answer_with_its_token(shop: Shop) -> None:
    """The token is not stored, but derived again; the same key with another body is refused."""
    cart = shop.carts.cart({"mug": 2})
    first, again = await shop.place(cart, "k"), await shop.place(cart, "k")
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert (await shop.place(cart, "k", email="eve@example.com")).status_code == 422
    told = await shop.place(cart)
    assert (told.status_code, told.json()["code"], told.json()["order_id"]) == (409, "checkout_in_progress", first.json()["id"])


async def test_refusals_are_kept_under_their_key(shop: Shop) -> None:
    """The price changed: told with the total, again when repeated, and a new key orders at the new price."""
    cart = shop.carts.cart({"mug": 2})
    for replayed in (None, "true"):
        told = await shop.place(cart, "k", expected_total=euros(1))
        assert (told.status_code, told.json()["code"], told.json()["total"]) == (409, "price_changed", euros(2495))
        assert told.headers.get("Idempotent-Replayed") == replayed
    assert cart.status == "open"
    assert (await shop.place(cart)).status_code == 201


async def test_an_order_that_cannot_be_placed_says_why(shop: Shop) -> None:
    """Each of the refusals by its code, with what belongs to it."""
    cases = [({}, 409, "cart_empty"), ({"mug": 101}, 409, "insufficient_stock"), ({"gold": 9}, 409, "total_too_large")]
    shop.carts.stock("gold", 100, 90_000_000)
    for lines, status, code in cases:
        answer = await shop.place(shop.carts.cart(lines))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    order = await shop.confirmed()
    cart = next(cart for cart in shop.carts.carts.values() if cart.status == "ordered")
    ordered = await shop.place(cart)
    assert (ordered.status_code, ordered.json()["code"], ordered.json()["order_id"]) == (409, "cart_ordered", order["id"])
    stranger = shop.carts.cart({"mug": 1})
    stranger.id = shop.carts.cart({"mug": 1}).id
    assert (await shop.place(stranger)).status_code == 404


async def test_a_neighbour_that_does_not_answer_makes_it_503(shop: Shop) -> None:
    """With Retry-After, and the same key goes on with the same order."""
    cart = shop.carts.cart({"mug": 2})
    for lost in ("cart", "payment"):
        if lost == "cart":
            shop.carts.lose_next()
        else:
            shop.payments.fail_next(Unavailable(), "after", "create")
        answer = await shop.place(cart, "k")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    answer = await shop.place(cart, "k")
    assert (answer.status_code, answer.json()["number"], len(shop.payments.payments)) == (201, "A-1001", 1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"email": None}, "email"),
    ({"email": "nobody"}, "email"),
    ({"shipping_method": "drone"}, "shipping_method"),
    ({"shipping_method": "local"}, "shipping_method"),
    ({"shipping_address": HOME | {"country": "XX"}}, "shipping_address"),
    ({"expected_total": {"amount": -1, "currency": "EUR"}}, "expected_total.amount"),
    ({"expected_total": {"amount": 1.5, "currency": "EUR"}}, "expected_total.amount"),
    ({"cart_id": "x"}, "cart_id"),
    ({"coupon": "X"}, "coupon"),
]


@pytest.mark.parametrize("changes, field", BAD)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_bad_input_names_its_field(shop: Shop, changes: dict[str, Any], field: str) -> None:
    """And no order is made."""
    answer = await shop.place(shop.carts.cart({"mug": 2}), **changes)
    assert answer.status_code == 400
    assert any(error["field"].startswith(field) or field in error["message"] for error in answer.json()["errors"]), answer.json()
    assert (await shop.send("GET", "/orders", token="staff")).json()["items"] == []


async def test_a_key_is_required(shop: Shop) -> None:
    """On orders and refunds."""
    cart = shop.carts.cart({"mug": 2})
    answer = await shop.send("POST", "/orders", shop.wish(cart), X_Cart_Token=cart.token)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    order = await shop.confirmed()
    assert (await shop.staff(f"/orders/{order['id']}/refunds", {"reason": "other"})).status_code == 400


async def test_what_is_not_there_is_404(shop: Shop) -> None:
    """Malformed ids as well."""
    for path in (f"/orders/{uuid7()}", "/orders/x"):
        assert (await shop.send("GET", path, token="staff")).status_code == 404


async def test_nothing_free_needs_the_provider(shop: Shop) -> None:
    """A total of 0 is confirmed at once, with `payment` null."""
    shop.carts.stock("flyer", 5, 0)
    answer = await shop.place(shop.carts.cart({"flyer": 1}), shipping_method="free", expected_total=euros(0))
    assert (answer.status_code, answer.json()["status"], answer.json()["payment"]) == (201, "confirmed", None)
