"""Finds the texts of settings and says what it does not understand."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shop.configuration.keys import KEYS, variable
from shop.configuration.problems import Fault

FILE = "shop.toml"
FROM_FILE = "_FILE"
SERVER = "the config server"
STEP = re.compile(r"(\[\d+\]|\.[^.\[]+)(.*)")  # in `[0].title.en` the first step is [0]
PLACEHOLDER = re.compile(r"\$\{([^}:]+)(?::([^}]*))?\}")


class Given(Struct, frozen=True):
    """The text of a setting and how a person would find it again."""

    value: str
    place: str


class Source(Struct, frozen=True):
    """What one source gives, by variable name."""

    given: dict[str, Given] = {}
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


def from_flags(flags: Mapping[str, object]) -> Source:
    """Read what the command line gave, by key name; None was not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    return Source({variable(name): Given(_as_text(value), f"--{re.sub('[._]', '-', name)}") for name, value in given.items()})


def from_environment(environ: Mapping[str, str]) -> Source:
    """Read SHOP_*; `<NAME>_FILE` names a file that has the value. An empty text is as if it were not set."""
    given: dict[str, Given] = {}
    faults, warnings = [], []
    for name, value in sorted(environ.items()):
        base = name.removesuffix(FROM_FILE)
        if not name.startswith("SHOP_") or name.startswith("SHOP_TEST_") or not value:
            continue
        if name in KEYS:
            given[name] = Given(value, name)
        elif base in KEYS and environ.get(base):
            faults.append(Fault(name, f"is set together with {base}", f"only {name}=/run/secrets/{base.lower()}"))
        elif base in KEYS:
            try:
                given[base] = Given(Path(value).read_text("utf-8").strip(), name)
            except (OSError, UnicodeDecodeError) as error:
                faults.append(Fault(name, f"names a file that cannot be read ({_reason(error)})", f"{name}=/run/secrets/{base.lower()}"))
        else:
            warnings.append(_unknown(name, name))
    return Source(given, tuple(faults), tuple(warnings))


def from_file(path: Path) -> Source:
    """Read shop.toml, if there is one."""
    if not path.exists():
        return Source()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Source(faults=(Fault(str(path), f"cannot be read ({_reason(error)})", '[stripe]\\nsecret_key = "sk_test_..."'),))
    given, warnings = {}, []
    for name, value in _leaves(document, ""):
        if variable(name) in KEYS:
            given[variable(name)] = Given(_as_text(value), f"{name} in {path.name}")
        else:
            warnings.append(_unknown(variable(name), f"{name} in {path.name}"))
    return Source(given, (), tuple(warnings))


def from_server(values: Mapping[str, Any], environ: Mapping[str, str]) -> Source:
    """Read the flat map of a config server: `k[0]` and `k.a` are parts of k, `${NAME:default}` is the environment's.

    An empty text is as if it were not set.
    """
    parts: dict[str, dict[str, Any]] = {}
    faults, warnings = [], []
    for name, value in values.items():
        key, rest = _split(name)
        if key is None:
            warnings.append(_unknown(variable(name), f"{name} at {SERVER}"))
            continue
        try:
            text = PLACEHOLDER.sub(lambda found: _filled(found, environ), value) if isinstance(value, str) else value
        except KeyError as error:
            faults.append(Fault(f"{name} at {SERVER}", f"names {error.args[0]}, which the environment does not have", f"{error.args[0]}=..."))
        else:
            if text != "":
                parts.setdefault(key, {})[rest] = text
    given = {variable(key): Given(_as_text(_joined(found)), f"{key} at {SERVER}") for key, found in parts.items()}
    return Source(given, tuple(faults), tuple(warnings))


def _split(name: str) -> tuple[str | None, str]:
    """Find the setting that a flat name is, or is a part of; gives it and the steps to the part."""
    ends = [len(name), *(found.start() for found in re.finditer(r"[.\[]", name))]
    key = next((name[:end] for end in sorted(ends, reverse=True) if variable(name[:end]) in KEYS), None)
    return key, name[len(key or "") :]


def _filled(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name, default = found.groups()
    value = environ.get(name, default)
    if value is None:
        raise KeyError(name)
    return value


def _joined(parts: Mapping[str, Any]) -> Any:
    """Make a list, a table or a text of its parts."""
    if "" in parts:
        return parts[""]
    found: dict[str, dict[str, Any]] = {}
    for path, value in parts.items():
        if step := STEP.fullmatch(path):
            found.setdefault(step[1], {})[step[2]] = value
    if all(step.startswith("[") for step in found):
        return [_joined(found[step]) for step in sorted(found, key=lambda step: int(step[1:-1]))]
    return {step.lstrip("."): _joined(rest) for step, rest in found.items()}


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and variable(path) not in KEYS:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ",".join(f"{name}={part}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return msgspec.json.encode(value).decode() if any(isinstance(part, dict) for part in value) else ",".join(str(part) for part in value)
    return str(value)


def _unknown(name: str, place: str) -> str:
    suffix = FROM_FILE if name.endswith(FROM_FILE) else ""
    close = difflib.get_close_matches(name.removesuffix(FROM_FILE), KEYS, n=1, cutoff=0.75)
    return f"{place} is not a setting and is ignored" + (f"; did you mean {close[0]}{suffix}?" if close else "")


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) else str(error)
