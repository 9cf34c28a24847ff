"""The rows of sales in the public API that staff and the provider call, and their errors."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.sales.client import ITEM, Shop, euros

from shop.kit.ids import uuid7
from shop.kit.paging import encode_cursor


async def test_staff_find_orders(shop: Shop) -> None:
    """By status, by the beginning of number or address, by the whole address, page by page; a refused one is in no list."""
    placed = [await shop.guest_order() for _ in range(3)]
    await shop.place(shop.carts.cart({"mug": 2}), expected_total=euros(1))
    other = (await shop.place(shop.carts.cart({"mug": 2}), email="Zoe@Example.com")).json()

    async def found(query: str) -> list[str]:
        return [item["number"] for item in (await shop.send("GET", f"/orders?{query}", token="staff")).json()["items"]]

    everything = [other["number"], *(order["number"] for order in reversed(placed))]
    assert await found("") == everything
    assert await found("q=zoe%40") == await found("email=zoe%40example.com") == await found(f"q={other['number'].lower()}") == [other["number"]]
    assert await found("email=zoe") == await found("q=oe") == await found("q=%25") == await found("status=confirmed") == []
    assert (await found("status=awaiting_payment"), await found("q=A-10")) == (everything, everything)
    first = (await shop.send("GET", "/orders?limit=3", token="staff")).json()
    assert (set(first["items"][0]), len(first["items"])) == (ITEM, 3)
    rest = (await shop.send("GET", f"/orders?limit=3&cursor={first['next_cursor']}", token="staff")).json()
    assert ([item["number"] for item in rest["items"]], rest["next_cursor"]) == ([placed[0]["number"]], None)
    huge = encode_cursor((10**30,))
    for query in ("status=lost", "limit=0", "limit=101", "cursor=x", f"cursor={huge}", "q=%00", "email=%00"):
        assert (await shop.send("GET", f"/orders?{query}", token="staff")).status_code == 400
    assert (await shop.send("GET", "/orders")).status_code == 401


async def test_staff_find_orders_by_when_they_were_placed(shop: Shop) -> None:
    """From a moment on, up to but without another; a customer narrows their own list the same way."""
    first, second = [await shop.guest_order() for _ in range(2)]

    async def found(query: str) -> list[str]:
        return [item["number"] for item in (await shop.send("GET", f"/orders?{query}", token="staff")).json()["items"]]

    moment = second["placed_at"]
    assert (await found(f"from={moment}"), await found(f"to={moment}")) == ([second["number"]], [first["number"]])
    assert await found(f"from={first['placed_at']}&to={moment}") == [first["number"]]
    for query in ("from=yesterday", "to=2026-11-24T10:00:00", "to=0001-01-01T00:00:00%2B14:00"):
        refused = await shop.send("GET", f"/orders?{query}", token="staff")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


async def test_cancelling(shop: Shop) -> None:
    """The owner before it is confirmed; then only staff; a shipped one nobody."""
    order = await shop.guest_order()
    owner = {"X_Order_Token": order["order_token"]}
    for _ in range(2):
        answer = await shop.send("POST", f"/orders/{order['id']}/cancel", **owner)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await shop.send("POST", f"/orders/{order['id']}/cancel")).status_code == 404
    bought = await shop.confirmed()
    answer = await shop.send("POST", f"/orders/{bought['id']}/cancel", X_Order_Token=bought["order_token"])
    assert (answer.status_code, answer.json()["code"]) == (409, "order_confirmed")
    for _ in range(2):
        answer = await shop.staff(f"/orders/{bought['id']}/cancel")
        assert (answer.status_code, answer.json()["status"], answer.json()["refunded"]) == (200, "refunded", euros(2495))
    shipped = await shop.confirmed()
    await shop.staff(f"/orders/{shipped['id']}/shipments", {"carrier": "Post"})
    assert (await shop.staff(f"/orders/{shipped['id']}/cancel")).json()["code"] == "order_shipped"


async def test_refunds(shop: Shop) -> None:
    """Staff refund in part, restock, and never beyond the payment."""
    order = await shop.confirmed()
    path = f"/orders/{order['id']}/refunds"
    body = {"amount": euros(1000), "reason": "requested_by_customer", "note": "chipped", "restock": [{"sku": "mug", "quantity": 1}]}
    answer = await shop.staff(path, body, "k")
    refund = answer.json()
    assert (answer.status_code, set(refund)) == (201, {"id", "amount", "status", "reason", "note", "restock", "created_at"})
    assert (refund["status"], refund["restock"]) == ("succeeded", [{"sku": "mug", "quantity": 1}])
    again = await shop.staff(path, body, "k")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (refund, "true")
    read = (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()
    assert (read["status"], read["refunds"], read["refunded"], read["lines"][0]["refunded"]) == ("partially_refunded", [refund], euros(1000), 1)
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"amount": euros(1496)}, 409, "refund_exceeds_payment"),
        ({"restock": [{"sku": "mug", "quantity": 2}]}, 409, "restock_exceeds_order"),
        ({"amount": {"amount": 1, "currency": "USD"}}, 400, "invalid"),
        ({"reason": "boredom"}, 400, "invalid"),
    ]
    for changes, status, code in refused:
        answer = await shop.staff(path, {"amount": euros(1), "reason": "other"} | changes, str(uuid7()))
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    rest = await shop.staff(path, {"reason": "duplicate"}, "rest")
    assert rest.json()["amount"] == euros(1495)
    for token, status in ((None, 401), ("customer-1", 403)):
        assert (await shop.send("POST", path, body, token, Idempotency_Key="x")).status_code == status
    assert (await shop.staff(f"/orders/{uuid7()}/refunds", body, "y")).status_code == 404


async def test_shipments(shop: Shop) -> None:
    """Staff ship in parts; then nothing is left."""
    order = await shop.confirmed()
    path = f"/orders/{order['id']}/shipments"
    answer = await shop.staff(path, {"carrier": "Post", "tracking": "1", "lines": [{"sku": "mug", "quantity": 1}]})
    assert (answer.status_code, set(answer.json())) == (201, {"id", "carrier", "tracking", "lines", "created_at"})
    assert (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()["status"] == "confirmed"
    assert (await shop.staff(path, {"carrier": "Post", "lines": [{"sku": "mug", "quantity": 2}]})).json()["code"] == "shipment_exceeds_order"
    first, again = [await shop.staff(path, {"carrier": "Post"}, "k") for _ in range(2)]
    assert first.json() == again.json()
    read = (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()
    assert (read["status"], len(read["shipments"]), read["lines"][0]["shipped"]) == ("shipped", 2, 2)
    unpaid = await shop.guest_order()
    assert (await shop.staff(f"/orders/{unpaid['id']}/shipments", {"carrier": "Post"})).json()["code"] == "order_not_confirmed"
    assert (await shop.staff(path, {"carrier": ""})).status_code == 400


async def test_shipping_methods(shop: Shop) -> None:
    """All of them, or those for a country, in the reader's language."""
    answer = await shop.send("GET", "/shipping-methods?country=ES", Accept_Language="es-ES,es;q=0.9")
    assert answer.json() == {
        "items": [
            {"code": "standard", "title": "Estándar", "price": euros(495), "free_from": euros(5000)},
            {"code": "free", "title": "Pick up", "price": euros(0), "free_from": None},
        ]
    }
    assert [item["code"] for item in (await shop.send("GET", "/shipping-methods")).json()["items"]] == ["standard", "local", "free"]
    for country in ("XX", "Spain", ""):
        answer = await shop.send("GET", f"/shipping-methods?country={country}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "country")
    assert (await shop.send("GET", "/shipping-methods", token="forged")).status_code == 200


async def test_the_webhook(shop: Shop) -> None:
    """Stored and answered, also twice and also about nothing we know; forged or too large it is refused."""
    event = shop.verifier.event("payment_intent.succeeded", "pi_unknown", "evt_1")
    for _ in range(2):
        assert (await shop.event(event)).status_code == 200
    assert (await shop.event(event, "forged")).status_code == 400
    assert (await shop.event(event, None)).status_code == 400
    assert (await shop.event(b" " * (256 * 1024 + 1))).status_code == 413
    assert (await shop.event(event + b" " * 200_000)).status_code == 200


async def test_the_jobs_confirm_what_no_webhook_told_and_send_the_mail(shop: Shop) -> None:
    """The poller finds the payment and the relay delivers."""
    order = await shop.guest_order()
    shop.payments.succeed(UUID(order["id"]))
    shop.clock.advance(timedelta(seconds=11))
    for job in ("sales: orders", "sales: mail", "sales: refunds", "sales: reconcile", "sales: clean"):
        await shop.app.state.jobs.now(job)
    (mail,) = shop.mail.to("ana@example.com")
    assert order["number"] in mail.subject
