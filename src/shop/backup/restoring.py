"""Restores a backup: everything is checked and laid beside its place first, then files are exchanged by renaming; nothing that was there is lost."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec import Struct

import shop
from shop.backup import CannotRestore, archive
from shop.backup.files import give, make
from shop.backup.moment import is_busy
from shop.backup.occupancy import MOVED, Notes, Occupied, alone
from shop.backup.places import Places, places
from shop.kit import revisions
from shop.kit.files import sync
from shop.settings import Settings

STAGING = Path(".restoring")
BESIDE = ("", "-wal", "-shm", "-journal")


class Restored(Struct, frozen=True):
    """What was restored: the moment that the shop is back at, its modules, and the folders to which the files went that were there before."""

    file: str
    at: datetime
    modules: dict[str, str]
    pictures: int
    signing_key: bool
    aside: tuple[str, ...]


def restore(source: Path, settings: Settings) -> Restored:
    """Put a backup where the hosted modules keep their data; raises CannotRestore, Occupied, OnPostgresql, having changed nothing.

    Killed at any moment it can be repeated, and until then no shop starts from a mixture.
    """
    where = places(settings)
    manifest = archive.read(source)
    _refuse(source, manifest, where)
    try:
        with alone(where.folders) as notes, ExitStack() as stack:
            for path in where.databases.values():
                stack.enter_context(_unused(path))
            with _staged(source, where) as staged:
                aside = _exchange(staged, where, notes)
    except OSError as error:
        raise CannotRestore(f"{source} cannot be restored: {error.strerror or error}: {error.filename or ''}".rstrip(": ")) from error
    return Restored(str(source), manifest.at, manifest.modules, manifest.pictures, manifest.signing_key, tuple(map(str, aside)))


def _refuse(source: Path, manifest: archive.Manifest, where: Places) -> None:
    """Refuse what this shop could not run with."""
    if set(manifest.modules) != set(where.databases):
        held = ",".join(manifest.modules)
        raise CannotRestore(f"{source} holds {held}, hosted here is {','.join(where.databases)}: set SHOP_MODULES={held}")
    for module, revision in manifest.modules.items():
        if revision not in revisions.known(module):
            made = f"the tables of {module} in {source} are at {revision}, made by Shop {manifest.shop}"
            raise CannotRestore(f"{made}; this Shop ({shop.__version__}) does not know them: restore with that one, or a newer one")
    if manifest.pictures and where.pictures is None:
        raise CannotRestore(f"{source} holds pictures, and SHOP_IMAGES_STORE is on S3: set it to a folder, and copy them from there")


@contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Have a database to ourselves. It leaves write-ahead mode: its log is taken in, and a program that is about to use the old file fails."""
    if not path.exists():
        yield
        return
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:  # what is damaged is moved as it is
            if is_busy(error):
                raise Occupied(f"another program uses {path}: stop it first") from error
        yield


class Staged:
    """The files of a backup beside their places, in a folder that belongs to the same file system."""

    def __init__(self, where: Places) -> None:
        """Begin with none."""
        self._where = where
        self.files: dict[Path, Path] = {}  # place by file
        self.pictures: dict[Path, Path] = {}

    def receive(self, name: str) -> IO[bytes]:
        """Open a file that is to get this content."""
        folder, path = self._where.find(name)
        file = make(folder, STAGING / path.parent) / path.name
        is_picture = folder == self._where.pictures and name.startswith("pictures/")
        (self.pictures if is_picture else self.files)[file] = folder / path
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644 if is_picture else 0o600)
        give(file, folder)
        return os.fdopen(descriptor, "wb")


@contextmanager
def _staged(source: Path, where: Places) -> Iterator[Staged]:
    folders = {*where.folders, *([where.pictures] if where.pictures else [])}
    made = Staged(where)
    _remove(folders)
    try:
        archive.read(source, made.receive)
        yield made
    finally:
        _remove(folders)


def _remove(folders: set[Path]) -> None:
    for folder in folders:
        if (folder / STAGING).exists():
            shutil.rmtree(folder / STAGING)


def _exchange(staged: Staged, where: Places, notes: Notes) -> list[Path]:
    """Move the old files aside, all of them, then the new ones into their places; every step can be repeated."""
    for file, place in staged.pictures.items():  # a name stands for one picture for ever: nothing is lost
        file.replace(make(place.parent.parent, Path(place.parent.name)) / place.name)
    name = notes.aside or f"before-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}"
    if not notes.moved:
        notes.add(name)
        for place in staged.files.values():
            _move_aside(place, name)
        _sync(where)
        notes.add(MOVED)
    for file, place in staged.files.items():
        file.replace(place)
    _sync(where)
    notes.clear()
    return [folder / name for folder in where.folders if (folder / name).exists()]


def _move_aside(place: Path, name: str) -> None:
    for ending in BESIDE:
        old = place.with_name(place.name + ending)
        if old.exists():
            old.rename(make(place.parent, Path(name)) / old.name)


def _sync(where: Places) -> None:
    for folder in where.folders:
        sync(folder)
