"""The recorded wire schema of the ports: a breaking change fails, an addition asks to be recorded."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from msgspec import Struct

from shop.cli import cli
from shop.commands import ports as command
from shop.kit.port import Port, get, put
from shop.kit.problems import Conflict, Gone
from shop.kit.schema import compare, schema_of


class Colour(StrEnum):
    """A choice."""

    RED = "red"


class MoreColours(StrEnum):
    """A larger choice."""

    RED = "red"
    BLUE = "blue"


class Item(Struct, frozen=True):
    """A result."""

    name: str
    colour: Colour


class Closed(Struct, frozen=True, forbid_unknown_fields=True):
    """A result whose readers refuse unknown fields."""

    name: str


class Depot(Port, Protocol):
    """The port as it was recorded."""

    @put("/items/{id}", raises=(Gone,))
    async def keep(self, *, id: UUID, count: int, note: str = "") -> Item:
        """Keep something."""
        ...

    @get("/names")
    async def closed(self, *, colour: Colour) -> Closed:
        """Give a name."""
        ...


def depot(**methods: Any) -> Any:
    """Make a Depot as it might be after a change."""
    declared = {**{name: member for name, member in vars(Depot).items() if name in ("keep", "closed")}, **methods}
    bases: tuple[Any, ...] = (Port, Protocol)
    return type("Depot", bases, {**declared, "__module__": Depot.__module__, "__doc__": "Changed."})


def changes(**methods: Any) -> list[tuple[str, bool]]:
    """Give the differences after a change and whether each is breaking."""
    present = depot(**{name: method for name, method in methods.items() if method})
    for name in [name for name, method in methods.items() if method is None]:
        schema = schema_of([present])
        del schema["Depot"][name]
        return [(str(change), change.breaking) for change in compare(schema_of([Depot]), schema)]
    return [(str(change), change.breaking) for change in compare(schema_of([Depot]), schema_of([present]))]


@put("/items/{id}", raises=(Gone,))
async def with_required(self: Any, *, id: UUID, count: int, urgent: bool, note: str = "") -> Item:
    """Keep something."""
    raise AssertionError


@put("/items/{id}", raises=(Gone, Conflict))
async def with_optional(self: Any, *, id: UUID, count: int, note: str = "", urgent: bool = False) -> Item:
    """Keep something."""
    raise AssertionError


@put("/items/{id}")
async def without_problem(self: Any, *, id: UUID, count: int, note: str = "") -> Item:
    """Keep something."""
    raise AssertionError


@put("/things/{id}", raises=(Gone,))
async def elsewhere(self: Any, *, id: UUID, count: int, note: str = "") -> Item:
    """Keep something."""
    raise AssertionError


@put("/items/{id}", raises=(Gone,))
async def other_type(self: Any, *, id: UUID, count: str, note: str = "") -> Item:
    """Keep something."""
    raise AssertionError


class Nameless(Struct, frozen=True):
    """A result that lost a field."""

    colour: Colour


@put("/items/{id}", raises=(Gone,))
async def less_given(self: Any, *, id: UUID, count: int, note: str = "") -> Nameless:
    """Keep something."""
    raise AssertionError


class Colourful(Struct, frozen=True):
    """A result with a value that older callers do not know."""

    name: str
    colour: MoreColours


@put("/items/{id}", raises=(Gone,))
async def unknown_value(self: Any, *, id: UUID, count: int, note: str = "") -> Colourful:
    """Keep something."""
    raise AssertionError


class Reopened(Struct, frozen=True, forbid_unknown_fields=True):
    """A closed result with one more field."""

    name: str
    size: int = 0


@get("/names")
async def more_given(self: Any, *, colour: Colour) -> Reopened:
    """Give a name."""
    raise AssertionError


@get("/names")
async def wider(self: Any, *, colour: MoreColours) -> Closed:
    """Give a name."""
    raise AssertionError


@pytest.mark.parametrize(
    ("changed", "line", "breaking"),
    [
        ({"keep": None}, "Depot.keep: this method was removed", True),
        ({"keep": with_required}, "Depot.keep: argument urgent is new and required", True),
        ({"keep": with_optional}, "Depot.keep: argument urgent is new", False),
        ({"keep": with_optional}, "Depot.keep: problem conflict is new", False),
        ({"keep": without_problem}, "Depot.keep: problem gone was removed", True),
        ({"keep": elsewhere}, "Depot.keep: path was /internal/test_ports_schema/items/{id} and is /internal/test_ports_schema/things/{id}", True),
        ({"keep": other_type}, 'Depot.keep: argument count: type was "integer" and is "string"', True),
        ({"keep": less_given}, "Depot.keep: result name was removed", True),
        ({"keep": unknown_value}, 'Depot.keep: result colour knows "blue" now', True),
        ({"closed": more_given}, "Depot.closed: result size is new, and older callers refuse unknown fields there", True),
        ({"closed": wider}, 'Depot.closed: argument colour knows "blue" now', False),
    ],
)
def test_every_kind_of_change_is_seen(changed: dict[str, Any], line: str, breaking: bool) -> None:
    """Callers may be older or newer than the callee: each change is judged for both."""
    assert (line, breaking) in changes(**changed)


def test_an_unchanged_port_has_no_changes() -> None:
    """The same declaration gives the same schema, also under another Struct's name."""
    assert changes() == []


def shop(*arguments: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(cli, ["ports", *arguments])


def test_the_recorded_schema_is_the_present_one() -> None:
    """Whoever changes a port records it, in the same commit."""
    done = shop("--check")
    assert (done.exit_code, done.output) == (0, "the ports are as recorded\n")


def test_a_breaking_change_fails_and_is_not_recorded_by_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--record` needs to be told that the change is meant."""
    recorded = tmp_path / "schema.json"
    recorded.write_text(command.RECORDED.read_text().replace('"ttl"', '"lifetime"'))
    monkeypatch.setattr(command, "RECORDED", recorded)
    checked = shop("--check")
    assert checked.exit_code == 1
    assert "breaking: Carts.begin: argument ttl is new and required" in checked.stderr
    assert shop("--record").exit_code == 1
    assert shop("--record", "--accept-breaking").exit_code == 0
    assert shop("--check").exit_code == 0


def test_an_addition_asks_to_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks nobody, but the record must stay true."""
    monkeypatch.setattr(command, "RECORDED", tmp_path / "schema.json")
    checked = shop("--check")
    assert checked.exit_code == 1
    assert "run shop ports --record" in checked.stderr
    assert shop("--record").output == "recorded 4 changes\n"
    assert shop("--check").exit_code == 0


def test_the_ports_can_be_read_by_people_and_programs() -> None:
    """Each method with its verb and path."""
    assert "reserve    PUT   /internal/products/reservations/{id}" in shop().output
    assert '"verb": "PUT"' in shop("--json").output
