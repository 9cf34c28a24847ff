"""What staff see of the whole shop."""

from tests.support.shop import Shop


async def test_staff_see_what_was_done_what_there_is_and_who_buys(shop: Shop) -> None:
    """A delivery and a refund are in the logs of their modules; the customer, the order and the stock are found."""
    await shop.product("mug", stock=3)
    ana = await shop.customer("ana@example.com")
    order = await ana.buys(mug=1)
    staff = shop.staff()
    shipped = await shop.call("POST", f"/orders/{order['id']}/shipments", json={"carrier": "Correos"}, headers=staff)
    assert shipped.status_code == 201, shipped.text

    async def seen(path: str) -> list[dict[str, object]]:
        answer = await shop.call("GET", path, headers=staff)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, object]] = answer.json()["items"]
        return items

    assert [entry["action"] for entry in await seen("/audit/products")] == ["stock.adjust", "product.create"]
    (parcel,) = await seen("/audit/sales")
    assert (parcel["action"], parcel["target"], parcel["request_id"]) == ("shipment.create", order["id"], shipped.headers["X-Request-Id"])
    assert await seen("/audit/cart") == await seen("/audit/users") == []
    assert [item["available"] for item in await seen("/stock?below=3")] == [2]
    assert [customer["email"] for customer in await seen("/customers?q=ana@")] == ["ana@example.com"]
    assert [found["id"] for found in await seen(f"/orders?q=ana@&from={order['placed_at']}")] == [order["id"]]
