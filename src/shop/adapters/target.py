"""Calls to one module in other processes: breaker, bulkhead, at most one retry, then an instance and HTTP."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

import httpx
from msgspec import Struct

from shop.adapters.balancer import Balancer, Instance
from shop.adapters.breaker import Breaker, NotTried
from shop.kit import tracing
from shop.kit.deadline import deadline, is_retry, remaining, time_for
from shop.kit.http import context
from shop.kit.problems import Unavailable
from shop.kit.service_tokens import ServiceTokens

DEADLINE, ATTEMPT = "X-Internal-Deadline", "X-Internal-Attempt"
IN_FLIGHT = 32
LARGEST_ANSWER = 4 * 1024 * 1024
CALLS_PER_RETRY = 10
MOST_RETRIES = 10  # in a row, after a long time of health
BACKOFF = 0.05
T = TypeVar("T")


class NotConnected(Unavailable):
    """The request never left this process. Looks like Unavailable from outside."""

    code, title = Unavailable.code, Unavailable.title


class Call(Struct, frozen=True):
    """A request to a module; `seconds` is what it may take, `path` begins below /internal."""

    verb: str
    path: str
    query: dict[str, str]
    body: bytes | None
    seconds: float


class Budget:
    """Lets one call in ten be tried again, so that a failing module does not get twice the calls."""

    def __init__(self) -> None:
        """Begin with nothing saved."""
        self._saved = 0

    def earn(self) -> None:
        """Note a first try."""
        self._saved = min(self._saved + 1, CALLS_PER_RETRY * MOST_RETRIES)

    def spend(self) -> bool:
        """Take what a retry costs, if it is there."""
        if self._saved < CALLS_PER_RETRY:
            return False
        self._saved -= CALLS_PER_RETRY
        return True


class Target:
    """One module, wherever its instances are."""

    def __init__(self, balancer: Balancer, breaker: Breaker, tokens: ServiceTokens, client: httpx.AsyncClient) -> None:
        """`client` is the process's own and stays open."""
        self.module = balancer.module
        self.breaker = breaker
        self._balancer = balancer
        self._tokens = tokens
        self._client = client
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._budget = Budget()

    async def call(self, call: Call, decode: Callable[[int, bytes], T]) -> T:
        """Give what `decode` makes of status and body; raises its problems, and Unavailable whenever the outcome is unknown."""
        async with self.breaker.guard():
            seconds = time_for(call.seconds)
            if not seconds:
                raise NotTried(f"there is no time left to ask {self.module}")
            with deadline(seconds):
                return await self._in_time(call, decode, seconds)

    async def _in_time(self, call: Call, decode: Callable[[int, bytes], T], seconds: float) -> T:
        has_slot = False
        try:
            async with asyncio.timeout(seconds), self._slots:
                has_slot = True
                return await self._tried(call, decode)
        except TimeoutError as error:
            if has_slot:
                raise Unavailable(f"{self.module} did not answer in {seconds:.2f} s") from error
            raise NotTried(f"more than {IN_FLIGHT} calls to {self.module} are under way") from error

    async def _tried(self, call: Call, decode: Callable[[int, bytes], T]) -> T:
        self._budget.earn()
        first = self._balancer.choose()
        try:
            return decode(*await self._exchange(first, call))
        except Unavailable as failure:
            second = self._second(first, failure)
            if second is None:
                raise
        await asyncio.sleep(random.uniform(0, BACKOFF))  # noqa: S311  jitter
        token = is_retry.set(True)
        try:
            return decode(*await self._exchange(second, call))
        finally:
            is_retry.reset(token)

    def _second(self, first: Instance, failure: Unavailable) -> Instance | None:
        """The instance for a second try, if there may be one: never of a retry, and within the budget unless nothing was sent."""
        if is_retry.get():
            return None
        second = self._balancer.choose([first])
        if isinstance(failure, NotConnected):
            return second if second != first else None
        return second if self._budget.spend() else None

    async def _exchange(self, instance: Instance, call: Call) -> tuple[int, bytes]:
        request = self._client.build_request(
            call.verb, f"{instance.url}/internal{call.path}", params=call.query or None, content=call.body, headers=self._headers(call)
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                return response.status_code, await _body(response)
            finally:
                await response.aclose()
        except httpx.PoolTimeout as error:
            raise NotTried(f"no connection to {self.module} came free") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._balancer.rest(instance)
            raise NotConnected(f"{self.module} cannot be reached") from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            raise Unavailable(f"{self.module} did not answer") from error

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self._tokens.issue(self.module)}",
            "Accept": "application/json",
            DEADLINE: str(int(remaining(call.seconds) * 1000)),
            ATTEMPT: "2" if is_retry.get() else "1",
        }
        passed_on = {"X-Request-Id": context.request_id.get(), "traceparent": tracing.current() or context.traceparent.get() or ""}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return headers | {name: value for name, value in passed_on.items() if value}


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise Unavailable(f"an answer of more than {LARGEST_ANSWER} bytes")
    return bytes(body)
