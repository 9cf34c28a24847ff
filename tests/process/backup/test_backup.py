"""`shop backup` as people type it, and what it is good for: what it says, and every way in which it refuses."""

import fcntl
import json
import os
import re
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.process.backup.typed import data, elsewhere, refused, shop

from shop.backup.archive import Manifest
from shop.configuration.signing import FILE, kept_key
from shop.kit import revisions
from shop.kit.database import sqlite_file
from shop.settings import MODULES


def test_what_is_backed_up_is_restored(here: Path, file: Path, sqlite_url: str) -> None:
    """Readable by its owner only, with a manifest; the lines say of which moment, where the old files are, and what to do next."""
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        names = tar.getnames()
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        written = msgspec.json.decode(manifest.read(), type=Manifest)
    assert names == [*(f"databases/{module}.db" for module in MODULES), FILE, "pictures/ab/abcd-320.webp", "manifest.json"]
    assert written.modules == {module: revisions.newest(module) for module in MODULES}
    assert [each.name for each in written.files] == names[:-1]

    done = shop("restore", file, **elsewhere(here))
    at, following = done.output.splitlines()
    assert (done.exit_code, at) == (0, f"restored products, cart, sales, users as of {written.at:%Y-%m-%d %H:%M:%S} UTC, 1 files of pictures")
    assert following == "next: shop serve, then shop payments reconcile --since 25h --repair"
    assert kept_key(here / "new") == kept_key(data(sqlite_url))
    assert (here / "new" / FILE).stat().st_mode & 0o777 == 0o600
    assert (here / "new" / "images" / "ab" / "abcd-320.webp").read_text() == "picture"
    assert shop("migrate", "--check", **elsewhere(here)).exit_code == 0

    again = shop("restore", file, "--json", **elsewhere(here))
    (aside,) = json.loads(again.stdout)["aside"]
    assert sorted(os.listdir(aside)) == sorted([*(f"{module}.db" for module in MODULES), FILE])


def test_the_line_says_what_is_in_a_backup(here: Path, file: Path) -> None:
    """Pictures on S3 are not."""
    said = shop("backup", "second.tar.gz").output
    assert re.fullmatch(
        rf"{here}/second\.tar\.gz: products, cart, sales, users as of \S+ \S+ UTC, 1 files of pictures, and the signing key; \d+\.\d MB\n", said
    )
    s3 = {"SHOP_IMAGES_STORE": "s3://bucket", "SHOP_IMAGES_ACCESS_KEY": "x", "SHOP_IMAGES_SECRET_KEY": "y"}
    assert "UTC, pictures are on S3 and not in it, and" in shop("backup", "third.tar.gz", **s3).output
    assert json.loads(shop("backup", "fourth.tar.gz", "--json", **s3).stdout)["pictures"] is None
    assert refused(shop("restore", file, **s3)).endswith(
        "holds pictures, and SHOP_IMAGES_STORE is on S3: set it to a folder, and copy them from there"
    )
    assert shop("restore", "third.tar.gz", **s3).exit_code == 0


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_postgresql_has_its_own_tools(here: Path, file: Path, command: str) -> None:
    """The line has the command; one module on PostgreSQL is enough."""
    line = refused(shop(command, file, SHOP_USERS_DATABASE_URL="postgresql://shop:secret@db/shop"))
    assert line == (
        'users: on PostgreSQL, whose own tools do this: pg_dump --format=custom --file=shop.dump "$SHOP_DATABASE_URL"; see docs/backup.md'
    )
    assert shop("backup", "three.tar.gz", SHOP_USERS_DATABASE_URL="postgresql://db/x", SHOP_MODULES="products,cart,sales").exit_code == 0


def test_a_file_that_exists_is_left_alone(here: Path, file: Path) -> None:
    """Whatever it is."""
    before = file.read_bytes()
    assert refused(shop("backup", file)) == f"{file} is there already and is left as it is: name a file that does not exist"
    assert file.read_bytes() == before
    assert sorted(os.listdir(here)) == ["shop.tar.gz"]


def test_nowhere_to_write_is_one_line(here: Path) -> None:
    """The folder is not made."""
    assert refused(shop("backup", "no/where.tar.gz")) == f"{here}/no/where.tar.gz cannot be written: No such file or directory"


def test_a_database_that_is_not_there_is_one_line(here: Path, sqlite_url: str) -> None:
    """Nothing is made by the way, and no backup without it."""
    sqlite_file(sqlite_url, "sales").unlink()
    line = refused(shop("backup", "shop.tar.gz"))
    assert line == f"the database of sales is not there: {sqlite_file(sqlite_url, 'sales')}; see SHOP_DATABASE_URL"
    assert "the database of products is not there" in refused(shop("backup", "shop.tar.gz", **elsewhere(here)))
    assert (list(here.iterdir()), sqlite_file(sqlite_url, "sales").exists()) == ([], False)


def test_a_database_without_tables_is_one_line(here: Path) -> None:
    """As before the first migration."""
    (here / "new").mkdir()
    for module in MODULES:
        (here / "new" / f"{module}.db").touch()
    assert refused(shop("backup", "shop.tar.gz", **elsewhere(here))) == "the database of products cannot be backed up: no such table: alembic_version"
    assert sorted(os.listdir(here)) == ["new"]


def test_a_damaged_database_is_not_backed_up(here: Path, sqlite_url: str) -> None:
    """A page is overwritten; the copy is examined."""
    path = sqlite_file(sqlite_url, "sales")
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xff" * size)
    assert refused(shop("backup", "shop.tar.gz")).startswith("the database of sales is damaged, nothing was backed up: ")
    assert list(here.iterdir()) == []
    path.write_text("not a database" * 100)
    assert refused(shop("backup", "shop.tar.gz")) == "the database of sales cannot be backed up: file is not a database"


def test_nothing_is_backed_up_while_a_restore_is_under_way_or_was_interrupted(here: Path, file: Path, sqlite_url: str) -> None:
    """It would be a mixture of two shops."""
    lock = data(sqlite_url) / "shop.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refused(shop("backup", "second.tar.gz")) == f"a backup is being restored into {data(sqlite_url)}: try again when that is done"
    lock.write_text("before-x\n")
    assert refused(shop("backup", "second.tar.gz")).startswith(f"a restore into {data(sqlite_url)} was interrupted")
    assert not (here / "second.tar.gz").exists()
