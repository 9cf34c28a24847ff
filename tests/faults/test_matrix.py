"""With every single service away in turn, each public call answers as docs/degradation.md says, within its time."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.faults.document import written
from tests.faults.four import Four
from tests.faults.matrix import CALLS, WAYS, Observed, observe
from tests.faults.rows import ROWS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/degradation.md"
GATEWAY = (ROOT / "deploy/spring/gateway/src/main/resources/application.yml").read_text()
MARGIN = 1.0  # seconds above a port's time limit, for the services' own work on a busy machine
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def observed(processes: Four) -> Observed:
    """Give all answers; everything is well again afterwards."""
    return await observe(processes)


async def test_every_public_call_has_a_row() -> None:
    """A new route needs one; a row whose route is gone must go."""
    document: dict[str, Any] = json.loads((ROOT / "src/shop/openapi.json").read_text())
    calls = {f"{method.upper()} {path}": operation["tags"][0] for path, methods in document["paths"].items() for method, operation in methods.items()}
    assert {row.call: module for module, rows in ROWS.items() for row in rows} == calls


async def test_each_call_is_answered_well_when_all_are_there(observed: Observed) -> None:
    """Otherwise the rows would show nothing."""
    assert set(observed.well) == set(CALLS)
    assert {name: answer for name, answer in observed.well.items() if answer.status not in (200, 201, 202, 204)} == {}


async def test_the_document_says_what_is_answered(observed: Observed) -> None:
    """SHOP_TEST_RECORD=1 writes it anew."""
    text = written(observed)
    if os.environ.get("SHOP_TEST_RECORD"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text


async def test_every_call_answers_in_its_time(observed: Observed) -> None:
    """Who must wait for a port waits as long as the port says, the others no longer than the gateway waits."""
    late = {}
    for (away, mode), answers in observed.away.items():
        for name, answer in answers.items():
            waits = CALLS[name].seconds(away)
            if answer.seconds > (waits + MARGIN if waits else patience(CALLS[name].call)):
                late[name, away, mode] = answer.seconds
    assert late == {}


async def test_the_gateway_waits_longer_than_the_services() -> None:
    """Otherwise its 504 would hide their answers."""
    assert {row.name for row in CALLS.values() for away in row.waits if row.seconds(away) >= patience(row.call)} == set()


def patience(call: str) -> float:
    """Give how many seconds the gateway waits for the answer to a call."""
    verb, _, path = call.partition(" ")
    payments = re.search(r"Method=(\w+)\s+- Path=(\S*/refunds)\s+metadata: {response-timeout: (\d+)}", GATEWAY)
    others = re.search(r"response-timeout: (\d+)s", GATEWAY)
    assert payments
    assert others
    slow = verb == payments[1] and path.replace("{order_id}", "{id}") in payments[2].split(",")
    return float(payments[3]) / 1000 if slow else float(others[1])


async def test_what_cannot_be_answered_is_refused_and_nothing_is_invented(observed: Observed) -> None:
    """Each answer is that of a healthy shop, or 503 with Retry-After."""
    for (away, mode), answers in observed.away.items():
        for name, answer in answers.items():
            where = name, away, mode, answer
            if answer.status == 503:
                assert answer.body["code"] == "unavailable", where
                assert answer.retry_after is not None, where
                assert answer.retry_after >= 1, where
            else:
                assert answer.status == observed.well[name].status, where


async def test_a_stale_cart_is_the_last_quote(observed: Observed) -> None:
    """It says that it is stale; its lines have the titles and prices that products said last, and add up."""
    (known,) = observed.well["`GET /api/v1/carts/{cart_id}`"].body["lines"]
    carts = [answer.body for answers in observed.away.values() for answer in answers.values() if answer.body and answer.body.get("stale")]
    assert len(carts) >= 5 * len(WAYS)
    for cart in carts:
        assert [(line["title"], line["unit_price"], line["available"] > 0) for line in cart["lines"]] == [(known["title"], known["unit_price"], True)]
        assert cart["subtotal"]["amount"] == sum(line["quantity"] for line in cart["lines"]) * known["unit_price"]["amount"] > 0


async def test_an_order_that_was_refused_goes_on_under_its_key(observed: Observed) -> None:
    """After a 503 the same request makes the order."""
    assert observed.afterwards
    assert set(observed.afterwards) == {201}


async def test_everything_ends(observed: Observed, four: Four) -> None:
    """Nothing is left over from all that was refused or given up: the books of all services agree."""
    await four.ends()
