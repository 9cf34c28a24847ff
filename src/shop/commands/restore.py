"""`shop restore`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from shop.commands.terminal import answer, as_json, loaded, refusing, warned

LONGEST_CHECKOUT = timedelta(hours=24)
HOUR = timedelta(hours=1)


@click.command()
@click.argument("source", metavar="FILE.tar.gz", type=click.Path(path_type=Path))
@as_json
def command(source: Path, as_json: bool) -> None:
    """Put a backup where a shop on SQLite keeps its data.

    The shop must not run. Every byte is compared with the manifest before anything is touched; what is there is moved into a folder beside it.
    """
    from shop.backup import CannotRestore
    from shop.backup.occupancy import Occupied
    from shop.backup.places import OnPostgresql
    from shop.backup.restoring import restore

    settings = warned(loaded()).settings
    with refusing(CannotRestore, Occupied, OnPostgresql):
        restored = restore(source, settings)
    if as_json:
        answer(restored)
        return
    click.echo(f"restored {', '.join(restored.modules)} as of {restored.at:%Y-%m-%d %H:%M:%S} UTC, {restored.pictures} files of pictures")
    for folder in restored.aside:
        click.echo(f"what was there before is in {folder}")
    click.echo(_next(restored.at, sells="sales" in restored.modules))


def _next(at: datetime, *, sells: bool) -> str:
    hours = -((at - LONGEST_CHECKOUT - datetime.now(UTC)) // HOUR)
    return f"next: shop serve{f', then shop payments reconcile --since {hours}h --repair' if sells else ''}"
