"""Stripe's request encoding: forms whose names nest with brackets, `metadata[order_id]=1&expand[0]=latest_charge`."""

import re
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec

from shop.demo.stripe_twin.problems import StripeProblem, missing_param

_LISTS = {"expand", "payment_method_types", "enabled_events", "types", "excluded_payment_method_types"}
_DEPTH = 8
_PROBLEM = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$", re.DOTALL)

T = TypeVar("T")


def decode(encoded: str) -> dict[str, Any]:
    """Turn a form or a query string into nested dicts; the names that Stripe defines as lists become lists."""
    form: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, max_num_fields=1000):
        _place(form, [part.rstrip("]") for part in name.split("[")], value)
    for name in _LISTS & form.keys():
        if isinstance(form[name], dict):
            form[name] = list(form[name].values())
    return form


def _place(form: dict[str, Any], path: list[str], value: str) -> None:
    if len(path) > _DEPTH:
        raise StripeProblem("Invalid request: parameters are nested too deeply")
    for part in path[:-1]:
        inner = form.setdefault(part, {})
        if not isinstance(inner, dict):
            raise StripeProblem(f"Invalid object: {part}", param=part)
        form = cast(dict[str, Any], inner)
    form[path[-1] or str(len(form))] = value


def convert(form: dict[str, Any], cls: type[T]) -> T:
    """Read a decoded form as one Struct; what does not fit becomes the error that Stripe would give."""
    try:
        return msgspec.convert(form, cls, strict=False)
    except msgspec.ValidationError as error:
        raise _problem(str(error)) from error


def _problem(text: str) -> StripeProblem:
    found = _PROBLEM.match(text)
    what, where = (found["what"], found["where"] or "") if found else (text, "")
    name = _bracketed(where)
    quoted = what.split("`")[1] if "`" in what else ""
    if what.startswith("Object contains unknown field"):
        unknown = f"{name}[{quoted}]" if name else quoted
        return StripeProblem(f"Received unknown parameter: {unknown}", code="parameter_unknown", param=unknown)
    if what.startswith("Object missing required field"):
        return missing_param(f"{name}[{quoted}]" if name else quoted)
    code = "parameter_invalid_integer" if "`int" in what else None
    return StripeProblem(f"Invalid {name}: {what}", code=code, param=name)


def _bracketed(path: str) -> str:
    first, *rest = path.replace("[...]", "").split(".")
    return first + "".join(f"[{part}]" for part in rest)
