"""Who has the data folders of SQLite: any number of processes that serve or back up, or one restore alone."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shop.backup.files import give, make
from shop.kit.database import sqlite_file
from shop.settings import Settings

LOCK = "shop.lock"
MOVED = "moved"


class Occupied(RuntimeError):
    """Somebody else has a data folder, or a restore into it was interrupted; the message is one line for people."""


class Notes:
    """What a restore keeps in the lock files while files are exchanged: the name that it moves the old ones to, then that all of them are moved."""

    def __init__(self, descriptors: list[int]) -> None:
        """Read what an interrupted restore has left."""
        self._descriptors = descriptors
        lines = [line for descriptor in descriptors for line in os.pread(descriptor, 1000, 0).decode().splitlines()]
        self.aside = next((line for line in lines if line != MOVED), None)
        self.moved = MOVED in lines

    def add(self, line: str) -> None:
        """Note something in all folders."""
        for descriptor in self._descriptors:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)

    def clear(self) -> None:
        """All is done."""
        for descriptor in self._descriptors:
            os.ftruncate(descriptor, 0)
            os.fsync(descriptor)


def share(settings: Settings) -> list[int]:
    """Have the data folders of the hosted modules together with others, until what is given is closed or this process and its children end.

    Raises Occupied.
    """
    urls = {module: settings.databases.of(module) for module in settings.runtime.modules}
    return [_shared(folder) for folder in sorted({sqlite_file(url, module).parent for module, url in urls.items() if url.startswith("sqlite")})]


def _shared(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Occupied(f"a backup is being restored into {folder}: try again when that is done") from error
    except OSError as error:
        raise Occupied(f"the folder {folder} cannot be used: {error.strerror}; see SHOP_DATABASE_URL") from error
    if os.fstat(descriptor).st_size:
        raise Occupied(f"a restore into {folder} was interrupted, some of its files are old and some are new: run shop restore again")
    return descriptor


@contextmanager
def shared(settings: Settings) -> Iterator[None]:
    """Have the data folders together with others for the length of the block; raises Occupied."""
    descriptors = share(settings)
    try:
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextmanager
def alone(folders: Iterable[Path]) -> Iterator[Notes]:
    """Have the data folders while nobody serves from them; raises Occupied."""
    descriptors: list[int] = []
    try:
        for folder in folders:
            make(folder)
            descriptors.append(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644))
            give(folder / LOCK, folder)
            try:
                fcntl.flock(descriptors[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Occupied(f"a shop is running on {folder}: stop it first") from error
        yield Notes(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
