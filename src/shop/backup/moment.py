"""One moment of several SQLite files that others write to all the time."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from shop.backup import CannotBackUp

PATIENCE = 60.0
PAUSE = 0.4  # how long one database is waited for while writers of the others wait for us: four times this is far below their own patience


@contextmanager
def one_moment(files: Mapping[str, Path], patience: float = PATIENCE) -> Iterator[dict[str, sqlite3.Connection]]:
    """Give a connection to each file, all of which see the very same moment for as long as the block lasts; raises CannotBackUp, after
    `patience` seconds in which there always was a writer.

    Every file is locked against writing for the milliseconds in which the views are opened: then no transaction is under way in any of them.
    Afterwards writers go on, in the write-ahead log, and the views stay as they are.
    """
    with ExitStack() as stack:
        locks, views = ({name: stack.enter_context(_opened(name, file)) for name, file in files.items()} for _ in range(2))
        _lock(locks, patience)
        for view in views.values():
            view.execute("BEGIN")
            view.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the view is opened by the first read
        for lock in locks.values():
            lock.execute("ROLLBACK")
        yield views


def copy(view: sqlite3.Connection, target: Path, module: str) -> str:
    """Copy what a view sees into a new file, examine that, and give the revision of its tables; raises CannotBackUp."""
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as made:
            view.backup(made)
            found = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise CannotBackUp(f"the database of {module} is damaged, nothing was backed up: {' '.join(str(found).split())}")
            revision: str = made.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            return revision
    except sqlite3.DatabaseError as error:
        raise CannotBackUp(f"the database of {module} cannot be backed up: {error}") from error


@contextmanager
def _opened(module: str, file: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=PAUSE)
    except sqlite3.OperationalError as error:
        raise CannotBackUp(f"the database of {module} cannot be opened: {error}: {file}") from error
    with closing(connection):
        yield connection


def _lock(connections: Mapping[str, sqlite3.Connection], patience: float) -> None:
    """Take the write lock of all, or of none while one is busy: nobody waits for us while we wait for somebody."""
    deadline = time.monotonic() + patience
    while busy := _first_that_refuses(connections):
        module, error = busy
        for connection in connections.values():
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if not is_busy(error):
            raise CannotBackUp(f"the database of {module} cannot be backed up: {error}") from error
        if time.monotonic() > deadline:
            raise CannotBackUp(f"the database of {module} was being written to for {patience:g} s without an end; try again later") from error
        time.sleep(PAUSE)


def _first_that_refuses(connections: Mapping[str, sqlite3.Connection]) -> tuple[str, sqlite3.DatabaseError] | None:
    for module, connection in connections.items():
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            return module, error
    return None


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether somebody else has the database."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
