"""A service that fails is not buried under second tries."""

import asyncio

import pytest
from tests.faults.four import Four
from tests.support.faults import Mode, Seen
from tests.support.shop import Buyer

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST = 1.1  # requests per call
CALLS = 200
LOOKUPS = "POST /internal/products/variants/lookup"


async def reads(four: Four, guest: Buyer, calls: int, *, every: int) -> list[Seen]:
    """Read a cart so often, one call after another, while products fails each time that so many have come; give the requests that products got."""
    products = four.proxies["products"]
    before = len(products.seen)
    for number in range(calls):
        if number % every == 0:
            await products.heals()
            products.breaks(Mode.FAILING, LOOKUPS, times=1)
        answer = await four.call("cart", "GET", f"/api/v1/carts/{guest.cart['id']}", headers=guest.headers)
        assert answer.status_code == 200, answer.text
    return products.seen[before:]


async def test_a_service_that_fails_now_and_then_gets_few_second_tries(four: Four) -> None:
    """One call in four fails, too few for the circuit to open: products gets at most 1.1 times the calls."""
    await four.shop.product("jug", stock=1)
    guest = await four.shop.guest().fills(jug=1)
    await reads(four, guest, 50, every=2 + 2)  # spends what was saved in better times
    requests = await reads(four, guest, CALLS, every=4)
    assert sum(not request.again for request in requests) == CALLS
    assert sum(request.broken is not None for request in requests) >= CALLS / 4
    assert CALLS < len(requests) <= MOST * CALLS


async def test_a_service_that_always_fails_gets_hardly_any_calls(four: Four) -> None:
    """The circuit opens: of two hundred calls few arrive, second tries and all."""
    await four.shop.product("pot", stock=1)
    guest = await four.shop.guest().fills(pot=1)
    products = four.proxies["products"]
    products.breaks(Mode.FAILING)
    before = len(products.seen)
    answers = await asyncio.gather(*(four.call("cart", "GET", f"/api/v1/carts/{guest.cart['id']}", headers=guest.headers) for _ in range(CALLS)))
    assert {(answer.status_code, answer.json()["stale"]) for answer in answers} == {(200, True)}
    assert len(products.seen) - before <= MOST * CALLS
