"""A client cannot tell one process from four: the same requests get the same answers, good and bad."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.exchanges.recording import Recording
from tests.support.databases import SqliteTemplates
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.shop import PASSWORD, Shop
from tests.support.topologies import PARTITION, one, processes, several

NOBODY = "01a20c7c-2ab2-7b6f-9c58-6b0c3af929d7"


def new(folder: Path) -> Path:
    """Make a folder."""
    folder.mkdir()
    return folder


@asynccontextmanager
async def recorded(topology: str, folder: Path, url: str) -> AsyncGenerator[tuple[Shop, Recording]]:
    """Run the shop in a topology and hear everything that is said to it."""
    port, recording = free_port(), Recording()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(folder, f"http://127.0.0.1:{port}"))
        places: dict[str, AbstractAsyncContextManager[str]] = {
            "one": one(url, port, world, rehearse=False),
            "four_asgi": several(PARTITION, url, port, world),
            "four": processes(folder, url, port, world),
        }
        address = await stack.enter_async_context(places[topology])
        hooks: dict[str, Any] = {"response": [recording.hear]}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False, event_hooks=hooks))
        yield Shop(client, world, url), recording


async def everything_goes_well(shop: Shop) -> None:
    """Sell to a guest and to a customer; ship, refund in part, look at everything."""
    await shop.product("mug", "cup", price=1250, stock=9)
    await shop.coupon("MUG-10", percent=10, skus=["mug"], max_per_customer=1)
    guest = await shop.guest("lea@example.com").fills(mug=2)
    await guest.uses("mug-10")
    await guest.orders()
    await guest.reads_cart()
    await guest.pays()
    await guest.sees("confirmed")
    await shop.call("POST", f"/orders/{guest.order['id']}/shipments", json={"carrier": "DHL", "tracking": "X1"}, headers=shop.staff())
    refund = {"amount": {"amount": 1000, "currency": "EUR"}, "reason": "requested_by_customer"}
    await shop.call("POST", f"/orders/{guest.order['id']}/refunds", json=refund, headers=shop.staff() | {"Idempotency-Key": "refund-1"})
    await guest.sees("partially_refunded")
    ana = await shop.customer("ana@example.com")
    basket = await shop.guest().fills(cup=1, mug=1)
    await basket.uses("MUG-10")
    await basket.call("DELETE", f"/carts/{basket.cart['id']}/coupon")
    await basket.uses("MUG-10")
    claimed = await ana.call("POST", f"/carts/{basket.cart['id']}/claim", headers={"X-Cart-Token": basket.headers["X-Cart-Token"]})
    ana.cart = claimed.json()["cart"]
    await ana.orders()
    await shop.call("PATCH", "/coupons/MUG-10", json={"ends_at": "2999-01-01T00:00:00Z"}, headers=shop.staff())
    await shop.redeemed("MUG-10")
    for path in ("/products", "/products?q=mug", "/users/me", "/orders", "/users/me/purchases", f"/orders/{ana.order['id']}"):
        await ana.call("GET", path)
    await ana.call("POST", f"/orders/{ana.order['id']}/cancel")
    await shop.shelf("cup")
    await ana.call("DELETE", "/sessions/current")


async def everything_goes_wrong(shop: Shop) -> None:
    """Send what is refused: by the edge, by each module, and by a neighbour behind a port."""
    await shop.product("mug", price=1000, stock=1)
    ana = await shop.customer("ana@example.com")
    first, second = await shop.guest().fills(mug=1), await shop.guest().fills(mug=1)
    cart = f"/carts/{first.cart['id']}"
    await first.call("PUT", f"{cart}/lines/nothing", json={"quantity": 1})
    await first.call("PUT", f"{cart}/lines/mug", json={"quantity": -1, "colour": "red"})
    await shop.call("GET", cart)
    await shop.call("GET", f"/carts/{NOBODY}")
    await shop.coupon("LATE", percent=10, ends_at="2026-01-01T00:00:00Z")
    await shop.coupon("FULL", percent=10, max_redemptions=1)
    for code in ("NONE", "LATE", ""):
        await first.uses(code)
    await ana.call("PUT", f"{cart}/coupon", json={"code": "FULL"})
    await first.uses("FULL")
    await second.uses("FULL")
    await shop.call("POST", "/coupons", json={"code": "full", "percent": 20}, headers=shop.staff())
    await shop.call("POST", "/coupons", json={"code": "BOTH", "percent": 101}, headers=shop.staff())
    await shop.call("PATCH", "/coupons/NONE", json={}, headers=shop.staff())
    await shop.call("GET", "/coupons", headers=ana.headers)
    await first.submits(expected_total={"amount": 1, "currency": "EUR"})
    await first.submits(shipping_method="rocket")
    await first.submits(shipping_address={"name": "x"})
    await first.call("POST", "/orders", json=first.order_body())
    await first.submits("key-1")
    await first.submits("key-1")
    await first.submits("key-1", locale="es")
    await first.submits("key-2")
    await second.submits()
    await second.reads_cart()
    await first.call("PUT", f"{cart}/lines/mug", json={"quantity": 2})
    await first.uses("FULL")
    await ana.call("GET", f"/orders/{first.order['id']}")
    await ana.call("POST", f"/orders/{first.order['id']}/refunds", json={}, headers={"Idempotency-Key": "r"})
    await shop.call("POST", f"/orders/{first.order['id']}/refunds", json={}, headers=shop.staff())
    await shop.call("GET", f"/orders/{NOBODY}", headers=shop.staff())
    await shop.call("POST", "/products", json={"title": ""}, headers=shop.staff())
    await shop.call("POST", "/products", json={"title": "x"}, headers=ana.headers)
    await shop.call("POST", "/variants/mug/stock", json={"delta": -99, "reason": "loss"}, headers=shop.staff())
    await shop.call("GET", f"/products/{NOBODY}")
    await shop.call("GET", "/products?limit=0&cursor=x")
    await shop.call("POST", "/sessions", json={"email": "ana@example.com", "password": PASSWORD + "!"})
    await shop.call("POST", "/users", json={"email": "no address", "password": "short"})
    await shop.call("GET", "/users/me")
    await shop.call("GET", "/users/me", headers={"Authorization": "Bearer forged"})
    await shop.call("POST", "/orders", content=b"{", headers={"Content-Type": "application/json", "Idempotency-Key": "k"})
    await shop.call("PATCH", "/orders", json={})
    await shop.call("POST", "/payments/stripe/webhook", json={}, headers={"Stripe-Signature": "t=1,v1=forged"})


STORIES = {"well": everything_goes_well, "wrong": everything_goes_wrong}


async def told(topology: str, folder: Path, url: str, story: Any) -> list[str]:
    """Give the exchanges of a story in a topology."""
    async with recorded(topology, folder, url) as (shop, recording):
        await story(shop)
        return recording.exchanges()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_one_and_four_give_the_same_answers(story: Any, sqlite_templates: SqliteTemplates, tmp_path: Path) -> None:
    """In one application, in four applications, and in four real processes."""
    expected = await told("one", new(tmp_path / "one"), sqlite_templates.fresh(), story)
    assert len(expected) > 15
    for topology in ("four_asgi", "four"):
        assert await told(topology, new(tmp_path / topology), sqlite_templates.fresh(), story) == expected, topology


async def test_the_stories_go_where_they_should(sqlite_templates: SqliteTemplates, tmp_path: Path) -> None:
    """One meets no refusal, the other meets every kind of it."""
    well = await told("one", new(tmp_path / "well"), sqlite_templates.fresh(), everything_goes_well)
    wrong = await told("one", new(tmp_path / "wrong"), sqlite_templates.fresh(), everything_goes_wrong)
    assert {exchange.splitlines()[1][0] for exchange in well} == {"2"}
    assert {exchange.splitlines()[1] for exchange in wrong} >= {"400", "401", "403", "404", "405", "409", "422"}


def said(body: Any) -> httpx.Response:
    """Make an answer to a POST."""
    return httpx.Response(200, json=body, request=httpx.Request("POST", "http://shop/x"))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ([{"cart": 1, "order": 2}], [{"cart": 1, "order": 1}]),
        ([{"order": 1}, {"order": 1}], [{"order": 1}, {"order": 2}]),
        ([{"total": 100}], [{"total": 101}]),
        ([{"at": None}], [{}]),
    ],
    ids=["another's id", "a new id for the same thing", "a figure", "a field that is missing"],
)
async def test_a_difference_is_found(here: list[Any], there: list[Any]) -> None:
    """Also where only the reference is wrong; different ids in the same places are no difference."""

    async def heard(bodies: list[Any], offset: int) -> list[str]:
        recording = Recording()
        for body in bodies:
            ids = {name: f"01a20c7c-2ab2-7b6f-9c58-{value + offset:012d}" if name in ("cart", "order") else value for name, value in body.items()}
            await recording.hear(said(ids))
        return recording.exchanges()

    assert await heard(here, 0) == await heard(here, 50)
    assert await heard(here, 0) != await heard(there, 50)
