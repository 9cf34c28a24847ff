"""Several files are seen at one moment, however busily they are written to."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shop.backup import CannotBackUp
from shop.backup.moment import one_moment

NAMES = ("first", "second", "third", "fourth")
SAGA = """
import itertools, select, sqlite3, sys
opened = [sqlite3.connect(path, isolation_level=None, timeout=10) for path in sys.argv[1:]]
for connection in opened:
    connection.execute("PRAGMA synchronous=OFF")
for number in itertools.count(1):
    for connection in opened:
        connection.execute("UPDATE steps SET number = ?", (number,))
    if number == 1:
        print("begun", flush=True)
    if number % 100 == 0 and select.select([sys.stdin], [], [], 0)[0]:
        break
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Give files with a number each, in write-ahead mode."""
    made = {name: tmp_path / f"{name}.db" for name in NAMES}
    for path in made.values():
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE steps (number INTEGER)")
            connection.execute("INSERT INTO steps VALUES (0)")
    return made


@contextmanager
def saga(files: dict[str, Path]) -> Iterator[None]:
    """Count up in one file after the other, as the steps of a saga do, as fast as a process can."""
    command = [sys.executable, "-c", SAGA, *map(str, files.values())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        yield
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def steps(views: dict[str, sqlite3.Connection]) -> list[int]:
    """Read the numbers."""
    return [view.execute("SELECT number FROM steps").fetchone()[0] for view in views.values()]


def test_a_later_step_is_never_seen_without_the_earlier_ones(files: dict[str, Path]) -> None:
    """Two hundred looks at a saga that runs through four files: the steps go down, by one at most."""
    seen = []
    with saga(files):
        for _ in range(200):
            time.sleep(random.uniform(0, 0.01))
            with one_moment(files) as views:
                seen.append(steps(views))
    assert all(numbers == sorted(numbers, reverse=True) and numbers[0] - numbers[-1] <= 1 for numbers in seen), seen
    assert len({tuple(numbers) for numbers in seen}) > 100


def test_writers_go_on_while_the_views_stay(files: dict[str, Path]) -> None:
    """What is copied at leisure is still that moment."""
    with saga(files), one_moment(files) as views:
        before = steps(views)
        time.sleep(0.1)
        with one_moment(files) as later:
            assert steps(later)[3] > before[0] + 3
        assert steps(views) == before


def test_nobody_waits_while_one_file_is_busy(files: dict[str, Path]) -> None:
    """Its lock is not waited for with the others in hand, and in the end the refusal names it."""
    with closing(sqlite3.connect(files["fourth"], isolation_level=None)) as busy, closing(sqlite3.connect(files["first"], timeout=1)) as writer:
        busy.execute("BEGIN IMMEDIATE")
        refused: list[str] = []

        def look() -> None:
            try:
                with one_moment(files, patience=1.2):
                    pass
            except CannotBackUp as error:
                refused.append(str(error))

        looking = threading.Thread(target=look)
        looking.start()
        writes = 0
        while looking.is_alive():
            with writer:
                writer.execute("UPDATE steps SET number = -1")
            writes += 1
        looking.join()
        busy.execute("ROLLBACK")
    assert refused == ["the database of fourth was being written to for 1.2 s without an end; try again later"]
    assert writes > 3
