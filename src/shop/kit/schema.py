"""The wire schema of ports: what crosses between processes, recorded so that a breaking change is seen before containers are upgraded one at a time.

The caller may be older than the callee or newer. So what is asked for may not grow, what is given may not shrink.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from shop.kit.port import Endpoint, endpoints
from shop.kit.problems import Problem, Unavailable

Schema = dict[str, Any]
Direction = Literal["argument", "result"]
PLAIN = {"title", "description", "default", "examples"}  # says nothing about the wire


class Change(Struct, frozen=True, order=True):
    """One difference between two schemas, such as `Carts.begin`, `argument ttl is new and required`."""

    where: str
    what: str
    breaking: bool = False

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.where}: {self.what}"


def schema_of(ports: Sequence[Any]) -> Schema:
    """Describe ports: per method its verb, path, arguments, result and problems."""
    return {port.__name__: {endpoint.name: _endpoint(endpoint) for endpoint in endpoints(port)} for port in ports}


def compare(old: Schema, new: Schema) -> list[Change]:
    """Give every difference between a recorded schema and the present one."""
    return sorted({*_named(old, new, "port", _port)})


def _endpoint(endpoint: Endpoint) -> Schema:
    (arguments, result), types = msgspec.json.schema_components([endpoint.arguments, endpoint.result])
    problems: tuple[type[Problem], ...] = (*endpoint.raises, Unavailable)
    return {
        "verb": endpoint.verb,
        "path": f"/internal/{endpoint.module}{endpoint.path}",
        "arguments": _without_names(_inlined(arguments, types)),
        "result": _without_names(_inlined(result, types)),
        "problems": {problem.code: problem.status for problem in problems},
    }


def _inlined(schema: Any, types: Schema, seen: tuple[str, ...] = ()) -> Any:
    """Replace references by what they name, so that a renamed Struct is no difference; a type within itself stays a reference."""
    if isinstance(schema, list):
        return [_inlined(part, types, seen) for part in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if not name:
        return {key: _inlined(part, types, seen) for key, part in schema.items()}
    return {"recursive": seen.index(name)} if name in seen else _inlined(types[name], types, (*seen, name))


def _without_names(schema: Any, *, properties: bool = False) -> Any:
    if isinstance(schema, list):
        return [_without_names(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_names(part, properties=key == "properties") for key, part in schema.items() if properties or key not in PLAIN - {"default"}}


def _named(old: Schema, new: Schema, kind: str, inner: Any, where: str = "") -> Iterator[Change]:
    for name in sorted({*old, *new}):
        path = f"{where}.{name}" if where else name
        if name not in new:
            yield Change(path, f"this {kind} was removed", breaking=True)
        elif name not in old:
            yield Change(path, f"this {kind} is new")
        else:
            yield from inner(path, old[name], new[name])


def _port(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    yield from _named(old, new, "method", _method, where)


def _method(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    for part in ("verb", "path"):
        if old[part] != new[part]:
            yield Change(where, f"{part} was {old[part]} and is {new[part]}", breaking=True)
    yield from _problems(where, old["problems"], new["problems"])
    yield from _types(where, "argument", "", old["arguments"], new["arguments"])
    yield from _types(where, "result", "", old["result"], new["result"])


def _problems(where: str, old: dict[str, int], new: dict[str, int]) -> Iterator[Change]:
    for code in sorted({*old, *new}):
        if code not in new:
            yield Change(where, f"problem {code} was removed", breaking=True)
        elif code not in old:
            yield Change(where, f"problem {code} is new")
        elif old[code] != new[code]:
            yield Change(where, f"problem {code} had status {old[code]} and has {new[code]}", breaking=True)


def _types(where: str, direction: Direction, path: str, old: Any, new: Any) -> Iterator[Change]:
    """Compare two JSON schemas below one argument or field."""
    label = f"{direction} {path}".rstrip()
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield Change(where, f"{label} was {_shown(old)} and is {_shown(new)}", breaking=True)
        return
    yield from _properties(where, direction, path, old, new)
    for keyword in sorted({*old, *new} - {"properties", "required", "default", "items", "additionalProperties"}):
        if keyword == "enum":
            yield from _enum(where, direction, label, old.get("enum", []), new.get("enum", []))
        elif old.get(keyword) != new.get(keyword):
            yield Change(where, f"{label}: {keyword} was {_shown(old.get(keyword))} and is {_shown(new.get(keyword))}", breaking=True)
    for keyword in ("items", "additionalProperties"):
        if keyword in old or keyword in new:
            yield from _types(where, direction, f"{path}[]", old.get(keyword), new.get(keyword))


def _properties(where: str, direction: Direction, path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted({*before, *after}):
        inner = f"{path}.{name}".lstrip(".")
        label = f"{direction} {inner}"
        if name not in after:
            yield Change(where, f"{label} was removed", breaking=True)
        elif name not in before:
            yield _new_property(where, direction, label, required=name in needed_after, closed=old.get("additionalProperties") is False)
        else:
            if (name in needed_before) != (name in needed_after):
                becomes_required = name in needed_after
                breaking = becomes_required if direction == "argument" else not becomes_required
                yield Change(where, f"{label} is {'required' if becomes_required else 'optional'} now", breaking=breaking)
            yield from _types(where, direction, inner, before[name], after[name])


def _new_property(where: str, direction: Direction, label: str, *, required: bool, closed: bool) -> Change:
    if direction == "argument" and required:
        return Change(where, f"{label} is new and required", breaking=True)
    if direction == "result" and closed:
        return Change(where, f"{label} is new, and older callers refuse unknown fields there", breaking=True)
    return Change(where, f"{label} is new")


def _enum(where: str, direction: Direction, label: str, old: Iterable[Any], new: Iterable[Any]) -> Iterator[Change]:
    for value in sorted({*old} - {*new}, key=str):
        yield Change(where, f"{label} no longer knows {_shown(value)}", breaking=True)
    for value in sorted({*new} - {*old}, key=str):
        yield Change(where, f"{label} knows {_shown(value)} now", breaking=direction == "result")


def _shown(value: Any) -> str:
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
