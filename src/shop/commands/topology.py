"""`shop topology`."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import Any

import click
from msgspec import Struct

from shop.commands.terminal import answer, as_json, loaded, warned
from shop.kit.port import endpoints
from shop.settings import MODULES, Settings

PATIENCE = 1.5  # seconds that a process gets to say how it is


class Need(Struct, frozen=True):
    """A port that a hosted module needs, and what stands behind it."""

    port: str
    of: str
    adapter: str


class Seen(Struct, frozen=True):
    """A running instance: its health, and the state of its circuits to other modules."""

    url: str
    health: str
    circuits: dict[str, str] = {}


class Place(Struct, frozen=True):
    """Where a module is, and which of its instances answer."""

    module: str
    place: str
    database: str
    needs: list[Need]
    instances: list[Seen]


@click.command()
@as_json
def command(as_json: bool) -> None:
    """Show which module is where, which adapter stands behind each port, and how the running instances are."""
    settings = warned(loaded()).settings
    seen = asyncio.run(_look(settings))
    places = [_place(settings, module, seen[module]) for module in MODULES]
    if as_json:
        answer(places)
        return
    for place in places:
        click.echo(f"{click.style(f'{place.module:<10}', bold=True)} {place.place:<34} {place.database}")
        for need in place.needs:
            click.echo(f"  needs {need.port:<28} {need.adapter}")
        for instance in place.instances:
            circuits = ", ".join(f"circuit to {module} {state}" for module, state in instance.circuits.items())
            click.echo(f"  at {instance.url:<31} {instance.health}{f', {circuits}' if circuits else ''}")


def _place(settings: Settings, module: str, instances: list[Seen]) -> Place:
    if module not in settings.runtime.modules:
        return Place(module, _elsewhere(settings, module, "elsewhere: ") or "not reachable", "", [], instances)
    manifest = importlib.import_module(f"shop.modules.{module}.module").MODULE
    needs = [Need(port.__name__, owner := endpoints(port)[0].module, _adapter(settings, owner)) for port in manifest.needs]
    url = settings.databases.of(module)
    database = f"SQLite, {url.removeprefix('sqlite:///')}{module}.db" if url.startswith("sqlite") else f"PostgreSQL, {_without_user(url)}"
    return Place(module, "in this process", database, needs, instances)


def _elsewhere(settings: Settings, module: str, says: str) -> str:
    if module in settings.remote.peers:
        return says + ", ".join(settings.remote.peers[module])
    return f"{says}wherever Eureka says" if settings.eureka.urls else ""


def _without_user(url: str) -> str:
    return url.rpartition("@")[2].partition("?")[0] if "@" in url else url.partition("://")[2].partition("?")[0]


def _adapter(settings: Settings, module: str) -> str:
    if module == "payments":
        return f"Stripe at {settings.stripe.api_base}" if settings.stripe else "Stripe, not set"
    if module == "mail":
        return f"SMTP at {settings.smtp.host}:{settings.smtp.port}" if settings.smtp else "SMTP, not set"
    if module in settings.runtime.modules and module not in settings.remote.forced:
        return f"in process, {module}"
    if module in settings.runtime.modules and module not in settings.remote.peers:
        return "HTTP, to this process itself"
    return _elsewhere(settings, module, "HTTP at ") or "nothing: add it to SHOP_MODULES"


async def _look(settings: Settings) -> dict[str, list[Seen]]:
    from shop.adapters.neighbours import Neighbours, own_address

    neighbours = Neighbours(settings, settings.runtime.modules)
    async with neighbours.open():
        urls: dict[str, Sequence[str]] = {}
        for module in MODULES:
            source = neighbours.source(module)
            urls[module] = [instance.url for instance in source()] if source else []
            if module in settings.runtime.modules and module not in settings.remote.peers:
                urls[module] = [own_address(settings)]
        health = {url: _health(neighbours.client, url) for url in dict.fromkeys(url for found in urls.values() for url in found)}
        seen = dict(zip(health, await asyncio.gather(*health.values()), strict=True))
    return {module: [seen[url] for url in found] for module, found in urls.items()}


async def _health(client: Any, url: str) -> Seen:
    import httpx

    try:
        async with asyncio.timeout(PATIENCE):
            document = (await client.get(f"{url}/actuator/health")).json()
        circuits = document["components"].get("circuitBreakers", {}).get("details", {})
        return Seen(url, document["status"], {module: circuit["details"]["state"] for module, circuit in circuits.items()})
    except (httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError, AttributeError):
        return Seen(url, "does not answer")
