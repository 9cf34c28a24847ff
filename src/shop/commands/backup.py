"""`shop backup`."""

from pathlib import Path

import click

from shop.commands.terminal import answer, as_json, loaded, refusing, warned


@click.command()
@click.argument("target", metavar="FILE.tar.gz", type=click.Path(path_type=Path))
@as_json
def command(target: Path, as_json: bool) -> None:
    """Write all that a shop on SQLite keeps into one file, while it sells.

    In it are the databases of the hosted modules as of one moment, the pictures, and the key that signs access tokens: keep it as you keep secrets.
    `shop restore` puts it back. PostgreSQL has tools of its own, see docs/backup.md.
    """
    from shop.backup import CannotBackUp
    from shop.backup.making import back_up
    from shop.backup.occupancy import Occupied
    from shop.backup.places import OnPostgresql

    settings = warned(loaded()).settings
    with refusing(CannotBackUp, Occupied, OnPostgresql):
        made = back_up(target, settings)
    if as_json:
        answer(made)
        return
    pictures = "pictures are on S3 and not in it" if made.pictures is None else f"{made.pictures} files of pictures"
    key = "and the signing key" if made.signing_key else "no signing key"
    click.echo(f"{made.file}: {', '.join(made.modules)} as of {made.at:%Y-%m-%d %H:%M:%S} UTC, {pictures}, {key}; {made.bytes / 1e6:.1f} MB")
