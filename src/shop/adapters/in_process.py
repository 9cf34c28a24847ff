"""The adapter of a port whose module lives in this process."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec
from typing_extensions import TypeForm

from shop.kit.deadline import deadline, time_for
from shop.kit.port import Endpoint, endpoints
from shop.kit.problems import Problem, Unavailable
from shop.kit.transactions import assert_no_transaction

# Beyond this many calls at once a port gets no faster: further ones wait for their turn, and their time runs from then on.
IN_FLIGHT = 8
LONGEST_WAIT = 30.0
P = TypeVar("P")
Call = Callable[..., Awaitable[Any]]
Opens = Callable[[], AbstractAsyncContextManager[Any]]
log = logging.getLogger("shop.ports")


def adapter(port: TypeForm[P], open_scope: Callable[[], AbstractAsyncContextManager[P]], *, rehearse: bool = False) -> P:
    """Give a port that calls its module in a scope of its own per call; `rehearse` sends all that passes through JSON."""
    turns = Turns()
    methods = {endpoint.name: _method(endpoint, open_scope, turns, rehearse) for endpoint in endpoints(port)}
    name = f"{'Rehearsed' if rehearse else 'InProcess'}{cast(Any, port).__name__}"
    return cast(P, type(name, (), methods)())


class Turns:
    """Lets so many calls to a port run at once."""

    def __init__(self) -> None:
        """Begin with none under way."""
        self._free = asyncio.Semaphore(IN_FLIGHT)

    @asynccontextmanager
    async def take(self, module: str) -> AsyncGenerator[None]:
        """Wait for a turn, as long as the caller may; raises Unavailable."""
        try:
            async with asyncio.timeout(time_for(LONGEST_WAIT)):
                await self._free.acquire()
        except TimeoutError as error:
            raise Unavailable(f"too many calls to {module} are under way") from error
        try:
            yield
        finally:
            self._free.release()


def _method(endpoint: Endpoint, open_scope: Opens, turns: Turns, rehearse: bool) -> Call:
    async def call(_self: object, **arguments: Any) -> Any:
        assert_no_transaction(f"{endpoint.port}.{endpoint.name}")
        given = _through_json(endpoint.arguments(**arguments), endpoint.arguments) if rehearse else endpoint.arguments(**arguments)
        async with turns.take(endpoint.module):
            result = await _guarded(endpoint, open_scope, given, rehearse)
        return _through_json(result, endpoint.result) if rehearse else result

    call.__name__, call.__doc__ = endpoint.name, endpoint.doc
    return call


async def _guarded(endpoint: Endpoint, open_scope: Opens, given: Any, rehearse: bool) -> Any:
    try:
        seconds = time_for(endpoint.timeout)
        with deadline(seconds):
            async with asyncio.timeout(seconds), open_scope() as module:
                return await getattr(module, endpoint.name)(**{name: getattr(given, name) for name in given.__struct_fields__})
    except Problem as problem:
        declared = endpoint.problem(problem.code)
        if declared is None:
            log.warning("%s.%s raised %s, which it does not declare", endpoint.port, endpoint.name, problem.code)
            raise Unavailable(f"{endpoint.module} failed") from problem
        if rehearse:
            raise declared.from_members(msgspec.json.decode(msgspec.json.encode(problem.members()))) from problem
        raise
    except TimeoutError as error:
        raise Unavailable(f"{endpoint.module} did not answer in {endpoint.timeout:g} s") from error
    except AssertionError:
        raise
    except Exception as error:
        log.exception("%s.%s failed", endpoint.port, endpoint.name)
        raise Unavailable(f"{endpoint.module} failed") from error


def _through_json(value: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)
