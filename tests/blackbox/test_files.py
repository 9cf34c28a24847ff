"""products: the catalogue as a CSV file, and pictures."""

import csv
import io
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from tests.blackbox.conftest import SHOP, clean_environment
from tests.blackbox.outside import Demo, Json, ok, problem, unique

HEADING = "product,title,description,category,images,sku,variant,price,compare_at_price,attributes"


def take_in(demo: Demo, text: str | bytes, *, dry_run: bool = False) -> Json:
    """Send a file as staff."""
    query = {"dry_run": "true"} if dry_run else {}
    return ok(demo.http.post("/catalogue/imports", content=text, params=query, headers=demo.staff | {"Content-Type": "text/csv"}))


def counts(report: Json) -> tuple[int, int, int, int]:
    """Give how many were new, changed, unchanged and refused."""
    return report["new"], report["changed"], report["unchanged"], report["refused"]


def photo(width: int = 1200, height: int = 600, colour: str = "teal", kind: str = "JPEG") -> bytes:
    """Take a photo."""
    made = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(made, kind)
    return made.getvalue()


def test_staff_take_the_catalogue_in_from_a_file(demo: Demo) -> None:
    """New the first time, unchanged the second, changed by what a price list says; a bad line harms no other."""
    slug = unique("file")
    lines = [f"{slug},Mug,For tea,,,{slug}-red,Red,12.50,15,", f'{slug},Mug,For tea,,,{slug}-blue,,9.9,,"{{""litres"": 0.3}}"']
    file = "\n".join([HEADING, *lines, f"{slug},Mug,For tea,,,{slug}-bad,,9.999,,"])
    assert counts(take_in(demo, file, dry_run=True)) == (2, 0, 0, 1)
    problem(demo.http.get(f"/products/{slug}"), 404)
    first = take_in(demo, file)
    assert counts(first) == (2, 0, 0, 1)
    assert first["items"][0]["line"] == 4
    assert first["items"][0]["reason"].startswith("price")
    assert counts(take_in(demo, file)) == (0, 0, 2, 1)
    product = ok(demo.http.get(f"/products/{slug}"))
    assert [(variant["sku"], variant["price"]["amount"]) for variant in product["variants"]] == [(f"{slug}-red", 1250), (f"{slug}-blue", 990)]
    assert product["variants"][1]["attributes"] == {"litres": 0.3}
    prices = f"sku;product;price\n{slug}-red;{slug};13\n"
    shown = take_in(demo, prices, dry_run=True)
    assert shown["items"][0]["differences"] == [{"field": "price", "old": "12.50", "new": "13.00"}]
    assert counts(take_in(demo, prices)) == (0, 1, 0, 0)
    assert ok(demo.http.get(f"/products/{slug}"))["variants"][0]["price"]["amount"] == 1300


def test_what_came_out_changes_nothing_when_it_goes_in(demo: Demo) -> None:
    """The sample catalogue and whatever other tests made of it; no cell is a formula."""
    slug = unique("formula")
    assert counts(take_in(demo, f"product,title,sku,price\n{slug},'=1+1,{slug},1\n")) == (1, 0, 0, 0)
    assert ok(demo.http.get(f"/products/{slug}"))["title"] == "=1+1"
    out = demo.http.get("/catalogue", headers=demo.staff)
    assert out.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(out.text, newline="")))
    assert rows[0] == HEADING.split(",")
    assert len(rows) > 60
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    report = take_in(demo, out.content, dry_run=True)
    assert counts(report) == (0, 0, len(rows) - 1, 0), report["items"][:3]


def test_the_commands_do_the_same_beside_the_running_shop(demo: Demo, tmp_path: Path) -> None:
    """Import and export over the demo's database, while it serves."""
    slug = unique("command")
    environment = clean_environment(SHOP_MODULES="products", SHOP_DATABASE_URL=f"sqlite:///{demo.folder}/")
    (tmp_path / "goods.csv").write_text(f"product,title,sku,price\n{slug},Pot,{slug},5\n")
    done = subprocess.run([SHOP, "products", "import", "goods.csv"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "new 1, changed 0, unchanged 0, of 1 lines\n", "")
    assert ok(demo.http.get(f"/products/{slug}"))["title"] == "Pot"
    out = subprocess.run([SHOP, "products", "export"], cwd=tmp_path, env=environment, capture_output=True, timeout=60).stdout
    assert f"{slug},Pot".encode() in out
    assert os.listdir(tmp_path) == ["goods.csv"]


@pytest.mark.parametrize("text", [b"", b"title,price\n", "product,sku\nm\xfcg,mug".encode("latin-1"), b'product,sku\nmug,"mug\n'])
def test_a_file_that_cannot_be_read_names_the_line(demo: Demo, text: bytes) -> None:
    """400, and nothing is done."""
    found = problem(demo.http.post("/catalogue/imports", content=text, headers=demo.staff), 400)
    assert found["errors"][0]["field"].startswith("line ")


def test_a_picture_is_kept_in_three_widths_and_may_be_cached_for_ever(demo: Demo) -> None:
    """The product shows the widest; each is WebP, no wider than its name says."""
    product = demo.product()
    added = ok(demo.http.post(f"/products/{product['id']}/images", content=photo(), headers=demo.staff), 201)
    assert ok(demo.http.get(f"/products/{product['id']}"))["images"][-1] == added["url"]
    assert [size["width"] for size in added["sizes"]] == [320, 800, 1600]
    for size, width in zip(added["sizes"], (320, 800, 1200), strict=True):
        shown = demo.http.get(size["url"])
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
        assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert Image.open(io.BytesIO(shown.content)).size == (width, width // 2)
        assert demo.http.get(size["url"], headers={"If-None-Match": shown.headers["etag"]}).status_code == 304


def test_a_body_is_a_picture_by_its_content(demo: Demo) -> None:
    """Whatever type was sent; what is none is a 400."""
    product = demo.product()
    path = f"/products/{product['id']}/images"
    ok(demo.http.post(path, content=photo(kind="PNG"), headers=demo.staff | {"Content-Type": "text/plain"}), 201)
    problem(demo.http.post(path, content=b"<svg/>", headers=demo.staff | {"Content-Type": "image/png"}), 400, at="body")


def test_only_staff_send_files(demo: Demo) -> None:
    """Nobody else sees the export either."""
    product = demo.product()
    for method, path in (("POST", "/catalogue/imports"), ("GET", "/catalogue"), ("POST", f"/products/{product['id']}/images")):
        problem(demo.http.request(method, path), 401)
