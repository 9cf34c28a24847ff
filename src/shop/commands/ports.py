"""`shop ports`."""

import importlib
from pathlib import Path
from typing import Any, Protocol

import click
import msgspec

from shop.commands.terminal import Refused, answer, as_json
from shop.kit.port import Port
from shop.kit.schema import Change, Schema, compare, schema_of
from shop.settings import MODULES

RECORDED = Path(__file__).parents[1] / "ports" / "schema.json"


@click.command()
@click.option("--check", is_flag=True, help="Compare with the recorded schema; exit code 1 if they differ.")
@click.option("--record", is_flag=True, help="Record the present schema; refuses a breaking change.")
@click.option("--accept-breaking", is_flag=True, help="With --record: record a breaking change too.")
@as_json
def command(check: bool, record: bool, accept_breaking: bool, as_json: bool) -> None:
    """Show the wire schema of the ports between modules.

    The recorded schema is src/shop/ports/schema.json. Containers are upgraded one at a time, so a breaking change needs two releases.
    """
    if check and record:
        raise click.UsageError("--check and --record exclude each other")
    present = schema_of(offered())
    if check or record:
        changes = compare(recorded(), present)
        _check(changes, as_json) if check else _record(present, changes, accept_breaking)
    elif as_json:
        answer(present)
    else:
        _show(present)


def offered() -> list[Any]:
    """Find the ports that modules offer each other."""
    found = [member for module in MODULES for member in vars(importlib.import_module(f"shop.ports.{module}")).values()]
    return [member for member in found if isinstance(member, type) and member is not Port and Port in member.__mro__ and Protocol in member.__bases__]


def recorded() -> Schema:
    """Read the recorded schema; nothing is recorded before the first time."""
    read: Schema = msgspec.json.decode(RECORDED.read_bytes()) if RECORDED.exists() else {}
    return read


def _check(changes: list[Change], as_json: bool) -> None:
    breaking = [change for change in changes if change.breaking]
    if as_json:
        answer({"breaking": breaking, "additions": [change for change in changes if not change.breaking]})
    if breaking:
        raise Refused("\n".join(f"breaking: {change}" for change in breaking))
    if changes:
        raise Refused("\n".join(["these additions are not recorded; run shop ports --record", *(f"  {change}" for change in changes)]))
    if not as_json:
        click.echo("the ports are as recorded")


def _record(present: Schema, changes: list[Change], accept_breaking: bool) -> None:
    breaking = [change for change in changes if change.breaking]
    if breaking and not accept_breaking:
        raise Refused("\n".join(["not recorded; --accept-breaking records it all the same", *(f"breaking: {change}" for change in breaking)]))
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(present, order="deterministic"), indent=1) + b"\n")
    click.echo(f"recorded {len(changes)} change{'' if len(changes) == 1 else 's'}")


def _show(schema: Schema) -> None:
    for port, methods in schema.items():
        click.echo(click.style(port, bold=True))
        for name, method in methods.items():
            problems = ", ".join(f"{code} {status}" for code, status in method["problems"].items())
            click.echo(f"  {name:<10} {method['verb']:<5} {method['path']}")
            click.echo(f"  {'':<10} takes {_names(method['arguments'])}; problems: {problems}")


def _names(schema: Schema) -> str:
    required = schema.get("required", ())
    return ", ".join(name if name in required else f"[{name}]" for name in schema.get("properties", {})) or "nothing"
