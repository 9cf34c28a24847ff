"""`shop topology`."""

import importlib

import click
from msgspec import Struct

from shop.commands.common import answer, as_json, loaded, warned
from shop.kit.port import endpoints
from shop.settings import MODULES, Settings


class Need(Struct, frozen=True):
    """A port that a hosted module needs, and what stands behind it."""

    port: str
    of: str
    adapter: str


class Place(Struct, frozen=True):
    """Where a module is."""

    module: str
    place: str
    database: str
    needs: list[Need]


@click.command()
@as_json
def command(as_json: bool) -> None:
    """Show which module is where.

    And which adapter stands behind each port that it needs.
    """
    settings = warned(loaded()).settings
    places = [_place(settings, module) for module in MODULES]
    if as_json:
        answer(places)
        return
    for place in places:
        click.echo(f"{click.style(f'{place.module:<10}', bold=True)} {place.place:<34} {place.database}")
        for need in place.needs:
            click.echo(f"  needs {need.port:<28} {need.adapter}")


def _place(settings: Settings, module: str) -> Place:
    if module not in settings.runtime.modules:
        return Place(module, f"elsewhere: {', '.join(settings.remote.peers[module])}" if module in settings.remote.peers else "not reachable", "", [])
    manifest = importlib.import_module(f"shop.modules.{module}.module").MODULE
    needs = [Need(port.__name__, owner := endpoints(port)[0].module, _adapter(settings, owner)) for port in manifest.needs]
    url = settings.databases.of(module)
    database = f"SQLite, {url.removeprefix('sqlite:///')}{module}.db" if url.startswith("sqlite") else f"PostgreSQL, {_without_user(url)}"
    return Place(module, "in this process", database, needs)


def _without_user(url: str) -> str:
    return url.rpartition("@")[2].partition("?")[0] if "@" in url else url.partition("://")[2].partition("?")[0]


def _adapter(settings: Settings, module: str) -> str:
    if module == "payments":
        return f"Stripe at {settings.stripe.api_base}" if settings.stripe else "Stripe, not set"
    if module == "mail":
        return f"SMTP at {settings.smtp.host}:{settings.smtp.port}" if settings.smtp else "SMTP, not set"
    if module in settings.runtime.modules and module not in settings.remote.forced:
        return f"in process, {module}"
    return f"HTTP at {', '.join(settings.remote.peers[module])}" if module in settings.remote.peers else "nothing: add it to SHOP_MODULES"
