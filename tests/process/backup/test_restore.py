"""`shop restore` refuses what would not be whole afterwards, before anything is touched."""

import gzip
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from tests.process.backup.typed import data, elsewhere, refused, rewritten, shop
from tests.support.needs import need

from shop.kit import revisions
from shop.kit.database import sqlite_file
from shop.settings import MODULES


def test_a_file_that_is_no_backup_is_refused(here: Path, file: Path) -> None:
    """Before anything is touched: not even the folder is made."""
    (here / "text").write_text("text")
    with gzip.open(here / "packed", "wb") as packed:
        packed.write(b"text" * 1000)
    assert refused(shop("restore", "nothing", **elsewhere(here))) == "nothing cannot be restored: No such file or directory"
    assert refused(shop("restore", "text", **elsewhere(here))).startswith("text is not a whole backup: Not a gzipped file")
    assert refused(shop("restore", "packed", **elsewhere(here))).startswith("packed is not a whole backup: ")
    assert not (here / "new").exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.999])
def test_a_backup_that_is_cut_off_or_changed_is_refused(here: Path, file: Path, part: float) -> None:
    """At the beginning, in the middle, in the last bytes; a single bit is enough."""
    whole = file.read_bytes()
    place = int(len(whole) * part)
    file.write_bytes(whole[:place])
    assert "is not a whole backup: " in refused(shop("restore", file, **elsewhere(here)))
    for changed in {max(place, 12), len(whole) - 8} - {int(len(whole) * 0.999)}:  # a few bits in its last and first bytes mean nothing to gzip
        file.write_bytes(whole[:changed] + bytes([whole[changed] ^ 1]) + whole[changed + 1 :])
        assert "is not a whole backup: " in refused(shop("restore", file, **elsewhere(here)))
    assert not (here / "new").exists()


def test_a_backup_without_its_end_is_refused(here: Path, file: Path) -> None:
    """Though nothing in it is wrong."""
    with tarfile.open(file) as old, tarfile.open(here / "part.tar.gz", "w:gz") as new:
        new.addfile(old.getmembers()[0], old.extractfile(old.getmembers()[0]))
    assert refused(shop("restore", "part.tar.gz", **elsewhere(here))) == "part.tar.gz is not a whole backup: its end is missing"


def test_what_the_manifest_does_not_say_is_refused(here: Path, file: Path) -> None:
    """A checksum, a file too many, a form of the future."""
    with tarfile.open(file) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        files = msgspec.json.decode(manifest.read())["files"]
    swapped = [files[0] | {"sha256": files[1]["sha256"]}, *files[1:]]
    for changed in (swapped, files[1:]):
        line = refused(shop("restore", rewritten(file, files=changed), **elsewhere(here)))
        assert line.endswith("is not a whole backup: databases/products.db is not what the manifest says")
    line = refused(shop("restore", rewritten(file, format=2, files=None), **elsewhere(here)))
    assert "has written it in a form that this Shop" in line
    assert not (here / "new").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "pictures/../../evil", "pictures/ab/../evil", "databases/products.db-wal"])
def test_a_name_that_leads_elsewhere_is_refused(here: Path, file: Path, name: str) -> None:
    """Nothing is written outside the places of the settings."""
    with tarfile.open(here / "evil.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, BytesIO(b"x"))
    assert refused(shop("restore", "evil.tar.gz", **elsewhere(here))).endswith(f"{name!r} does not belong there")


def test_a_newer_backup_is_refused(here: Path, file: Path) -> None:
    """Tables that this Shop does not know."""
    newer = {module: revisions.newest(module) for module in MODULES} | {"sales": "sales_9999"}
    line = refused(shop("restore", rewritten(file, modules=newer, shop="9.0"), **elsewhere(here)))
    assert "the tables of sales in" in line
    assert "are at sales_9999, made by Shop 9.0; this Shop (" in line
    assert not (here / "new").exists()


def test_an_older_backup_is_taken(here: Path, file: Path) -> None:
    """`shop serve` and `shop migrate` bring it up to date."""
    older = {module: revisions.newest(module) for module in MODULES} | {"sales": "sales_0001"}
    assert shop("restore", rewritten(file, modules=older), **elsewhere(here)).exit_code == 0


def test_the_modules_must_be_those_of_the_backup(here: Path, file: Path) -> None:
    """Half of a moment is none; the line says what to set."""
    line = refused(shop("restore", file, SHOP_MODULES="products,cart", **elsewhere(here)))
    assert line == f"{file} holds products,cart,sales,users, hosted here is products,cart: set SHOP_MODULES=products,cart,sales,users"


@contextmanager
def opened(url: str) -> Iterator[sqlite3.Connection]:
    """Have a database open as the shop has it, without serving."""
    with closing(sqlite3.connect(sqlite_file(url, "sales"), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("SELECT count(*) FROM orders").fetchone()
        yield connection


def test_nothing_is_restored_under_another_program(here: Path, file: Path, sqlite_url: str) -> None:
    """Such as an import, or a shell that somebody has left open."""
    before = sorted(os.listdir(data(sqlite_url)))
    with opened(sqlite_url):
        assert refused(shop("restore", file)) == f"another program uses {sqlite_file(sqlite_url, 'sales')}: stop it first"
    assert not [name for name in os.listdir(data(sqlite_url)) if name.startswith(("before", ".restoring"))]
    assert set(before) <= set(os.listdir(data(sqlite_url)))


def test_who_was_about_to_use_an_old_file_fails(here: Path, file: Path, sqlite_url: str) -> None:
    """A program that had opened it and not read yet does not write where nobody looks any more."""
    with closing(sqlite3.connect(sqlite_file(sqlite_url, "sales"), isolation_level=None)) as late:
        assert shop("restore", file).exit_code == 0
        with pytest.raises(sqlite3.OperationalError):
            late.execute("PRAGMA journal_mode=WAL")
            late.execute("DELETE FROM orders")


def test_a_damaged_shop_is_replaced(here: Path, file: Path, sqlite_url: str) -> None:
    """That is what backups are for; a log that belongs to the damaged file never meets the new one."""
    sqlite_file(sqlite_url, "sales").write_text("not a database" * 100)
    sqlite_file(sqlite_url, "sales").with_name("sales.db-wal").write_text("not a log")
    done = shop("restore", file, "--json")
    (aside,) = json.loads(done.stdout)["aside"]
    assert (Path(aside) / "sales.db").read_text().startswith("not a database")
    assert (Path(aside) / "sales.db-wal").read_text() == "not a log"
    assert shop("migrate", "--check").exit_code == 0


def test_what_root_restores_belongs_to_the_shop(here: Path, file: Path) -> None:
    """The owner of the data folder owns the files too."""
    need(os.geteuid() == 0, "root, to give files away")
    (here / "new").mkdir()
    os.chown(here / "new", 12345, 12346)
    assert shop("restore", file, **elsewhere(here)).exit_code == 0
    assert shop("restore", file, **elsewhere(here)).exit_code == 0
    made = [*(here / "new").rglob("*")]
    assert len(made) > 12
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12346)}
