"""People buy while the calls between the services break in every way; the books agree, and every order comes to an end."""

import asyncio
import re

import pytest
from tests.faults.four import Four
from tests.faults.rows import ENDPOINTS
from tests.support.faults import Mode
from tests.support.shop import Buyer, Shop, euros, eventually

from shop.kit.ids import uuid7
from shop.kit.port import Endpoint

TIMES = 1  # that each call of each port is broken
ABOUT_PEOPLE = (".records", ".erase")  # what is held about a customer, which no purchase asks for
CALLED = {name: endpoint for name, endpoint in ENDPOINTS.items() if not name.endswith(ABOUT_PEOPLE)}
pytestmark = pytest.mark.asyncio(loop_scope="session")


def calls_of(endpoint: Endpoint) -> str:
    """Give the pattern of a port method's calls, as a proxy sees them."""
    path = re.sub(r"\{\w+\}", "[^/?]+", endpoint.path)
    return rf"{endpoint.verb} /internal/{endpoint.module}{path}(\?|$)"


async def orders(buyer: Buyer, sku: str) -> None:
    """Fill a cart and order it, again under the same key until it is accepted."""
    await buyer.fills(**{sku: 2})
    key = str(uuid7())

    async def accepted() -> bool:
        answer = await buyer.submits(key)
        assert answer.status_code in (201, 503), answer.text
        return answer.status_code == 201

    await eventually(accepted, 60)


async def buys(buyer: Buyer, sku: str) -> None:
    """Order, pay, and wait for the confirmation."""
    await orders(buyer, sku)
    assert (await buyer.pays()).status_code == 200
    await buyer.sees("confirmed", seconds=60)


async def changes_their_mind(buyer: Buyer, sku: str) -> None:
    """Order, and cancel."""
    await orders(buyer, sku)
    answer = await buyer.call("POST", f"/orders/{buyer.order['id']}/cancel")
    assert answer.status_code == 200, answer.text
    await buyer.sees("cancelled", seconds=60)


async def sends_it_back(buyer: Buyer, sku: str) -> None:
    """Buy, and get the money for one piece back as it comes back."""
    await buys(buyer, sku)
    body = {"amount": euros(1000), "reason": "requested_by_customer", "restock": [{"sku": sku, "quantity": 1}]}
    headers = buyer.shop.staff() | {"Idempotency-Key": str(uuid7())}
    answer = await buyer.shop.call("POST", f"/orders/{buyer.order['id']}/refunds", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    await buyer.sees("partially_refunded", seconds=60)


async def looks_back(buyer: Buyer, sku: str) -> None:
    """Buy as a customer, and find it in the history."""
    await buys(buyer, sku)

    async def found() -> bool:
        history = await buyer.call("GET", "/users/me/purchases")
        assert history.status_code in (200, 503), history.text
        return history.status_code == 200 and [item["order_id"] for item in history.json()["items"]] == [buyer.order["id"]]

    await eventually(found)


async def people_buy(shop: Shop, sku: str) -> None:
    """Three guests and a customer at once, each with another story; six pieces are sold, and one of them comes back."""
    guests = [shop.guest(f"{sku}-{number}@example.com") for number in range(3)]
    buyers = [*guests, await shop.customer(f"{sku}-ana@example.com")]
    stories = (buys, changes_their_mind, sends_it_back, looks_back)
    await asyncio.gather(*(story(buyer, sku) for story, buyer in zip(stories, buyers, strict=True)))


async def has_all_but_five(shop: Shop, sku: str) -> bool:
    """Tell whether of a hundred pieces six were sold and one came back."""
    return await shop.shelf(sku) == (95, 0, 95)


@pytest.mark.parametrize("mode", Mode)
async def test_checkouts_survive_every_broken_call(four: Four, mode: Mode) -> None:
    """The first call of every port method breaks in this way: everybody gets what they wanted all the same, once, and the books agree."""
    shop, sku = four.shop, f"in-{mode.name.lower().replace('_', '-')}"
    await shop.product(sku, stock=100)
    before = {module: len(proxy.seen) for module, proxy in four.proxies.items()}
    for endpoint in CALLED.values():
        four.proxies[endpoint.module].breaks(mode, calls_of(endpoint), TIMES)
    await people_buy(shop, sku)
    await eventually(lambda: has_all_but_five(shop, sku), 60)
    broken = {
        name
        for name, endpoint in CALLED.items()
        for seen in four.proxies[endpoint.module].seen[before[endpoint.module] :]
        if seen.broken and re.match(calls_of(endpoint), seen.call)
    }
    assert broken == set(CALLED)
    await four.heals()
    await four.ends()
