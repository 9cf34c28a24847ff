"""The in-process adapter keeps callers and modules apart as a wire would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from shop.adapters import in_process
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.port import Port, post
from shop.kit.problems import Conflict, NotFound, Unavailable
from shop.kit.transactions import TransactionOpen

KINDS = pytest.mark.parametrize("rehearse", [False, True], ids=["in_process", "rehearsed"])


class Taken(Conflict):
    """It is taken."""


class Echo(Struct, frozen=True):
    """What was said."""

    words: list[str]


class Echoes(Port, Protocol):
    """Says things again."""

    @post("/echoes", raises=(Taken,), timeout=0.05)
    async def say(self, *, id: UUID, words: list[str]) -> Echo:
        """Say it again."""
        ...


class Module:
    """Does what the words say."""

    def __init__(self) -> None:
        """Count scopes."""
        self.opened = self.closed = 0

    async def say(self, *, id: UUID, words: list[str]) -> Echo:
        """Fail in the way that is asked for, or answer."""
        match words:
            case ["taken"]:
                raise Taken("by another", by=id, lines=[Echo(["x"])], retry_after=3.0)
            case ["missing"]:
                raise NotFound
            case ["bug"]:
                raise ZeroDivisionError
            case ["slow"]:
                await asyncio.sleep(5)
            case ["integers"]:
                return Echo([1, 2])  # type: ignore[list-item]
        return Echo(words)

    @asynccontextmanager
    async def scope(self) -> AsyncIterator["Module"]:
        """Open a scope of a call."""
        self.opened += 1
        yield self
        self.closed += 1


@KINDS
async def test_a_call_gives_what_the_module_gives(rehearse: bool) -> None:
    """Each call has a scope of its own, closed afterwards."""
    module = Module()
    port = in_process.adapter(Echoes, module.scope, rehearse=rehearse)
    assert await port.say(id=UUID(int=1), words=["a", "b"]) == Echo(["a", "b"])
    assert (module.opened, module.closed) == (1, 1)


@KINDS
async def test_a_declared_problem_arrives_as_itself(rehearse: bool) -> None:
    """Class, detail, extra members and Retry-After come over."""
    port = in_process.adapter(Echoes, Module().scope, rehearse=rehearse)
    with pytest.raises(Taken) as caught:
        await port.say(id=UUID(int=7), words=["taken"])
    problem = caught.value
    assert (problem.detail, problem.retry_after) == ("by another", 3.0)
    assert problem.extra == {"by": str(UUID(int=7)), "lines": [{"words": ["x"]}]}


@KINDS
@pytest.mark.parametrize("word", ["missing", "bug", "slow"])
async def test_everything_else_is_unavailable(rehearse: bool, word: str) -> None:
    """An undeclared problem, a bug and a timeout mean that the outcome is unknown."""
    port = in_process.adapter(Echoes, Module().scope, rehearse=rehearse)
    with pytest.raises(Unavailable):
        await port.say(id=UUID(int=1), words=[word])


@KINDS
async def test_no_call_inside_a_transaction(rehearse: bool, database_url: str, clock: Clock) -> None:
    """A caller with an open transaction is refused."""
    database = Database(database_url, "cart", Store, clock)
    port = in_process.adapter(Echoes, Module().scope, rehearse=rehearse)
    async with database.write():
        with pytest.raises(TransactionOpen, match=r"Echoes\.say"):
            await port.say(id=UUID(int=1), words=[])
    await database.dispose()


async def test_rehearsal_sends_everything_through_json() -> None:
    """What would not survive a wire fails in rehearsal: arguments and results of the wrong type."""
    port = in_process.adapter(Echoes, Module().scope, rehearse=True)
    with pytest.raises(msgspec.ValidationError):
        await port.say(id=UUID(int=1), words=["a", 2])  # type: ignore[list-item]
    with pytest.raises(msgspec.ValidationError):
        await port.say(id=UUID(int=1), words=["integers"])


async def test_rehearsal_shares_no_object() -> None:
    """The module gets a copy of a list, so that nobody can change what the other one holds."""
    said = ["a"]
    port = in_process.adapter(Echoes, Module().scope, rehearse=True)
    echo = await port.say(id=UUID(int=1), words=said)
    said.append("b")
    assert echo.words == ["a"]
