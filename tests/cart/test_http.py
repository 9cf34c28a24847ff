"""Every row of the cart's table in the public API, and its errors."""

import asyncio
from typing import Any

import httpx
from tests.cart.site import Shop

from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable

CART = {"id", "version", "status", "lines", "subtotal", "discount", "coupon", "problems", "stale"}


def check(answer: httpx.Response, status: int, code: str, **members: Any) -> None:
    """Check that an answer is this problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    document = answer.json()
    assert (document["code"], document["type"], document["status"]) == (code, f"/problems/{code}", status)
    assert {name: document.get(name) for name in members} == members


async def test_a_guest_opens_a_cart_fills_it_and_reads_it(shop: Shop) -> None:
    """The token comes once, with the new cart; every answer is the whole cart."""
    opened = await shop.send("POST", "/carts", {})
    assert opened.status_code == 201
    assert opened.headers["cache-control"] == "no-store"
    cart = opened.json()
    assert set(cart) == CART | {"cart_token"}
    put = await shop.send("PUT", f"/carts/{cart['id']}/lines/mug", {"quantity": 2}, cart=cart)
    read = await shop.send("GET", f"/carts/{cart['id']}", cart=cart)
    assert (put.status_code, read.status_code) == (200, 200)
    assert put.json() == read.json() == {
        "id": cart["id"],
        "version": 2,
        "status": "open",
        "lines": [
            {
                "sku": "mug",
                "title": "Mug",
                "quantity": 2,
                "unit_price": {"amount": 1250, "currency": "EUR"},
                "line_total": {"amount": 2500, "currency": "EUR"},
                "available": 10,
            }
        ],
        "subtotal": {"amount": 2500, "currency": "EUR"},
        "discount": {"amount": 0, "currency": "EUR"},
        "coupon": None,
        "problems": [],
        "stale": False,
    }  # fmt: skip


async def test_problems_name_the_sku_and_what_changed(shop: Shop) -> None:
    """`price_changed` has the old and the new price, `insufficient_stock` what is available."""
    cart = await shop.cart({"mug": 4})
    shop.products.stock("mug", 3, price=1300)
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["problems"] == [
        {"code": "price_changed", "sku": "mug", "old": {"amount": 1250, "currency": "EUR"}, "new": {"amount": 1300, "currency": "EUR"}},
        {"code": "insufficient_stock", "sku": "mug", "available": 3},
    ]


async def test_a_customers_cart_needs_no_token_and_is_always_the_same(shop: Shop) -> None:
    """`POST /carts` gives it again with 201, `GET /carts/mine` finds it, and 404 before there is one."""
    check(await shop.send("GET", "/carts/mine", token="customer-1"), 404, "cart_not_found")
    opened, again = [await shop.send("POST", "/carts", {"currency": "EUR"}, token="customer-1") for _ in range(2)]
    assert (opened.status_code, again.status_code) == (201, 201)
    assert set(opened.json()) == CART
    assert opened.json()["id"] == again.json()["id"] == (await shop.send("GET", "/carts/mine", token="customer-1")).json()["id"]
    assert (await shop.send("GET", f"/carts/{opened.json()['id']}", token="customer-1")).status_code == 200


async def test_lines_are_added_set_and_removed(shop: Shop) -> None:
    """POST adds up, PUT sets, 0 and DELETE remove, and removing what is not there is fine."""
    cart = await shop.cart()
    lines = f"/carts/{cart['id']}/lines"

    async def change(method: str, path: str, body: Any = None) -> dict[str, int]:
        answer = await shop.send(method, path, body, cart=cart)
        assert answer.status_code == 200, answer.text
        return {line["sku"]: line["quantity"] for line in answer.json()["lines"]}

    assert await change("POST", lines, {"sku": "mug", "quantity": 2}) == {"mug": 2}
    assert await change("POST", lines, {"sku": "mug", "quantity": 3}) == {"mug": 5}
    assert await change("PUT", f"{lines}/lid", {"quantity": 999}) == {"mug": 5, "lid": 999}
    assert await change("PUT", f"{lines}/mug", {"quantity": 0}) == {"lid": 999}
    assert await change("DELETE", f"{lines}/mug") == {"lid": 999}
    assert await change("DELETE", f"{lines}/lid") == {}


async def test_a_key_adds_once(shop: Shop) -> None:
    """The repeated request gets the first answer, also twenty at once."""
    cart = await shop.cart()
    path, body = f"/carts/{cart['id']}/lines", {"sku": "mug", "quantity": 2}
    first = await shop.send("POST", path, body, cart=cart, Idempotency_Key="a")
    again = await asyncio.gather(*(shop.send("POST", path, body, cart=cart, Idempotency_Key="a") for _ in range(20)))
    assert {answer.headers.get("idempotent-replayed") for answer in again} == {"true"}
    assert [answer.json() for answer in again] == [first.json()] * 20
    check(await shop.send("POST", path, body | {"quantity": 3}, cart=cart, Idempotency_Key="a"), 422, "idempotency_key_reused")
    cart_now = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert [line["quantity"] for line in cart_now["lines"]] == [2]


async def test_what_is_not_sold_is_404_and_what_does_not_fit_409(shop: Shop) -> None:
    """Unknown, archived and impossible SKUs; the thousandth piece."""
    cart = await shop.cart({"mug": 998})
    lines = f"/carts/{cart['id']}/lines"
    shop.products.archive("lid")
    for sku in ("cup", "lid", "no%20sku", "%00", "a%2Fb"):
        assert (await shop.send("PUT", f"{lines}/{sku}", {"quantity": 1}, cart=cart)).status_code == 404
    check(await shop.send("POST", lines, {"sku": "lid", "quantity": 1}, cart=cart), 404, "sku_not_found")
    check(await shop.send("POST", lines, {"sku": "mug", "quantity": 2}, cart=cart), 409, "cart_full")


BAD_INPUT = [
    ("PUT", "/lines/mug", {"quantity": 1000}, "quantity"),
    ("PUT", "/lines/mug", {"quantity": -1}, "quantity"),
    ("PUT", "/lines/mug", {"quantity": "1"}, "quantity"),
    ("PUT", "/lines/mug", {}, "quantity"),
    ("POST", "/lines", {"sku": "mug", "quantity": 0}, "quantity"),
    ("POST", "/lines", {"sku": "no sku", "quantity": 1}, "sku"),
    ("POST", "/lines", {"sku": "mug"}, "quantity"),
    ("POST", "/lines", {"sku": "mug", "quantity": 1, "price": 1}, "price"),
]


async def test_bad_input_is_400_and_names_the_field(shop: Shop) -> None:
    """Nothing of it changes the cart."""
    cart = await shop.cart()
    for method, path, body, field in BAD_INPUT:
        answer = await shop.send(method, f"/carts/{cart['id']}{path}", body, cart=cart)
        check(answer, 400, "invalid")
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["version"] == 1


async def test_another_currency_is_400(shop: Shop) -> None:
    """A cart is in the shop's."""
    for currency in ("USD", "eur", 7):
        answer = await shop.send("POST", "/carts", {"currency": currency})
        check(answer, 400, "invalid")
        assert [error["field"] for error in answer.json()["errors"]] == ["currency"]


async def test_carts_are_private(shop: Shop) -> None:
    """Absent, somebody else's, or without its token: 404; also for staff; a bad bearer token: 401; staff cannot open one: 403."""
    guests, mine, body = await shop.cart({"mug": 1}), await shop.cart({"mug": 1}, "customer-1"), {"quantity": 1}
    for cart, token, sent in [(guests, None, None), (guests, "customer-1", None), (mine, None, guests), (mine, "customer-2", None)]:
        check(await shop.send("GET", f"/carts/{cart['id']}", token=token, cart=sent), 404, "cart_not_found")
        check(await shop.send("PUT", f"/carts/{cart['id']}/lines/mug", body, token, sent), 404, "cart_not_found")
        check(await shop.send("POST", f"/carts/{cart['id']}/lines", {"sku": "mug", "quantity": 1}, token, sent), 404, "cart_not_found")
        check(await shop.send("DELETE", f"/carts/{cart['id']}/lines/mug", token=token, cart=sent), 404, "cart_not_found")
    for path in (f"/carts/{uuid7()}", "/carts/7"):
        assert (await shop.send("GET", path, cart=guests)).status_code == 404
    for method, path in [("GET", f"/carts/{guests['id']}"), ("POST", "/carts"), ("GET", "/carts/mine")]:
        check(await shop.send(method, path, token="forged", cart=guests), 401, "unauthenticated")
    for method, path in [("POST", "/carts"), ("GET", "/carts/mine")]:
        check(await shop.send(method, path, token="staff", cart=guests), 403, "forbidden")
    check(await shop.send("GET", f"/carts/{guests['id']}", token="staff", cart=guests), 404, "cart_not_found")
    check(await shop.send("GET", "/carts/mine"), 401, "unauthenticated")
    check(await shop.send("POST", f"/carts/{guests['id']}/claim", cart=guests), 401, "unauthenticated")
    check(await shop.send("POST", f"/carts/{guests['id']}/claim", token="staff", cart=guests), 403, "forbidden")


async def test_a_guests_cart_is_claimed(shop: Shop) -> None:
    """With both tokens: what went over and what did not, and the second time 404."""
    await shop.cart({"mug": 1}, "customer-1")
    guests = await shop.cart({"mug": 2, "lid": 5})
    path = f"/carts/{guests['id']}/claim"
    check(await shop.send("POST", path, token="customer-1"), 404, "cart_not_found")
    claimed = await shop.send("POST", path, token="customer-1", cart=guests)
    assert claimed.status_code == 200
    assert set(claimed.json()) == {"cart", "merged", "dropped"}
    assert claimed.json()["merged"] == [{"sku": "mug", "quantity": 2}, {"sku": "lid", "quantity": 3}]
    assert claimed.json()["dropped"] == [{"sku": "lid", "quantity": 2}]
    assert claimed.json()["cart"] == (await shop.send("GET", "/carts/mine", token="customer-1")).json()
    assert set(claimed.json()["cart"]) == CART
    check(await shop.send("POST", path, token="customer-1", cart=guests), 404, "cart_not_found")


async def test_a_cart_in_checkout_is_409_until_it_is_released(shop: Shop) -> None:
    """It can be read meanwhile, not changed and not claimed; ordered it says as what."""
    cart = await shop.cart({"mug": 1})
    order = await shop.begin(cart)
    line, body = f"/carts/{cart['id']}/lines/mug", {"quantity": 2}
    check(await shop.send("PUT", line, body, cart=cart), 409, "cart_locked")
    check(await shop.send("POST", f"/carts/{cart['id']}/lines", {"sku": "lid", "quantity": 1}, cart=cart), 409, "cart_locked")
    check(await shop.send("DELETE", line, cart=cart), 409, "cart_locked")
    check(await shop.send("POST", f"/carts/{cart['id']}/claim", token="customer-1", cart=cart), 409, "cart_locked")
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["status"] == "checking_out"
    await (await shop.checkouts()).release(id=order)
    assert (await shop.send("PUT", line, body, cart=cart)).status_code == 200
    order = await shop.begin(cart)
    await (await shop.checkouts()).commit(id=order)
    check(await shop.send("PUT", line, body, cart=cart), 409, "cart_ordered", order_id=str(order))
    assert (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()["status"] == "ordered"


async def test_without_products_the_cart_is_stale_and_adding_is_503(shop: Shop) -> None:
    """The last quote stands in; removing works."""
    cart = await shop.cart({"mug": 1})
    shop.products.fail_next(Unavailable(), times=4)
    stale = (await shop.send("GET", f"/carts/{cart['id']}", cart=cart)).json()
    assert (stale["stale"], stale["subtotal"]["amount"]) == (True, 1250)
    for method, path, body in [("POST", "", {"sku": "lid", "quantity": 1}), ("PUT", "/lid", {"quantity": 1})]:
        answer = await shop.send(method, f"/carts/{cart['id']}/lines{path}", body, cart=cart)
        check(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    gone = (await shop.send("DELETE", f"/carts/{cart['id']}/lines/mug", cart=cart)).json()
    assert (gone["lines"], gone["stale"]) == ([], True)
