"""Makes a backup of a shop, which may be selling meanwhile."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from shop.backup import CannotBackUp, archive
from shop.backup.moment import copy, one_moment
from shop.backup.occupancy import shared
from shop.backup.places import Places, database_name, places
from shop.kit.files import sync
from shop.settings import Settings


class Made(Struct, frozen=True):
    """A backup: its file and size, the moment that it shows, the revision of each module, how many files of pictures; a key or none."""

    file: str
    bytes: int
    at: datetime
    modules: dict[str, str]
    pictures: int | None
    signing_key: bool


def back_up(target: Path, settings: Settings) -> Made:
    """Write what the hosted modules keep into a new file, there as a whole or not at all; raises CannotBackUp, Occupied, OnPostgresql."""
    where = places(settings)
    target = target.absolute()
    _refuse(target)
    for module, path in where.databases.items():
        if not path.exists():
            raise CannotBackUp(f"the database of {module} is not there: {path}; see SHOP_DATABASE_URL")
    try:
        with shared(settings), TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.unfinished-") as name:
            unfinished = Path(name) / target.name
            manifest = _write(unfinished, where)
            _refuse(target)
            unfinished.rename(target)
    except OSError as error:
        raise CannotBackUp(f"{target} cannot be written: {error.strerror or error}") from error
    sync(target.parent)
    pictures = manifest.pictures if where.pictures else None
    return Made(str(target), target.stat().st_size, manifest.at, manifest.modules, pictures, manifest.signing_key)


def _refuse(target: Path) -> None:
    if target.exists():
        raise CannotBackUp(f"{target} is there already and is left as it is: name a file that does not exist")


def _write(unfinished: Path, where: Places) -> archive.Manifest:
    copies = {module: unfinished.with_name(f"{module}.db") for module in where.databases}
    with one_moment(where.databases) as views:
        at = datetime.now(UTC)
        modules = {module: copy(view, copies[module], module) for module, view in views.items()}
    files = {database_name(module): file for module, file in copies.items()}
    return archive.write(unfinished, files | where.files(), at=at, modules=modules)
