"""`shop backup` and `shop restore` as people type them: what they say, and every way in which they refuse."""

import fcntl
import gzip
import json
import os
import re
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.support.needs import need

from shop.backup.archive import Manifest
from shop.cli import cli
from shop.configuration.keys import KEYS
from shop.configuration.signing import FILE, kept_key
from shop.kit import revisions
from shop.kit.database import sqlite_file
from shop.settings import MODULES


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Path:
    """Work in an empty folder, with the settings of a shop whose tables are up to date."""
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("SHOP_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SHOP_IMAGES_STORE", str(data(sqlite_url) / "images"))
    return tmp_path


@pytest.fixture
def file(here: Path, sqlite_url: str) -> Path:
    """Give a backup with a key and a picture."""
    kept_key(data(sqlite_url))
    picture = data(sqlite_url) / "images" / "ab" / "abcd-320.webp"
    picture.parent.mkdir(parents=True)
    picture.write_text("picture")
    (picture.parent / ".unfinished-x").write_text("half")
    assert shop("backup", "shop.tar.gz").exit_code == 0
    return here / "shop.tar.gz"


def data(url: str) -> Path:
    """Give the data folder."""
    return sqlite_file(url, "users").parent


def shop(*words: str | Path, **environ: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(cli, list(map(str, words)), env=environ, prog_name="shop")


def refused(done: Result) -> str:
    """Give the one line of a refusal."""
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    return line


def elsewhere(here: Path) -> dict[str, str]:
    """Give settings that lead to a folder in which nothing is."""
    return {"SHOP_DATABASE_URL": f"sqlite:///{here}/new/", "SHOP_IMAGES_STORE": f"{here}/new/images/"}


def rewritten(file: Path, **changes: object) -> Path:
    """Give a copy whose manifest says something else."""
    made = file.with_name("changed.tar.gz")
    with tarfile.open(file) as old, tarfile.open(made, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            read = content.read()
            if member.name == "manifest.json":
                read = msgspec.json.encode(msgspec.json.decode(read) | changes)
                member.size = len(read)
            new.addfile(member, BytesIO(read))
    return made


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


def test_nothing_is_backed_up_while_a_restore_is_under_way_or_was_interrupted(here: Path, file: Path, sqlite_url: str) -> None:
    """It would be a mixture of two shops."""
    lock = data(sqlite_url) / "shop.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refused(shop("backup", "second.tar.gz")) == f"a backup is being restored into {data(sqlite_url)}: try again when that is done"
    lock.write_text("before-x\n")
    assert refused(shop("backup", "second.tar.gz")).startswith(f"a restore into {data(sqlite_url)} was interrupted")
    assert not (here / "second.tar.gz").exists()


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
