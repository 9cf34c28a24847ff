"""A module in another process is called as if it were here, and a caller learns no more than the port declares."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.adapters.echoes import Echo, Echoes, Module, Taken
from tests.support.remote import SECRET, Network, serves, target

from shop.adapters import feign
from shop.adapters.http_client import http_client
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.deadline import deadline, is_retry
from shop.kit.http import context
from shop.kit.problems import Unavailable
from shop.kit.secret import Secret
from shop.kit.service_tokens import ServiceTokens
from shop.kit.transactions import TransactionOpen

ID = UUID(int=7)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Far:
    """The module, its application, and the port as a caller has it."""

    def __init__(self, client: httpx.AsyncClient, network: Network, module: Module) -> None:
        """All speak of the same one."""
        self.client, self.network, self.module = client, network, module
        self.port = feign.client(Echoes, target("echoes", client, "http://echoes"))

    async def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send a request past the port; with a good token unless another one is given."""
        shown = ServiceTokens(SECRET).issue("echoes") if token is None else token
        headers = {"Authorization": f"Bearer {shown}"} | options.pop("headers", {})
        return await self.client.request(method, f"http://echoes/internal/echoes{path}", headers=headers, **options)


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    """Give the module at the other end of a wire."""
    module = Module()
    network = Network({"echoes": serves(Echoes, module.adapter)})
    async with http_client(network) as client:
        yield Far(client, network, module)


async def test_a_call_gives_what_the_module_gives(far: Far) -> None:
    """Arguments travel in path, query and body, with their defaults; None comes back as None."""
    assert await far.port.say(id=ID, words=["a", "ü"], times=2) == Echo(["a", "ü", "a", "ü"])
    assert await far.port.heard(sku="mug.1", loud=True, since="x&y=/?#") == [Echo(["mug.1", "True", "20", "'x&y=/?#'"])]
    assert await far.port.heard(sku="mug", loud=False, limit=3) == [Echo(["mug", "False", "3", "None"])]
    assert await far.port.hush(id=ID) is None  # type: ignore[func-returns-value]
    assert far.module.calls[-1] == ("hush",)


async def test_a_declared_problem_arrives_as_itself(far: Far) -> None:
    """Class, detail, extra members and Retry-After come over."""
    with pytest.raises(Taken) as caught:
        await far.port.say(id=ID, words=["taken"])
    problem = caught.value
    assert (problem.detail, problem.retry_after) == ("by another", 3.0)
    assert problem.extra == {"by": str(ID), "lines": [{"words": ["x"]}]}


@pytest.mark.parametrize("word", ["missing", "bug", "slow", "much"])
async def test_everything_else_is_unavailable(far: Far, word: str) -> None:
    """An undeclared problem, a bug, a timeout and an answer beyond all measure mean that the outcome is unknown."""
    with pytest.raises(Unavailable):
        await far.port.say(id=ID, words=[word])


async def test_an_unavailable_module_says_when_to_come_back(far: Far) -> None:
    """Its Retry-After comes over."""
    with pytest.raises(Unavailable) as caught:
        await far.port.say(id=ID, words=["down"])
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("answer", [(200, b"no json"), (200, b'{"words": [1]}'), (204, b""), (302, b""), (404, b"<a>"), (409, b'{"code": "other"}'),
                                    (409, b'{"code": "taken", "errors": 1}'), (500, b'{"code": "taken"}'), (200, b"")])  # fmt: skip
async def test_an_answer_of_somebody_else_is_unavailable(answer: tuple[int, bytes]) -> None:
    """A proxy's page, another version's result: nobody crashes over it, and nobody believes it."""

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(answer[0], content=answer[1])

    async with http_client(httpx.MockTransport(respond)) as client:
        port = feign.client(Echoes, target("echoes", client, "http://echoes"))
        with pytest.raises(Unavailable):
            await port.say(id=ID, words=["a"])


async def test_request_id_and_trace_are_passed_on(far: Far) -> None:
    """The other process logs under the same names."""
    tokens = context.request_id.set("abc"), context.traceparent.set(TRACE)
    await far.port.say(id=ID, words=["a"])
    context.request_id.reset(tokens[0])
    context.traceparent.reset(tokens[1])
    assert (far.module.seen["request_id"], far.module.seen["traceparent"]) == ("abc", TRACE)


async def test_the_callee_gives_up_before_the_caller_does(far: Far) -> None:
    """It gets what is left of the caller's time, and takes a little less for itself."""
    with deadline(0.3):
        await far.port.say(id=ID, words=["a"])
    assert isinstance(left := far.module.seen["remaining"], float)
    assert 0.05 < left < 0.25
    await far.port.say(id=ID, words=["a"])
    assert isinstance(left := far.module.seen["remaining"], float)
    assert 0.3 < left < 0.5


async def test_without_time_nothing_is_sent(far: Far) -> None:
    """And the module is not blamed."""
    with deadline(0.04), pytest.raises(Unavailable):
        await far.port.say(id=ID, words=["a"])
    assert far.network.sent == []


async def test_a_second_try_says_so(far: Far) -> None:
    """So that nobody further on tries again."""
    await far.port.say(id=ID, words=["a"])
    assert far.module.seen["is_retry"] is False
    token = is_retry.set(True)
    await far.port.say(id=ID, words=["a"])
    is_retry.reset(token)
    assert far.module.seen["is_retry"] is True


async def test_no_call_inside_a_transaction(far: Far, database_url: str, clock: Clock) -> None:
    """A caller with an open transaction is refused."""
    database = Database(database_url, "cart", Store, clock)
    async with database.write():
        with pytest.raises(TransactionOpen, match=r"Echoes\.say"):
            await far.port.say(id=ID, words=[])
    await database.dispose()


@pytest.mark.parametrize("body", ['{"words": [1]}', '{"words": "a"}', "{}", '{"words": [], "words": []}', '{"words": ["\\u0000"]}', "[]", "",
                                  '{"words": [], "times": 0}', '{"words": [], "times": "1"}'])  # fmt: skip
async def test_bad_input_is_400(far: Far, body: str) -> None:
    """As strictly as at the edge; the module never sees it."""
    answer = await far.ask("PUT", f"/echoes/{ID}", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert far.module.calls == []


@pytest.mark.parametrize(
    "path", ["/shelves/mug/echoes", "/shelves/mug/echoes?loud=x", "/shelves/mug/echoes?loud=true&limit=x", "/shelves/-/echoes?loud=true"]
)
async def test_bad_parameters_are_400(far: Far, path: str) -> None:
    """Also those limits that Litestar overlooks."""
    assert (await far.ask("GET", path)).status_code == 400


async def test_a_field_of_a_newer_caller_is_ignored(far: Far) -> None:
    """Containers are upgraded one at a time."""
    answer = await far.ask("PUT", f"/echoes/{ID}", json={"words": ["a"], "louder": True})
    assert (answer.status_code, answer.json()) == (200, {"words": ["a"]})


async def test_only_processes_of_the_shop_are_let_in(far: Far) -> None:
    """Not without a token, nor with one for another module, of another secret, or out of its time."""
    now = [0.0]
    old = ServiceTokens(SECRET, lambda: now[0]).issue("echoes")
    other = ServiceTokens(Secret("another secret that is long enough, too")).issue("echoes")
    for token in ("", "x", ServiceTokens(SECRET).issue("products"), other, old):
        answer = await far.ask("PUT", f"/silences/{ID}", token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), token
    assert (await far.client.put(f"http://echoes/internal/echoes/silences/{ID}")).status_code == 401
    assert far.module.calls == []


async def test_a_caller_who_went_away_frees_the_wire(far: Far) -> None:
    """A cancelled call counts for nothing and leaves its slot."""
    for _ in range(40):
        call = asyncio.create_task(far.port.say(id=ID, words=["slow"]))
        await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await far.port.say(id=ID, words=["a"]) == Echo(["a"])
