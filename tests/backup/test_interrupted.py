"""A restore that is killed at any moment leaves the old shop, or none that would start; repeated, it is done, and nothing that was there is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.backup.branch import mark, marks
from tests.process.running import environment, shop
from tests.support.databases import SqliteTemplates
from tests.support.loopback import free_port

from shop.backup.occupancy import LOCK
from shop.configuration.signing import FILE, kept_key
from shop.kit.database import sqlite_file

OLD, NEW = 1, 2
KILLED = """
import os, signal, sys

def heard(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

left = int(sys.argv.pop(1))
sys.addaudithook(heard)
from shop.cli import main
main()
"""
CRASHED = """
import os, sqlite3, sys
for number in (9, sys.argv[2]):
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA user_version = {number}")
    if number == 9:
        connection.close()
os._exit(0)
"""


class Place:
    """An old shop with a key, a picture and a log that was not taken in yet; and the backup of another one."""

    def __init__(self, folder: Path, templates: SqliteTemplates) -> None:
        """Make both."""
        self.folder, self.file = folder, folder / "shop.tar.gz"
        self.new, self.old = (self._shop(templates.fresh(), number) for number in (NEW, OLD))
        assert self.shop("backup", self.file, of=self.new).returncode == 0
        self.data = sqlite_file(self.old, "cart").parent
        crash = [sys.executable, "-c", CRASHED, str(self.data / "cart.db"), str(OLD)]
        subprocess.run(crash, check=True)
        assert (self.data / "cart.db-wal").stat().st_size
        self.keys = [kept_key(sqlite_file(url, "cart").parent) for url in (self.old, self.new)]

    def _shop(self, url: str, number: int) -> str:
        mark(url, number)
        folder = sqlite_file(url, "cart").parent
        kept_key(folder)
        picture = folder / "images" / "ab" / f"ab{number}-320.webp"
        picture.parent.mkdir(parents=True)
        picture.write_text(str(number))
        return url

    def settings(self, url: str) -> dict[str, str]:
        """Give the settings of a shop."""
        return {"DATABASE_URL": url, "IMAGES_STORE": f"{sqlite_file(url, 'cart').parent}/images/"}

    def shop(self, *words: str | Path, of: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return shop(self.folder, *map(str, words), **self.settings(of))

    def killed(self, at: int) -> int:
        """Restore over the old shop and be killed as a file is about to be renamed for the so-manieth time; gives the exit code."""
        command = [sys.executable, "-B", "-c", KILLED, str(at), "restore", str(self.file)]
        return subprocess.run(command, cwd=self.folder, env=environment(**self.settings(self.old)), capture_output=True, check=False).returncode

    def asides(self) -> list[Path]:
        """Give the folders with what was there before."""
        return sorted(self.data.glob("before-*"))


@pytest.fixture
def place(tmp_path: Path, sqlite_templates: SqliteTemplates) -> Place:
    """Give an old shop and a backup."""
    return Place(tmp_path, sqlite_templates)


def test_killed_before_any_rename_it_is_repeated(place: Place, sqlite_templates: SqliteTemplates, tmp_path: Path) -> None:
    """One picture, five old and five new files: eleven renames, and SIGKILL before each of them."""
    assert place.killed(12) == 0
    for at in range(1, 12):
        folder = tmp_path / str(at)
        folder.mkdir()
        again = Place(folder, sqlite_templates)
        assert again.killed(at) == -signal.SIGKILL
        if not (again.data / LOCK).read_text():
            assert (at, marks(again.data), kept_key(again.data)) == (1, [OLD] * 4, again.keys[0])
        assert again.shop("restore", again.file, of=again.old).returncode == 0
        assert (again.data / LOCK).read_text() == ""
        (aside,) = again.asides()
        assert (marks(again.data), marks(aside)) == ([NEW] * 4, [OLD] * 4)
        assert [kept_key(aside), kept_key(again.data)] == again.keys
        assert sorted(path.name for path in again.data.iterdir()) == sorted(
            [aside.name, "images", FILE, LOCK, *(f"{module}.db" for module in ("products", "cart", "sales", "users"))]
        )
        assert sorted(path.name for path in (again.data / "images" / "ab").iterdir()) == ["ab1-320.webp", "ab2-320.webp"]


def test_no_shop_starts_from_a_mixture(place: Place) -> None:
    """Until the restore was repeated; the line says so."""
    assert place.killed(8) == -signal.SIGKILL
    serve = ["serve", "--modules", "products", "--port", str(free_port())]
    done = place.shop(*serve, of=place.old)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"a restore into {place.data} was interrupted, some of its files are old and some are new: run shop restore again",
    )


def test_a_backup_that_is_killed_is_never_taken_for_a_whole_one(place: Place) -> None:
    """The name is there when everything is."""
    target = place.folder / "second.tar.gz"
    command = [sys.executable, "-B", "-c", KILLED, "1", "backup", str(target)]
    settings = environment(**place.settings(place.new))
    assert subprocess.run(command, cwd=place.folder, env=settings, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert not target.exists()
    (left,) = place.folder.glob(".second.tar.gz.unfinished-*")
    assert left.stat().st_mode & 0o777 == 0o700
    assert place.shop("backup", target, of=place.new).returncode == 0
    assert os.stat(target).st_mode & 0o777 == 0o600
