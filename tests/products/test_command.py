"""`shop products` as people type it: what it prints, how it ends, and what is left when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.products.world import World

from shop.modules.products import tables
from shop.modules.products.files import LARGEST_BATCH

HEADING = "product,title,category,sku,price,attributes"
LINES = 2_400


def settings(url: str) -> dict[str, str]:
    """Give the settings of a process that hosts products."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    return inherited | {"SHOP_MODULES": "products", "SHOP_DATABASE_URL": url}


@pytest.fixture
def environment(sqlite_url: str) -> dict[str, str]:
    """Give settings over SQLite."""
    return settings(sqlite_url)


def shop(environment: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "shop", "products", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def catalogue(path: Path, lines: int, *, wrong: int = 0) -> Path:
    """Write a file in which every `wrong`th line has no price."""
    rows = [f'p{n // 3},Product {n // 3},,s{n},{"" if wrong and n % wrong == 0 else f"{n % 90}.50"},"{{""n"": {n}}}"' for n in range(lines)]
    path.write_text("\n".join([HEADING, *rows]) + "\n")
    return path


async def state(world: World) -> list[Any]:
    """Give all that the catalogue says, but when and in which order it was made."""
    p, v = tables.products.c, tables.variants.c
    query = sa.select(p.slug, p.title, p.lowest_price, p.search_text, p.version, v.sku, v.position, v.price, v.attributes)
    async with world.database.read() as store:
        return list(await store.rows(query.join_from(tables.products, tables.variants).order_by(v.sku)))


def test_a_file_is_shown_taken_in_corrected_and_given_out(environment: dict[str, str], tmp_path: Path) -> None:
    """The whole way of a file."""
    file = catalogue(tmp_path / "goods.csv", 10, wrong=5)
    shown = shop(environment, "import", file, "--dry-run")
    assert (shown.returncode, shown.stderr) == (1, "2 of 10 lines would be refused\n")
    assert shown.stdout.splitlines()[:2] == ["2 s0: refused: price: is empty", "3 s1: new"]
    assert shown.stdout.splitlines()[-1] == "would be new 8, would be changed 0, unchanged 0, of 10 lines"
    done, report = shop(environment, "import", file), tmp_path / "goods.refused.csv"
    assert (done.returncode, done.stdout) == (1, "new 8, changed 0, unchanged 0, of 10 lines\n")
    assert done.stderr == f"2 of 10 lines were refused: see {report}\n"
    assert report.read_text().splitlines()[0] == f"{HEADING},line,reason"
    assert report.read_text().splitlines()[1].endswith(",2,price: is empty")
    report.write_text(report.read_text().replace("s0,,", "s0,5,").replace("s5,,", "s5,5,"))
    assert (mended := shop(environment, "import", report)).returncode == 0, mended.stderr
    out = tmp_path / "out.csv"
    assert shop(environment, "export", out).returncode == 0
    assert shop(environment, "export").stdout.encode() == out.read_bytes().replace(b"\r\n", b"\n")
    again = json.loads(shop(environment, "import", out, "--json").stdout)
    assert again == {"dry_run": False, "lines": 10, "new": 0, "changed": 0, "unchanged": 10, "refused": 0, "report": None}
    changed = out.with_name("changed.csv")
    changed.write_text(out.read_text().replace("Product 0", "Other"))
    assert "title 'Product 0' -> 'Other'" in shop(environment, "import", changed, "--dry-run").stdout


async def test_an_import_that_is_killed_and_repeated_ends_like_one_that_was_not(database_url: str, world: World, tmp_path: Path) -> None:
    """SIGKILL in the middle, twice: whole batches are there, none half; the third goes through, and every line was made once."""
    file = catalogue(tmp_path / "goods.csv", LINES, wrong=7)
    refused, environment = len(range(0, LINES, 7)), settings(database_url)
    seen = [0]
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-m", "shop", "products", "import", str(file)], env=environment, stderr=subprocess.DEVNULL)
        await _until_more(world, seen[-1], process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.append(await _variants(world))
        assert seen[-2] < seen[-1] < LINES - refused
    done = shop(environment, "import", file, "--json")
    counts = json.loads(done.stdout)
    assert (counts["unchanged"], counts["new"], counts["changed"], counts["refused"]) == (seen[-1], LINES - refused - seen[-1], 0, refused)
    assert counts["lines"] == LINES
    found = await state(world)
    assert [(row.slug, row.sku, row.price, row.version) for row in found] == sorted(
        ((f"p{n // 3}", f"s{n}", n % 90 * 100 + 50, 1) for n in range(LINES) if n % 7), key=lambda row: row[1]
    )


async def _variants(world: World) -> int:
    async with world.database.read() as store:
        found: int = await store.scalar(sa.select(sa.func.count()).select_from(tables.variants))
    return found


async def _until_more(world: World, before: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while await _variants(world) <= before:
        assert process.poll() is None
        assert time.monotonic() < end


def test_a_broken_file_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    """Nothing is done, and no report is written."""
    file = tmp_path / "goods.csv"
    file.write_bytes("product,sku\nmüg,mug\n".encode("latin-1"))
    done = shop(environment, "import", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "line 2: is not UTF-8: save the file as CSV in UTF-8\n"
    assert os.listdir(tmp_path) == ["goods.csv"]
    assert shop(environment, "import", tmp_path / "none.csv").returncode == 2
    assert shop(environment, "import", file, "--refused", file).returncode == 2


def test_only_where_products_is(environment: dict[str, str], tmp_path: Path) -> None:
    """Elsewhere it says so."""
    elsewhere = environment | {"SHOP_MODULES": "cart"}
    for words in (("import", catalogue(tmp_path / "goods.csv", 1)), ("export",)):
        done = shop(elsewhere, *words)
        assert (done.returncode, "products is not hosted here" in done.stderr) == (1, True)


def test_a_batch_is_one_statement_away_from_no_limit() -> None:
    """PostgreSQL takes 32,767 values in a statement, SQLite 32,766; a variant has nine, a product thirteen."""
    assert LARGEST_BATCH * 13 < 32_766
