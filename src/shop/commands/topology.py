"""`shop topology`."""

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from shop.commands.terminal import answer, as_json, loaded, refusing, warned
from shop.drawing import Card, Row, drawn
from shop.kit.port import endpoints
from shop.settings import MODULES, Settings

HERE = "in this process"
PATIENCE = 1.5  # seconds that a process gets to say how it is


class Need(Struct, frozen=True):
    """A port that a hosted module needs, and what stands behind it."""

    port: str
    of: str
    adapter: str


class Seen(Struct, frozen=True):
    """A running instance: its health, the state of its circuits to other modules, and the seconds since it read the registry, if it reads one."""

    url: str
    health: str
    circuits: dict[str, str] = {}
    registry_age: float | None = None

    def said(self) -> str:
        """Give all of it on a line."""
        circuits = [f"circuit to {module} {state}" for module, state in self.circuits.items()]
        registry = [] if self.registry_age is None else [f"registry read {self.registry_age:.0f} s ago"]
        return ", ".join([self.health, *circuits, *registry])


class Place(Struct, frozen=True):
    """Where a module is, and which of its instances answer."""

    module: str
    place: str
    database: str
    needs: list[Need]
    instances: list[Seen]


@click.command()
@as_json
@click.option("--svg", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Draw it into this file instead.")
def command(as_json: bool, svg: Path | None) -> None:
    """Show which module is where, which adapter stands behind each port, and how the running instances are."""
    settings = warned(loaded()).settings
    seen = asyncio.run(_look(settings))
    places = [_place(settings, module, seen[module]) for module in MODULES]
    if svg:
        title = f"as a process sees it that hosts {', '.join(settings.runtime.modules)}"
        with refusing(OSError):
            svg.write_text(drawn(title, [_card(place) for place in places]), "utf-8")
    elif as_json:
        answer(places)
    else:
        _show(places)


def _show(places: Sequence[Place]) -> None:
    for place in places:
        click.echo(f"{click.style(f'{place.module:<10}', bold=True)} {place.place:<34} {place.database}")
        for need in place.needs:
            click.echo(f"  needs {need.port:<28} {need.adapter}")
        for instance in place.instances:
            click.echo(f"  at {instance.url:<31} {instance.said()}")


def _card(place: Place) -> Card:
    needs = [Row("needs", f"{need.port}: {need.adapter}") for need in place.needs]
    instances = [Row("instance", f"{instance.url}  {instance.said()}", _mood(instance)) for instance in place.instances]
    return Card(place.module, place.place, place.database, place.place == HERE, [*needs, *instances])


def _mood(instance: Seen) -> str:
    if instance.health != "UP":
        return "bad"
    return "good" if set(instance.circuits.values()) <= {"CLOSED"} else "odd"


def _place(settings: Settings, module: str, instances: list[Seen]) -> Place:
    if module not in settings.runtime.modules:
        return Place(module, _elsewhere(settings, module, "elsewhere: ") or "not reachable", "", [], instances)
    manifest = importlib.import_module(f"shop.modules.{module}.module").MODULE
    needs = [Need(port.__name__, owner := endpoints(port)[0].module, _adapter(settings, owner)) for port in manifest.needs]
    url = settings.databases.of(module)
    database = f"SQLite, {url.removeprefix('sqlite:///')}{module}.db" if url.startswith("sqlite") else f"PostgreSQL, {_without_user(url)}"
    return Place(module, HERE, database, needs, instances)


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
    if module == "images":
        return f"S3, {settings.images.store}" if settings.images.store.startswith("s3://") else f"folder {settings.images.store}"
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
        states = {module: circuit["details"]["state"] for module, circuit in circuits.items()}
        return Seen(url, document["status"], states, document["components"].get("eureka", {}).get("details", {}).get("secondsSinceLastFetch"))
    except (httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError, AttributeError):
        return Seen(url, "does not answer")
