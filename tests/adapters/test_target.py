"""Calls go to an instance that answers, at most twice, and never pile up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import httpx
import pytest
from tests.adapters.echoes import Echo, Echoes
from tests.support.remote import SECRET

from shop.adapters import feign
from shop.adapters.balancer import Balancer, Instance
from shop.adapters.breaker import Breaker, CircuitOpen, NotTried
from shop.adapters.http_client import http_client
from shop.adapters.target import IN_FLIGHT, Target
from shop.kit.deadline import deadline, is_retry
from shop.kit.problems import Unavailable
from shop.kit.service_tokens import ServiceTokens

ID = UUID(int=7)
FINE = httpx.Response(200, json={"words": ["a"]})
Answer = Callable[[httpx.Request], httpx.Response]


def down(request: httpx.Request) -> httpx.Response:
    """Answer 503."""
    return httpx.Response(503, json={"code": "unavailable", "detail": "no"})


def refused(request: httpx.Request) -> httpx.Response:
    """Refuse the connection."""
    raise httpx.ConnectError("refused", request=request)


def cut(request: httpx.Request) -> httpx.Response:
    """Break the connection after the request was read."""
    raise httpx.ReadError("reset", request=request)


def fine(request: httpx.Request) -> httpx.Response:
    """Answer."""
    return FINE


class Instances:
    """Two instances, a and b, that answer as they are told."""

    def __init__(self) -> None:
        """Both are fine."""
        self.answers: dict[str, Answer] = {"a": fine, "b": fine}
        self.asked: Counter[str] = Counter()
        self.attempts: list[str] = []
        self.known = [Instance("http://a"), Instance("http://b")]
        self.client = http_client(httpx.MockTransport(self._respond))
        self.breaker = Breaker("echoes")
        self.port = self.reached()

    def reached(self) -> Echoes:
        """Give the port over a new target."""
        balancer = Balancer("echoes", lambda: self.known)
        return feign.client(Echoes, Target(balancer, self.breaker, ServiceTokens(SECRET), self.client))

    async def say(self) -> Echo:
        """Call once."""
        return await self.port.say(id=ID, words=["a"])

    async def fails(self) -> Unavailable:
        """Call once, in vain."""
        with pytest.raises(Unavailable) as caught:
            await self.say()
        return caught.value

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.host] += 1
        self.attempts.append(request.headers["X-Internal-Attempt"])
        return self.answers[request.url.host](request)


@pytest.fixture
async def instances() -> AsyncIterator[Instances]:
    """Give two instances."""
    made = Instances()
    yield made
    await made.client.aclose()


async def test_instances_take_turns(instances: Instances) -> None:
    """Each gets half of the calls."""
    for _ in range(20):
        await instances.say()
    assert instances.asked == {"a": 10, "b": 10}


async def test_a_refused_connection_goes_to_the_next_instance_at_once(instances: Instances) -> None:
    """Nothing was sent, so no budget is needed; then the instance is left alone for a while."""
    instances.answers["a"] = refused
    for _ in range(20):
        await instances.say()
    assert instances.asked["a"] == 1
    assert instances.attempts.count("2") == 1


async def test_a_failure_is_tried_again_within_the_budget(instances: Instances) -> None:
    """One in ten: a service that answers 503 gets at most 1.1 times the calls."""
    for _ in range(20):
        await instances.say()
    instances.answers["a"] = cut
    failed = 0
    for _ in range(4):
        try:
            await instances.say()
        except Unavailable:
            failed += 1
    assert (failed, instances.attempts.count("2")) == (0, 2)
    instances.answers["b"] = down
    await instances.fails()
    assert instances.attempts[-1] == "1"
    assert sum(instances.asked.values()) <= 25 * 1.1


async def test_the_second_try_goes_to_another_instance(instances: Instances) -> None:
    """And an answer is an answer."""
    for _ in range(10):
        await instances.say()
    instances.answers["a"] = down
    before = instances.asked["b"]
    for _ in range(2):
        await instances.say()
    assert instances.asked["b"] == before + 2


async def test_what_was_a_second_try_already_is_not_tried_again(instances: Instances) -> None:
    """Otherwise each hop would double the calls."""
    for _ in range(20):
        await instances.say()
    instances.answers["a"] = instances.answers["b"] = down
    token = is_retry.set(True)
    before = sum(instances.asked.values())
    await instances.fails()
    is_retry.reset(token)
    assert sum(instances.asked.values()) == before + 1


async def test_the_circuit_opens_and_then_nothing_is_sent(instances: Instances) -> None:
    """After five failures in a row; the refusal says when to come back, and looks like Unavailable from outside."""
    instances.answers["a"] = instances.answers["b"] = down
    for _ in range(5):
        await instances.fails()
    before = sum(instances.asked.values())
    refusal = await instances.fails()
    assert isinstance(refusal, CircuitOpen)
    assert (refusal.members()["code"], refusal.members()["title"]) == (Unavailable.code, Unavailable.title)
    assert 3.9 < (refusal.retry_after or 0) <= 6
    assert sum(instances.asked.values()) == before


async def test_no_instance_is_nobodys_failure(instances: Instances) -> None:
    """As soon as one is known calls go there."""
    known, instances.known = instances.known, []
    for _ in range(10):
        assert isinstance(await instances.fails(), NotTried)
    instances.known = known
    assert await instances.say() == Echo(["a"])


async def test_more_calls_than_slots_wait_and_are_refused(instances: Instances) -> None:
    """A stuck module holds so many calls and no more; those that never got a slot are not its failures."""
    free = asyncio.Event()
    waiting = 0

    async def stuck(request: httpx.Request) -> httpx.Response:
        nonlocal waiting
        waiting += 1
        await free.wait()
        return FINE

    async with http_client(httpx.MockTransport(stuck)) as client:
        target = Target(Balancer("echoes", lambda: instances.known), Breaker("echoes"), ServiceTokens(SECRET), client)
        port = feign.client(Echoes, target)
        calls = [asyncio.create_task(port.say(id=ID, words=["a"])) for _ in range(IN_FLIGHT)]
        with deadline(0.2):
            calls += [asyncio.create_task(port.say(id=ID, words=["a"])) for _ in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert waiting == IN_FLIGHT
        assert Counter(type(result) for result in results) == {Unavailable: IN_FLIGHT, NotTried: 5}
        free.set()
