"""products: reads that need not be sent twice."""

import re
from collections.abc import Callable

import httpx
import pytest
from tests.blackbox.outside import Demo, euro, ok


@pytest.mark.parametrize("path", ["/products", "/products/cafe-huila", "/categories", "/products?q=cafe&limit=3"])
def test_reads_of_the_catalogue_can_be_kept(demo: Demo, path: str) -> None:
    """They carry ETag and Cache-Control; If-None-Match gives 304."""
    first = demo.http.get(path)
    ok(first)
    tag = first.headers["etag"]
    assert re.fullmatch(r'(W/)?"[^"]+"', tag)
    assert first.headers["cache-control"]
    strong = tag.removeprefix("W/")
    for match in (tag, f"W/{strong}", f'"other", {tag}', "*", f'"a",{strong} , "b"'):
        again = demo.http.get(path, headers={"If-None-Match": match})
        assert (again.status_code, again.content) == (304, b""), match
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"]
    for match in ('"other"', "garbage", strong.strip('"'), '"', ""):
        ok(demo.http.get(path, headers={"If-None-Match": match}))


def test_an_etag_changes_with_what_it_stands_for(demo: Demo) -> None:
    """Nobody is told that nothing changed when stock, price or title did."""
    made = demo.product(stock=1)
    sku = made["variants"][0]["sku"]
    paths = (f"/products/{made['id']}", f"/products?q={made['title']}")
    changes: tuple[Callable[[], httpx.Response], ...] = (
        lambda: demo.http.patch(f"/variants/{sku}", json={"price": euro(5)}, headers=demo.staff),
        lambda: demo.stock(sku, -1),
        lambda: demo.http.patch(f"/products/{made['id']}", json={"images": ["https://img.example/n.png"]}, headers=demo.staff),
    )
    for change in changes:
        tags = [demo.http.get(path).headers["etag"] for path in paths]
        ok(change())
        for path, tag in zip(paths, tags, strict=True):
            ok(demo.http.get(path, headers={"If-None-Match": tag}))
