"""Staff take the catalogue in and give it out over HTTP, and add pictures that everybody sees."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.fakes.images import FakeImages
from tests.products.client import CUSTOMER, STAFF, Client, fields
from tests.support.pictures import picture

from shop.kit.clock import Clock
from shop.kit.problems import Unavailable

IMPORTS = "/catalogue/imports"
CSV = "product,title,sku,price\nmug,Mug,mug,12.50\npot,Pot,pot,x\n"


@pytest.fixture
def images() -> FakeImages:
    """Give where pictures are kept."""
    return FakeImages()


@pytest.fixture
async def client(database_url: str, clock: Clock, images: FakeImages) -> AsyncIterator[Client]:
    """Give the API over these pictures."""
    async with Client.opened(database_url, clock, images) as made:
        yield made


async def sent(client: Client, path: str, content: str | bytes, **headers: str) -> httpx.Response:
    """Send a file as staff."""
    return await client.http.post(path, content=content, headers=STAFF | headers)


async def test_a_file_is_taken_in_and_given_out(client: Client) -> None:
    """What came out changes nothing when it goes in."""
    report = (await sent(client, IMPORTS, CSV)).json()
    assert {name: report[name] for name in ("lines", "new", "changed", "unchanged", "refused", "dry_run")} == {
        "lines": 2, "new": 1, "changed": 0, "unchanged": 0, "refused": 1, "dry_run": False,
    }  # fmt: skip
    reason = "price: is not a price such as 19.99"
    assert report["items"] == [{"line": 3, "sku": "pot", "verdict": "refused", "differences": [], "reason": reason}]
    out = await client.http.get("/catalogue", headers=STAFF)
    assert (out.status_code, out.headers["content-type"], out.headers["cache-control"]) == (200, "text/csv; charset=utf-8", "no-store")
    assert out.text.count("\r\n") == 2
    again = (await sent(client, IMPORTS, out.content)).json()
    assert (again["lines"], again["unchanged"]) == (1, 1)


async def test_a_dry_run_shows_the_differences(client: Client) -> None:
    """And changes nothing."""
    await sent(client, IMPORTS, CSV)
    report = (await sent(client, f"{IMPORTS}?dry_run=true", CSV.replace("12.50", "13"))).json()
    assert report["dry_run"] is True
    assert report["items"][0]["differences"] == [{"field": "price", "old": "12.50", "new": "13.00"}]
    assert (await client.get("/products/mug")).json()["variants"][0]["price"]["amount"] == 1250


async def test_a_broken_file_is_a_400_that_names_the_line(client: Client) -> None:
    """Nothing of it is done."""
    assert fields(await sent(client, IMPORTS, "product,sku\nmug,\xfc".encode("latin-1"))) == ["line 2"]
    assert fields(await sent(client, IMPORTS, b"")) == ["line 1"]
    assert (await sent(client, IMPORTS, b"x" * (8 * 1024 * 1024 + 1))).status_code == 413


async def test_a_long_file_is_read_as_it_comes(client: Client) -> None:
    """In parts without a length, each of which ends within a line; beyond 8 MiB it is refused all the same."""
    lines = "".join(f"p{number},P,s{number},1\n" for number in range(1_500))

    async def parts(times: int) -> AsyncIterator[bytes]:
        content = ("product,title,sku,price\n" + lines * times).encode()
        for start in range(0, len(content), 1_001):
            yield content[start : start + 1_001]

    done = await client.http.post(IMPORTS, content=parts(1), headers=STAFF)
    assert done.json()["new"] == 1_500
    assert (await client.http.post(IMPORTS, content=parts(400), headers=STAFF)).status_code == 413


async def test_only_staff_may(client: Client) -> None:
    """Strangers are 401, customers 403."""
    for headers, status in (({}, 401), (CUSTOMER, 403)):
        for method, path in (("POST", IMPORTS), ("GET", "/catalogue"), ("POST", "/products/mug/images")):
            assert (await client.http.request(method, path, headers=headers)).status_code == status


async def test_a_picture_is_added_and_shown_for_ever(client: Client, images: FakeImages) -> None:
    """In three widths, at addresses that may be kept for a year."""
    id = (await client.sells("mug", images=["https://img.example/a.jpg"]))["id"]
    answer = await sent(client, f"/products/{id}/images", picture(1000, 500), **{"Content-Type": "text/plain"})
    assert answer.status_code == 201, answer.text
    added = answer.json()
    assert [size["width"] for size in added["sizes"]] == [320, 800, 1600]
    assert added["product"]["images"] == ["https://img.example/a.jpg", added["url"]]
    assert added["url"] == added["sizes"][-1]["url"]
    assert added["url"].startswith("http://localhost:8000/api/v1/images/")
    assert len(images.kept) == 3
    assert (await client.get("/products/mug")).headers["etag"] == answer.headers["etag"]
    shown = await client.get(added["url"].removeprefix("http://localhost:8000/api/v1"))
    assert (shown.headers["content-type"], shown.headers["cache-control"]) == ("image/webp", "public, max-age=31536000, immutable")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.content.startswith(b"RIFF")
    kept = await client.get(f"/images/{added['url'].rpartition('/')[2]}", 304, If_None_Match=shown.headers["etag"])
    assert kept.content == b""
    again = await sent(client, f"/products/{id}/images", picture(1000, 500))
    assert again.json()["product"]["version"] == added["product"]["version"]


async def test_a_picture_that_is_taken_out_of_a_product_is_still_shown(client: Client) -> None:
    """Somebody may have its address."""
    await client.sells("mug")
    url = (await sent(client, "/products/mug/images", picture())).json()["url"]
    await client.call("PATCH", "/products/mug", {"images": []}, status=200)
    await client.get(url.removeprefix("http://localhost:8000/api/v1"))


@pytest.mark.parametrize(
    "name", ["x", f"{'0' * 64}-320.webp", f"{'0' * 64}-321.webp", f"{'0' * 63}-320.webp", "..%2f..%2fetc%2fpasswd", f"{'0' * 64}-320.png"]
)
async def test_what_is_no_picture_of_ours_is_404(client: Client, name: str) -> None:
    """Whatever was asked for."""
    await client.get(f"/images/{name}", 404)


async def test_pictures_are_refused_where_the_product_or_the_file_forbids_it(client: Client, images: FakeImages) -> None:
    """Unknown, changed meanwhile, full, no picture, too large; what is refused is not kept."""
    assert (await sent(client, "/products/mug/images", picture())).status_code == 404
    await client.sells("mug", images=[f"https://img.example/{number}.jpg" for number in range(19)])
    assert fields(await sent(client, "/products/mug/images", b"<svg/>")) == ["body"]
    assert fields(await sent(client, "/products/mug/images", b"")) == ["body"]
    assert (await sent(client, "/products/mug/images", b"x" * (10 * 1024 * 1024 + 1))).status_code == 413
    assert not images.kept
    assert (await sent(client, "/products/mug/images", picture(), **{"If-Match": '"old"'})).status_code == 412
    assert (await sent(client, "/products/mug/images", picture())).status_code == 201
    full = await sent(client, "/products/mug/images", picture(33))
    assert (full.status_code, full.json()["code"]) == (409, "too_many_images")


async def test_without_its_store_pictures_are_503_and_products_are_shown(client: Client, images: FakeImages) -> None:
    """The catalogue does not need it."""
    await client.sells("mug")
    images.failure = Unavailable("the bucket is away")
    answer = await sent(client, "/products/mug/images", picture())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    await client.get(f"/images/{'0' * 64}-320.webp", 503)
    assert (await client.get("/products/mug")).json()["images"] == []
