"""A service that died is not waited for, and used again soon after it is back."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
from tests.faults.four import Four
from tests.support.faults import Mode
from tests.support.remote import SECRET
from tests.support.shop import Buyer, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_CALLS = 20  # until a circuit opens
NO_WAIT = 0.1  # seconds that an open circuit takes to refuse: a tenth of what anybody waits for a service
BACK = 6.0  # seconds until a service that is back is used again


async def adds(four: Four, guest: Buyer) -> tuple[httpx.Response, float]:
    """Put a piece into the cart, for which products must answer; give the answer and the seconds that it took."""
    started = time.perf_counter()
    answer = await four.call("cart", "POST", f"/api/v1/carts/{guest.cart['id']}/lines", json={"sku": "cup", "quantity": 1}, headers=guest.headers)
    return answer, time.perf_counter() - started


async def opens_the_circuit(four: Four, guest: Buyer) -> None:
    """Call, four at a time, until the circuit is open, and at most as often as the issue allows."""
    calls = 0
    while await four.circuits("cart") != {"products": "OPEN"}:
        assert calls < MOST_CALLS
        answers = await asyncio.gather(*(adds(four, guest) for _ in range(4)))
        calls += len(answers)
        assert {answer.status_code for answer, _ in answers} == {503}


async def is_refused_at_once(four: Four, guest: Buyer) -> None:
    """Twenty more calls are 503 with Retry-After, at once, and products hears of none of them."""
    heard = len(four.proxies["products"].seen)
    refusals = [await adds(four, guest) for _ in range(20)]
    for answer, _ in refusals:
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert 1 <= int(answer.headers["Retry-After"]) <= BACK
    assert statistics.median(seconds for _, seconds in refusals) < NO_WAIT
    assert len(four.proxies["products"].seen) == heard


async def seconds_until_used(four: Four, guest: Buyer) -> float:
    """Call until products is used again; give the seconds."""
    started = time.perf_counter()

    async def used() -> bool:
        return (await adds(four, guest))[0].status_code == 200

    await eventually(used)
    return time.perf_counter() - started


async def test_a_service_that_stands_still_is_left_alone(four: Four) -> None:
    """The circuit opens, as health and `shop topology` tell; then the answer is 503 in milliseconds, until the service goes on."""
    await four.shop.product("cup", stock=100)
    guest = await four.shop.guest().fills()
    four.processes["products"].freeze()
    try:
        await opens_the_circuit(four, guest)
        await is_refused_at_once(four, guest)
        topology = await asyncio.to_thread(topology_of, four)
        assert topology["cart"] == {"products": "OPEN"}
    finally:
        four.processes["products"].thaw()
    assert await seconds_until_used(four, guest) < BACK
    assert await four.circuits("cart") == {"products": "CLOSED"}


@pytest.mark.parametrize("mode", [Mode.REFUSED, Mode.FAILING])
async def test_a_service_that_fails_is_left_alone(four: Four, mode: Mode) -> None:
    """However it fails: the circuit opens, refuses at once, and closes when the service is back."""
    guest = await four.shop.guest().fills()
    four.proxies["products"].breaks(mode)
    await opens_the_circuit(four, guest)
    await is_refused_at_once(four, guest)
    await four.proxies["products"].heals()
    assert await seconds_until_used(four, guest) < BACK


def topology_of(four: Four) -> dict[str, Any]:
    """Give the circuits by module, as `shop topology` shows them."""
    environment = {f"SHOP_PEERS_{module.upper()}_URL": process.url for module, process in four.processes.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    environment |= {"SHOP_MODULES": "products", "SHOP_INTERNAL_SECRET": SECRET.reveal()}
    command = [sys.executable, "-m", "shop", "topology", "--json"]
    shown = subprocess.run(command, env=inherited | environment, capture_output=True, text=True, check=True)
    return {place["module"]: place["instances"][0]["circuits"] for place in json.loads(shown.stdout)}
