"""What people do in the shop, from the first look to the parcel. No journey knows the topology or the database."""

import pytest
from tests.support.shop import Shop, euros, eventually


async def test_a_guest_buys(shop: Shop) -> None:
    """Fill a cart, order, pay: the order is confirmed, the mail arrives, the stock is lower, and only the guest can look."""
    await shop.product("mug", price=1250, stock=5)
    guest = shop.guest("lea@example.com")
    order = await guest.buys(mug=2)
    assert order["total"] == euros(2 * 1250 + 495)
    assert order["paid"] == order["total"]
    assert await shop.shelf("mug") == (3, 0, 3)
    (mail,) = await shop.outside.mails("lea@example.com")
    assert order["number"] in mail["subject"] + mail["text"]
    assert "29.95" in mail["text"]
    stranger = await shop.call("GET", f"/orders/{order['id']}")
    assert stranger.status_code == 404


async def test_a_customer_buys_what_was_in_the_guest_cart(shop: Shop) -> None:
    """A guest logs in, claims the cart, buys, and finds the purchase in the history and the mail in Spanish."""
    await shop.product("mug", stock=5)
    guest = await shop.guest().fills(mug=1)
    ana = await shop.customer("ana@example.com")
    claimed = await ana.call("POST", f"/carts/{guest.cart['id']}/claim", headers={"X-Cart-Token": guest.headers["X-Cart-Token"]})
    assert claimed.json()["merged"] == [{"sku": "mug", "quantity": 1}]
    ana.cart = claimed.json()["cart"]
    await ana.orders()
    await ana.pays()
    order = await ana.sees("confirmed")
    history = (await ana.call("GET", "/users/me/purchases")).json()
    assert [item["order_id"] for item in history["items"]] == [order["id"]]
    (mail,) = await shop.outside.mails("ana@example.com", order["number"])
    assert "Hemos recibido el pago" in mail["text"]


async def test_a_declined_card_may_be_replaced(shop: Shop) -> None:
    """After a decline the order still waits for payment; another card confirms it."""
    await shop.product("mug", stock=1)
    guest = await shop.guest().fills(mug=1)
    await guest.orders()
    declined = await guest.pays("pm_card_chargeDeclined")
    assert declined.status_code == 402
    assert (await guest.looks())["status"] == "awaiting_payment"
    await guest.pays()
    await guest.sees("confirmed")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_stripe_without_webhooks_still_confirms(shop: Shop) -> None:
    """When every webhook is lost, the poller finds the payment."""
    await shop.outside.breaks(drop_webhooks=True)
    await shop.product("mug", stock=1)
    guest = await shop.guest().fills(mug=1)
    await guest.orders()
    await guest.pays()
    assert (await guest.sees("confirmed", seconds=30))["paid"] == guest.order["total"]


async def test_repeated_webhooks_change_nothing(shop: Shop) -> None:
    """Each event comes four times: one confirmation, one mail."""
    await shop.outside.breaks(duplicate_webhooks=3)
    await shop.product("mug", stock=2)
    order = await shop.guest("once@example.com").buys(mug=1)
    await shop.outside.control("POST", "/webhooks/drain")
    assert await shop.shelf("mug") == (1, 0, 1)
    assert len(await shop.outside.mails("once@example.com", order["number"])) == 1


async def test_the_last_piece_goes_to_one(shop: Shop) -> None:
    """The second buyer is told which SKU is short; the cart stays open."""
    await shop.product("mug", stock=1)
    first, second = await shop.guest().fills(mug=1), await shop.guest().fills(mug=1)
    await first.orders()
    refused = await second.submits()
    assert (refused.status_code, refused.json()["code"], refused.json()["skus"]) == (409, "insufficient_stock", ["mug"])
    assert (await second.reads_cart())["status"] == "open"


async def test_a_price_that_rose_is_not_charged_unseen(shop: Shop) -> None:
    """The buyer sees the new total first and orders again."""
    await shop.product("mug", price=1000, stock=1)
    guest = await shop.guest().fills(mug=1)
    await shop.call("PATCH", "/variants/mug", json={"price": euros(1100)}, headers=shop.staff())
    refused = await guest.submits()
    assert (refused.status_code, refused.json()["code"], refused.json()["total"]) == (409, "price_changed", euros(1595))
    cart = await guest.reads_cart()
    assert [problem["code"] for problem in cart["problems"]] == ["price_changed"]
    assert (await guest.orders())["total"] == euros(1595)


async def test_a_cancelled_order_gives_everything_back(shop: Shop) -> None:
    """Cancelling before payment frees the stock, opens the cart and leaves no live payment."""
    await shop.product("mug", stock=1)
    guest = await shop.guest().fills(mug=1)
    order = await guest.orders()
    answer = await guest.call("POST", f"/orders/{order['id']}/cancel")
    assert answer.status_code == 200, answer.text
    await guest.sees("cancelled")
    assert await shop.shelf("mug") == (1, 0, 1)
    assert (await guest.reads_cart())["status"] == "open"
    assert (await shop.outside.totals())[order["id"]]["live"] == 0
    assert (await guest.pays()).status_code == 400


async def three_mails(shop: Shop, to: str) -> bool:
    """Tell whether confirmation, shipment and refund have arrived."""
    return len({mail["subject"] for mail in await shop.outside.mails(to)}) == 3


async def test_a_parcel_and_a_refund(shop: Shop) -> None:
    """Staff ship the order and give part of the money back; the buyer gets a mail about each."""
    await shop.product("mug", price=1000, stock=2)
    guest = shop.guest("par@example.com")
    order = await guest.buys(mug=2)
    shipped = await shop.call("POST", f"/orders/{order['id']}/shipments", json={"carrier": "DHL", "tracking": "X1"}, headers=shop.staff())
    assert shipped.status_code == 201, shipped.text
    assert (await guest.looks())["status"] == "shipped"
    body = {"amount": euros(1000), "reason": "requested_by_customer", "restock": [{"sku": "mug", "quantity": 1}]}
    headers = shop.staff() | {"Idempotency-Key": "refund-1"}
    refunded = await shop.call("POST", f"/orders/{order['id']}/refunds", json=body, headers=headers)
    assert refunded.status_code == 201, refunded.text
    after = await guest.sees("partially_refunded")
    assert after["refunded"] == euros(1000)
    assert await shop.shelf("mug") == (1, 0, 1)
    await eventually(lambda: three_mails(shop, "par@example.com"))
    again = await shop.call("POST", f"/orders/{order['id']}/refunds", json=body, headers=headers)
    assert again.json() == refunded.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    rest = {"amount": euros(1496), "reason": "other"}
    refused = await shop.call("POST", f"/orders/{order['id']}/refunds", json=rest, headers=shop.staff() | {"Idempotency-Key": "refund-2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_exceeds_payment")


async def test_staff_cancel_a_confirmed_order(shop: Shop) -> None:
    """All of the money goes back and all of the pieces return to the shelf."""
    await shop.product("mug", stock=1)
    guest = shop.guest()
    order = await guest.buys(mug=1)
    assert (await guest.call("POST", f"/orders/{order['id']}/cancel")).status_code == 409
    assert (await shop.call("POST", f"/orders/{order['id']}/cancel", headers=shop.staff())).status_code == 200
    assert (await guest.sees("refunded"))["refunded"] == order["total"]
    assert await shop.shelf("mug") == (1, 0, 1)
    assert (await shop.outside.totals())[order["id"]]["refunded"] == order["total"]["amount"]


async def test_the_same_submit_again_is_the_same_order(shop: Shop) -> None:
    """A repeated request with its key gets the first answer; another key learns which order it is."""
    await shop.product("mug", stock=5)
    guest = await shop.guest().fills(mug=1)
    first = await guest.submits("key-1")
    again = await guest.submits("key-1")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await guest.submits("key-2")
    assert (other.status_code, other.json()["code"], other.json()["order_id"]) == (409, "checkout_in_progress", first.json()["id"])
    changed = await guest.submits("key-1", locale="es")
    assert changed.status_code == 422
