"""A customer reads what the shop holds about them, and has it forgotten."""

from typing import Any

from tests.support.shop import ADDRESS, PASSWORD, Buyer, Shop, eventually

GONE = "erased@shop.invalid"


async def delivered(shop: Shop, buyer: Buyer) -> dict[str, Any]:
    """Let somebody buy a mug and get it, mails and all."""
    order = await buyer.buys(mug=1)
    shipped = await shop.call("POST", f"/orders/{order['id']}/shipments", json={"carrier": "Correos", "tracking": "T-1"}, headers=shop.staff())
    assert shipped.status_code == 201, shipped.text
    await shop.balances()
    return order


async def anonymous(shop: Shop, order: dict[str, Any]) -> dict[str, Any] | None:
    """Give an order as staff see it once nobody's name is on it."""
    seen: dict[str, Any] = (await shop.call("GET", f"/orders/{order['id']}", headers=shop.staff())).json()
    return seen if seen["email"] == GONE else None


async def test_a_customer_takes_their_data_along_and_is_forgotten(shop: Shop) -> None:
    """The export has every section; then no login, no session, no name on an order, and the sums as they were."""
    await shop.product("mug", stock=5)
    ana = await shop.customer("ana@example.com")
    await ana.call("POST", "/users/me/addresses", json=ADDRESS)
    order = await delivered(shop, ana)
    await ana.fills(mug=2)
    told = (await ana.call("GET", "/users/me/export")).json()
    assert (told["users"]["email"], told["users"]["addresses"][0]["name"]) == ("ana@example.com", "Ana Gil")
    assert [found["number"] for found in told["sales"]["orders"]] == [order["number"]]
    assert sorted(cart["status"] for cart in told["cart"]["carts"]) == ["open", "ordered"]
    assert [(await ana.call("DELETE", "/users/me")).status_code for _ in range(2)] == [204, 204]
    assert (await shop.call("POST", "/sessions", json={"email": "ana@example.com", "password": PASSWORD})).status_code == 401
    refreshed = await shop.call("POST", "/sessions/refresh", json={"refresh_token": ana.session["refresh_token"]})
    assert refreshed.status_code == 401
    assert [(await ana.call("GET", path)).status_code for path in ("/users/me", "/users/me/export")] == [401, 401]
    left = await eventually(lambda: anonymous(shop, order))
    kept = ("number", "total", "subtotal", "tax", "paid")
    assert [left[fact] for fact in kept] == [order[fact] for fact in kept]
    assert [(line["sku"], line["quantity"]) for line in left["lines"]] == [("mug", 1)]
    assert (await shop.call("GET", "/orders?email=ana@example.com", headers=shop.staff())).json()["items"] == []
    assert (await ana.call("GET", f"/carts/{ana.cart['id']}")).status_code == 404
    assert await shop.shelf("mug") == (4, 0, 4)


async def test_what_is_paid_arrives_and_what_is_not_is_cancelled(shop: Shop) -> None:
    """One order waits for its parcel with its address, an open checkout ends and its mug is free again."""
    await shop.product("mug", stock=5)
    ana = await shop.customer("ana@example.com")
    paid = await ana.buys(mug=1)
    await ana.fills(mug=3)
    unpaid = await ana.orders()
    assert (await ana.call("DELETE", "/users/me")).status_code == 204
    cancelled = await eventually(lambda: anonymous(shop, unpaid))
    assert cancelled["status"] == "cancelled"
    await shop.balances()
    assert await anonymous(shop, paid) is None
    assert (await shop.call("POST", f"/orders/{paid['id']}/shipments", json={"carrier": "Correos"}, headers=shop.staff())).status_code == 201
    mails = await shop.outside.mails("ana@example.com", paid["number"])
    while len(mails) < 2:
        mails = await shop.outside.mails("ana@example.com", paid["number"])
    assert (await eventually(lambda: anonymous(shop, paid), 60))["status"] == "shipped"
    assert await shop.shelf("mug") == (4, 0, 4)
