"""JSON from strangers: decoded into a type without coercion, and refused where readers of JSON disagree.

msgspec alone lets pass: duplicate keys, NUL characters (which PostgreSQL cannot store), integers beyond 64 bit; deep nesting overflows its stack.
"""

import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from shop.kit.problems import FieldError, Invalid

MAX_DEPTH = 32
WHOLE = "body"  # the field of an error that concerns all of it
_BEYOND = 1 << 64
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_LONGEST_NAME = 100


def decode(body: bytes, kind: Any) -> tuple[Any, Any]:
    """Give a body as the type, and as plain JSON values; raises Invalid, which names the field."""
    _check_depth(body)
    try:
        value = _decoder(kind).decode(body)
        tree = _READER.decode(body.decode())
    except msgspec.ValidationError as error:
        raise translated(str(error)) from error
    except UnicodeDecodeError as error:
        raise Invalid.field(WHOLE, "is not UTF-8") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid.field(WHOLE, "is not JSON") from error
    _check_values(tree, "")
    return value, tree


@lru_cache(512)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=True)


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _BRACKETS.finditer(body):
        first = token[0][0]
        depth += 1 if first in b"[{" else -1 if first in b"]}" else 0
        if depth > MAX_DEPTH:
            raise Invalid.field(WHOLE, f"is nested deeper than {MAX_DEPTH}")


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid.field(_shortened(twice), "is there twice")
    return members


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 21 else _BEYOND


_READER = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer)


def _check_values(value: Any, path: str) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Invalid.field(path or WHOLE, "has a NUL character")
    elif isinstance(value, dict):
        for name, member in value.items():
            inner = f"{path}.{_shortened(name)}" if path else _shortened(name)
            _check_values(name, inner)
            _check_values(member, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_values(item, f"{path}[{index}]")
    elif (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and not -(1 << 63) <= value < 1 << 63):
        raise Invalid.field(path or WHOLE, "is out of range")


def _shortened(name: str) -> str:
    return name.replace("\0", "\ufffd")[:_LONGEST_NAME]


_AT = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_NAMED = re.compile(r"(?P<name>[a-z][a-z0-9_]*): (?P<says>.+)", re.DOTALL)  # how a Struct's own check names its field
_PATTERN = re.compile(r"Expected `str` matching regex .*", re.DOTALL)


def translated(message: str) -> Invalid:
    """Turn `Expected `int`, got `str` - at `$.lines[0].quantity`` into the problem of that field."""
    at = _AT.search(message)
    path = at["path"].replace("[...]", "").lstrip(".") if at else ""
    text = message[: at.start()] if at else message
    for pattern, says in ((_UNKNOWN, "is not a field here"), (_MISSING, "is missing")):
        if found := pattern.fullmatch(text):
            name = _shortened(found["name"])
            return Invalid.field(f"{path}.{name}" if path else name, says)
    if found := _NAMED.fullmatch(text):
        return Invalid.field(f"{path}.{found['name']}" if path else found["name"], found["says"])
    return Invalid.field(path or WHOLE, _plain(text))


def _plain(text: str) -> str:
    if _PATTERN.fullmatch(text):
        return "has not the form that is expected"
    return (text[:1].lower() + text[1:]).replace("`", "")[:200]


def parameter_errors(errors: Sequence[tuple[str, str]]) -> Invalid:
    """Make the problem of bad query parameters and headers, given by name and message."""
    named = tuple(FieldError(name, _plain(message)) for name, message in errors)
    return Invalid("; ".join(f"{error.field}: {error.message}" for error in named), errors=named)
