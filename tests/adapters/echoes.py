"""A port that nobody sells anything through, and a module behind it that does what the words say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.adapters import in_process
from shop.kit.deadline import is_retry, remaining
from shop.kit.http import context
from shop.kit.port import Port, get, put
from shop.kit.problems import Conflict, NotFound, Unavailable
from shop.kit.values import Seconds, Sku


class Taken(Conflict):
    """It is taken."""


class Echo(Struct, frozen=True):
    """What was said."""

    words: list[str]


class Echoes(Port, Protocol):
    """Says things again."""

    @put("/echoes/{id}", raises=(Taken,), timeout=0.5)
    async def say(self, *, id: UUID, words: list[str], times: Seconds = 1) -> Echo:
        """Say it again."""
        ...

    @get("/shelves/{sku}/echoes", timeout=0.5)
    async def heard(self, *, sku: Sku, loud: bool, limit: int = 20, since: str | None = None) -> list[Echo]:
        """Give what was heard."""
        ...

    @put("/silences/{id}", timeout=0.5)
    async def hush(self, *, id: UUID) -> None:
        """Say nothing."""
        ...


class Module:
    """Does what the words say, and remembers how it was called."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.calls: list[tuple[str, ...]] = []
        self.seen: dict[str, object] = {}

    async def say(self, *, id: UUID, words: list[str], times: int = 1) -> Echo:
        """Fail in the way that is asked for, or answer."""
        self.calls.append(("say", *words))
        self.seen = {"remaining": remaining(99.0), "is_retry": is_retry.get(), "request_id": context.request_id.get()}
        self.seen["traceparent"] = context.traceparent.get()
        match words:
            case ["taken"]:
                raise Taken("by another", by=id, lines=[Echo(["x"])], retry_after=3.0)
            case ["missing"]:
                raise NotFound
            case ["down"]:
                raise Unavailable("no", retry_after=7.0)
            case ["bug"]:
                raise ZeroDivisionError
            case ["slow"]:
                await asyncio.sleep(5)
            case ["much"]:
                return Echo(["x" * 5_000_000])
        return Echo(words * times)

    async def heard(self, *, sku: str, loud: bool, limit: int = 20, since: str | None = None) -> list[Echo]:
        """Say what it was asked."""
        return [Echo([sku, repr(loud), repr(limit), repr(since)])]

    async def hush(self, *, id: UUID) -> None:
        """Note it."""
        self.calls.append(("hush",))

    @property
    def adapter(self) -> Echoes:
        """Give the port in this process."""

        @asynccontextmanager
        async def scope() -> AsyncIterator[Echoes]:
            yield self

        return in_process.adapter(Echoes, scope)
