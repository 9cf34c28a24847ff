"""What staff do with files: the catalogue from a table, and pictures for everybody."""

import os
from io import BytesIO

from PIL import Image
from tests.support.shop import Shop

IMPORTS = "/catalogue/imports"
LINES = 2_000


def photo() -> bytes:
    """Take a photo that is larger than any other body may be."""
    made = BytesIO()
    Image.frombytes("RGB", (400, 200), os.urandom(400 * 200 * 3)).save(made, "PNG")
    return made.getvalue()


async def test_staff_fill_the_shelves_from_a_file(shop: Shop) -> None:
    """In, out, and in again, which changes nothing; a stranger may do none of it."""
    lines = [f"mug-{number // 4},Mug {number // 4},A mug for every day of the year,sku-{number},12.50" for number in range(LINES)]
    file = "\n".join(["product,title,description,sku,price", *lines, "pot,Pot,,pot,x"])
    assert len(file) > 64 * 1024
    report = await shop.call("POST", IMPORTS, content=file, headers=shop.staff())
    assert report.status_code == 200, report.text
    assert (report.json()["new"], report.json()["refused"]) == (LINES, 1)
    out = await shop.call("GET", "/catalogue", headers=shop.staff())
    assert (out.status_code, out.text.count("\r\n")) == (200, LINES + 1)
    assert out.headers["content-type"].startswith("text/csv")
    again = (await shop.call("POST", f"{IMPORTS}?dry_run=true", content=out.content, headers=shop.staff())).json()
    assert (again["unchanged"], again["lines"]) == (LINES, LINES)
    await shop.stock("sku-7", 1)
    await shop.guest().fills(**{"sku-7": 1})
    assert (await shop.call("GET", "/catalogue")).status_code == 401
    assert (await shop.call("POST", IMPORTS, content="product,sku")).status_code == 401


async def test_a_picture_is_seen_by_everybody(shop: Shop) -> None:
    """Sent by staff, shown in three widths at addresses that may be kept for ever."""
    id = (await shop.product("mug"))["id"]
    content = photo()
    assert len(content) > 64 * 1024
    added = await shop.call("POST", f"/products/{id}/images", content=content, headers=shop.staff())
    assert added.status_code == 201, added.text
    listed = (await shop.call("GET", "/products")).json()["items"][0]
    assert listed["image_url"] == added.json()["url"]
    for size, width in zip(added.json()["sizes"], (320, 400, 400), strict=True):
        shown = await shop.call("GET", size["url"].partition("/api/v1")[2])
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
        assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert Image.open(BytesIO(shown.content)).width == width
    assert (await shop.call("POST", f"/products/{id}/images", content=b"x")).status_code == 401
