"""A repeated request gets the first answer, and its effect happens once."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar.exceptions import LitestarException
from tests.edge.sample import METADATA, SampleStore, Shop, SoldOut, assert_problem, bearer, running, sample_app
from tests.edge.test_bodies import scope_of

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.http.idempotent import scope_of as key_scope
from shop.kit.identity import Caller
from shop.kit.problems import Unavailable

URL = "/api/v1/sales"
KEY = {"Idempotency-Key": "k1"}


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncGenerator[Shop]:
    """Give the sample module on each database."""
    async with running(sample_app(database_url, (Clock, clock))) as shop:
        yield shop


async def stored(shop: Shop) -> list[Any]:
    """Give the rows of idempotency keys."""
    database = await shop.app.state.dishka_container.get(Database[SampleStore], component="sample")
    async with database.read() as store:
        return list(await store.rows(sa.select(METADATA.tables["idempotency_keys"])))


async def test_a_repeated_request_gets_the_first_answer(shop: Shop) -> None:
    """Byte for byte, with its Location and its secret, marked as a replay; nothing happens again."""
    first = await shop.client.post(URL, json={"title": "a", "note": "b"}, headers=KEY)
    again = await shop.client.post(URL, content=b'{ "note":"b",\n"title" : "\\u0061" }', headers={**KEY, "Content-Type": "application/json"})
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (shop.ledger.calls, shop.ledger.sold) == (1, 1)


async def test_secrets_are_not_kept(shop: Shop) -> None:
    """They are derived for the replay."""
    answer = (await shop.client.post(URL, headers={**KEY, "X-Cart-Token": "a guest's token"})).json()
    assert answer["secret"] == f"token of {answer['id']}"
    (row,) = await stored(shop)
    assert b"token of" not in row.body
    assert "a guest's token" not in row.scope
    assert row.subject == UUID(answer["id"])


async def test_without_a_key_everything_happens_again(shop: Shop) -> None:
    """Where it is not required."""
    for _ in range(2):
        assert (await shop.client.post(URL)).status_code == 201
    assert shop.ledger.sold == 2
    assert await stored(shop) == []


async def test_another_body_under_the_same_key_is_422(shop: Shop) -> None:
    """And changes nothing."""
    await shop.client.post(URL, json={"title": "a"}, headers=KEY)
    assert_problem(await shop.client.post(URL, json={"title": "b"}, headers=KEY), 422, "idempotency_key_reused")
    assert shop.ledger.sold == 1


async def test_keys_of_other_callers_routes_and_ids_are_other_keys(shop: Shop) -> None:
    """The scope is the concrete path and the caller; a guest is known by the cart's token."""
    for headers in ({}, {"X-Cart-Token": "a"}, {"X-Cart-Token": "b"}, bearer("buyer"), bearer("other")):
        assert (await shop.client.post(URL, headers={**KEY, **headers})).status_code == 201
    for _ in range(2):
        assert (await shop.client.post(f"{URL}/{uuid4()}/refunds", headers={**KEY, **bearer("staff")})).status_code == 201
    assert shop.ledger.sold == 7


async def test_a_missing_key_is_400_where_it_is_required(shop: Shop) -> None:
    """The header is named; nothing happens."""
    document = assert_problem(await shop.client.post(f"{URL}/{uuid4()}/refunds", headers=bearer("staff")), 400, "invalid")
    assert document["errors"] == [{"field": "Idempotency-Key", "message": "is missing"}]
    assert shop.ledger.calls == 0


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", 256 * "k", "a\tb"])
async def test_a_malformed_key_is_400(shop: Shop, key: str) -> None:
    """1 to 255 visible ASCII characters."""
    document = assert_problem(await shop.client.post(URL, headers=httpx.Headers({"Idempotency-Key": key}, encoding="latin-1")), 400, "invalid")
    assert [error["field"] for error in document["errors"]] == ["Idempotency-Key"]
    assert shop.ledger.calls == 0


async def test_the_longest_key_is_taken(shop: Shop) -> None:
    """255 characters, any visible ones."""
    key = ("!~" + '"\\' + 251 * "k")[:255]
    assert (await shop.client.post(URL, headers={"Idempotency-Key": key})).status_code == 201
    assert (await shop.client.post(URL, headers={"Idempotency-Key": key})).headers["idempotent-replayed"] == "true"


async def test_a_conflict_is_kept(shop: Shop) -> None:
    """The same refusal comes again, although by now it might work."""
    shop.ledger.fail_before.append(SoldOut("no mugs", sku="mug"))
    first = await shop.client.post(URL, headers=KEY)
    again = await shop.client.post(URL, headers=KEY)
    assert_problem(first, 409, "sold_out")
    assert again.content == first.content
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("failure, status", [(Unavailable(), 503), (RuntimeError(), 500)])
async def test_after_a_failure_the_same_key_may_try_again(shop: Shop, failure: Exception, status: int) -> None:
    """Nothing was done, so nothing is kept."""
    shop.ledger.fail_before.append(failure)
    assert (await shop.client.post(URL, headers=KEY)).status_code == status
    answer = await shop.client.post(URL, headers=KEY)
    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers
    assert shop.ledger.sold == 1


async def test_after_a_failure_behind_the_effect_the_same_key_goes_on_with_it(shop: Shop) -> None:
    """The effect happened; the second try gives what the first one made."""
    shop.ledger.fail_after.append(Unavailable())
    assert (await shop.client.post(URL, headers=KEY)).status_code == 503
    (row,) = await stored(shop)
    answer = await shop.client.post(URL, headers=KEY)
    assert answer.status_code == 201
    assert answer.json()["id"] == str(row.subject)
    assert shop.ledger.sold == 1


async def test_an_invalid_body_is_not_kept(shop: Shop) -> None:
    """The key is free for the corrected request."""
    assert_problem(await shop.client.post(URL, json={"unknown": 1}, headers=KEY), 400, "invalid")
    assert (await shop.client.post(URL, json={}, headers=KEY)).status_code == 201


async def test_a_request_in_flight_makes_the_second_wait(shop: Shop) -> None:
    """409 with Retry-After until the first one is answered."""
    shop.ledger.gate = asyncio.Event()
    first = asyncio.create_task(shop.client.post(URL, headers=KEY))
    await shop.ledger.reached.wait()
    assert_problem(await shop.client.post(URL, headers=KEY), 409, "idempotency_key_in_use")
    shop.ledger.gate.set()
    assert (await first).status_code == 201
    assert (await shop.client.post(URL, headers=KEY)).content == (await first).content
    assert shop.ledger.sold == 1


async def test_twenty_at_once_sell_once(shop: Shop) -> None:
    """Whoever loses is told to wait, or gets the first answer."""
    answers = await asyncio.gather(*(shop.client.post(URL, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert shop.ledger.sold == 1


async def test_a_request_that_is_broken_off_lets_the_key_go(shop: Shop) -> None:
    """The task is cancelled in the middle: the next try goes on at once, with the effect that was made."""
    shop.ledger.gate = asyncio.Event()
    broken = asyncio.create_task(shop.client.post(URL, headers=KEY))
    await shop.ledger.reached.wait()
    broken.cancel()
    with pytest.raises(asyncio.CancelledError):
        await broken
    shop.ledger.gate = None
    assert (await shop.client.post(URL, headers=KEY)).status_code == 201
    assert shop.ledger.sold == 1


async def test_an_answer_that_nobody_could_receive_is_kept(shop: Shop) -> None:
    """The client went away while it was answered; its next try gets the answer."""
    request = httpx.Request("POST", f"http://shop.test{URL}", headers=KEY)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        raise OSError("the connection is gone")

    with pytest.raises(LitestarException):
        await shop.app(scope_of(request), receive, send)
    answer = await shop.client.post(URL, headers=KEY)
    assert answer.headers["idempotent-replayed"] == "true"
    assert shop.ledger.sold == 1


async def test_a_key_is_forgotten_after_a_day(shop: Shop, clock: Clock) -> None:
    """From then on it is a new one."""
    await shop.client.post(URL, headers=KEY)
    clock.advance(timedelta(hours=24, seconds=1))
    assert "idempotent-replayed" not in (await shop.client.post(URL, headers=KEY)).headers
    assert shop.ledger.sold == 2


def test_a_scope_always_fits_its_column() -> None:
    """However long the path is."""
    short, long = key_scope("POST", "/a", Caller()), key_scope("POST", "/" + 5000 * "a", Caller())
    assert short.startswith("POST /a guest:")
    assert len(long) <= 400
    assert long != key_scope("POST", "/" + 5001 * "a", Caller())
