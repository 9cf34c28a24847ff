"""Where a shop keeps what belongs into a backup, and what each of it is called there."""

import re
from pathlib import Path

from msgspec import Struct

from shop.configuration.signing import FILE, data_folder
from shop.kit.database import sqlite_file
from shop.settings import Settings

DATABASES, PICTURES, KEY = "databases", "pictures", FILE
NAME = re.compile(r"databases/[a-z]+\.db|signing-key\.pem|pictures/[^/.][^/]/[^/.][^/]*")
DUMP = 'pg_dump --format=custom --file=shop.dump "$SHOP_DATABASE_URL"'


class OnPostgresql(RuntimeError):
    """A database is not a file of ours; the message is one line that says what to do instead."""


class Places(Struct, frozen=True):
    """The database of each hosted module; the signing key, whether or not it is there; the folder of pictures, None where they are on S3."""

    databases: dict[str, Path]
    signing_key: Path | None = None
    pictures: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Give the data folders."""
        return sorted({path.parent for path in self.databases.values()})

    def files(self) -> dict[str, Path]:
        """Give what is there beside the databases, by its name in a backup. Pictures are never changed nor deleted, so their time is no matter."""
        found = {self.signing_key.name: self.signing_key} if self.signing_key and self.signing_key.exists() else {}
        if self.pictures:
            found |= {f"{PICTURES}/{path.parent.name}/{path.name}": path for path in sorted(self.pictures.glob("??/*")) if path.is_file()}
        return {name: path for name, path in found.items() if NAME.fullmatch(name)}

    def find(self, name: str) -> tuple[Path, Path]:
        """Give where a file of a backup belongs: the folder, and the path in it."""
        kind, _, rest = name.partition("/")
        if kind == PICTURES and self.pictures:
            return self.pictures, Path(rest)
        place = self.databases[Path(rest).stem] if kind == DATABASES else self.signing_key
        if place is None:
            raise KeyError(name)
        return place.parent, Path(place.name)


def database_name(module: str) -> str:
    """Give the name of a module's database in a backup."""
    return f"{DATABASES}/{module}.db"


def places(settings: Settings) -> Places:
    """Find where the hosted modules keep their data; raises OnPostgresql."""
    hosted = settings.runtime.modules
    elsewhere = [module for module in hosted if not settings.databases.of(module).startswith("sqlite")]
    if elsewhere:
        raise OnPostgresql(f"{' and '.join(elsewhere)}: on PostgreSQL, whose own tools do this: {DUMP}; see docs/backup.md")
    store = settings.images.store
    return Places(
        {module: sqlite_file(settings.databases.of(module), module).absolute() for module in hosted},
        data_folder(settings.databases).absolute() / KEY if "users" in hosted else None,
        Path(store).absolute() if "products" in hosted and not store.startswith("s3://") else None,
    )
