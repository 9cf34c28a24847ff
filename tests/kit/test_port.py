"""A port that breaks a rule cannot be imported."""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from shop.kit.port import InvalidPort, Port, endpoints, get, post, put
from shop.kit.problems import Conflict, Unavailable


class Taken(Conflict):
    """It is taken."""


class Thing(Struct, frozen=True):
    """A thing."""

    id: UUID


class Things(Port, Protocol):
    """Things."""

    @put("/things/{id}", raises=(Taken,), timeout=2.0)
    async def keep(self, *, id: UUID, names: list[str], tries: int = 3) -> Thing:
        """Keep a thing."""
        ...


def test_a_declaration_says_everything_an_adapter_needs() -> None:
    """Verb, path, timeout, problems, arguments with their defaults and the result come from the Protocol alone."""
    (endpoint,) = endpoints(Things)
    assert (endpoint.port, endpoint.name, endpoint.verb, endpoint.path, endpoint.timeout) == ("Things", "keep", "PUT", "/things/{id}", 2.0)
    assert endpoint.in_path == ("id",)
    assert msgspec.to_builtins(endpoint.arguments(id=UUID(int=1), names=[])) == {"id": str(UUID(int=1)), "names": [], "tries": 3}
    assert endpoint.result is Thing
    assert endpoint.problem("taken") is Taken
    assert endpoint.problem("unavailable") is Unavailable
    assert endpoint.problem("conflict") is None


def without_decorator() -> type:
    """A method without a verb."""

    class Broken(Port, Protocol):
        async def thing(self) -> Thing:
            """Give it."""
            ...

    return Broken


def positional() -> type:
    """An argument that is not keyword-only."""

    class Broken(Port, Protocol):
        @get("/{id}")
        async def thing(self, id: UUID) -> Thing:
            """Give it."""
            ...

    return Broken


def untyped() -> type:
    """An argument without a type."""

    class Broken(Port, Protocol):
        @post("/things")
        async def thing(self, *, id) -> Thing:  # type: ignore[no-untyped-def]
            """Give it."""
            ...

    return Broken


def unknown_in_path() -> type:
    """A path that names no argument."""

    class Broken(Port, Protocol):
        @get("/{id}")
        async def thing(self) -> Thing:
            """Give it."""
            ...

    return Broken


def list_in_url() -> type:
    """A list that would have to travel in a URL."""

    class Broken(Port, Protocol):
        @get("/things")
        async def thing(self, *, ids: list[UUID]) -> Thing:
            """Give it."""
            ...

    return Broken


def bare_string() -> type:
    """A result that Litestar would send as raw text."""

    class Broken(Port, Protocol):
        @get("/thing")
        async def thing(self) -> str:
            """Give it."""
            ...

    return Broken


def table_object() -> type:
    """A result that cannot be written as JSON."""

    class Broken(Port, Protocol):
        @get("/thing")
        async def thing(self) -> list[object]:
            """Give it."""
            ...

    return Broken


def same_route() -> type:
    """Two methods under one route."""

    class Broken(Port, Protocol):
        @get("/{id}")
        async def thing(self, *, id: UUID) -> Thing:
            """Give it."""
            ...

        @get("/{name}")
        async def named(self, *, name: str) -> Thing:
            """Give it."""
            ...

    return Broken


def without_docstring() -> type:
    """A method that nobody explains."""

    class Broken(Port, Protocol):
        @get("/thing")
        async def thing(self) -> Thing: ...

    return Broken


def no_methods() -> type:
    """A port with nothing to ask."""

    class Broken(Port, Protocol): ...

    return Broken


BROKEN = (without_decorator, positional, untyped, unknown_in_path, list_in_url, bare_string, table_object, same_route, without_docstring, no_methods)


@pytest.mark.parametrize("declare", BROKEN, ids=lambda declare: declare.__name__)
def test_a_broken_declaration_is_refused_at_import(declare: Callable[[], Any]) -> None:
    """The mistake is found when the module is imported, not when the port is called."""
    with pytest.raises(InvalidPort):
        declare()


def test_a_fake_may_inherit_its_port() -> None:
    """What derives from a port without being a Protocol is an implementation and is not checked."""

    class FakeThings(Things):
        calls = 0

        async def keep(self, *, id: UUID, names: list[str], tries: int = 3) -> Thing:
            return Thing(id)

    assert FakeThings().calls == 0
