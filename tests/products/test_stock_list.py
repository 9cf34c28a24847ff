"""The stock of the whole catalogue, as staff see it."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from tests.products.client import CUSTOMER, Client

from shop.kit.paging import encode_cursor


async def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Give the items that a query finds."""
    found: list[dict[str, Any]] = (await client.call("GET", f"/stock{query}", status=200)).json()["items"]
    return found


@pytest.fixture
async def shelves(client: Client) -> Client:
    """Three SKUs in two categories, one of them archived."""
    for slug, parent in (("kitchen", None), ("cups", "kitchen"), ("garden", None)):
        await client.call("POST", "/categories", {"slug": slug, "title": slug.capitalize(), "parent": parent}, 201)
    await client.sells("mug-red", title="Café mug", on_hand=3, category="cups")
    await client.sells("mug-blue", title="Blue mug", on_hand=7, category="cups")
    await client.sells("Spade", title="Spade", on_hand=1, category="garden")
    await client.call("DELETE", "/variants/Spade", status=204)
    return client


async def test_every_sku_is_listed_once_with_what_there_is_of_it(shelves: Client) -> None:
    """Sorted by SKU, capitals first; archived ones too, for their pieces are still in the warehouse."""
    items = await listed(shelves)
    assert [item["sku"] for item in items] == ["Spade", "mug-blue", "mug-red"]
    assert items[1] == {"sku": "mug-blue", "title": "Blue mug", "on_hand": 7, "reserved": 0, "available": 7}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=MUG", ["mug-blue", "mug-red"]),
        ("?q=cafe mug", ["mug-red"]),
        ("?q=spade", ["Spade"]),
        ("?q=100%25", []),
        ("?below=4", ["Spade", "mug-red"]),
        ("?below=3", ["Spade"]),
        ("?category=kitchen", ["mug-blue", "mug-red"]),
        ("?category=kitchen&below=4&q=mug", ["mug-red"]),
    ],
)
async def test_filters_narrow(shelves: Client, query: str, found: list[str]) -> None:
    """Words in SKU or product, what is running out, a category with all below it."""
    assert [item["sku"] for item in await listed(shelves, query)] == found


async def test_pages_follow_each_other(shelves: Client) -> None:
    """One SKU at a time."""
    seen: list[str] = []
    page: dict[str, Any] = {}
    cursor = ""
    for _ in range(3):
        page = (await shelves.call("GET", f"/stock?limit=1{cursor}", status=200)).json()
        seen += [item["sku"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == (["Spade", "mug-blue", "mug-red"], None)


@pytest.mark.parametrize("place", ["\0", "'", 7, None, "x" * 300])
async def test_a_cursor_that_no_page_gave_is_refused(client: Client, place: object) -> None:
    """Whatever text is in it."""
    await client.call("GET", f"/stock?cursor={encode_cursor((place,))}", status=400)
    surrogate = urlsafe_b64encode(b'["\\ud800"]').decode().rstrip("=")
    await client.call("GET", f"/stock?cursor={surrogate}", status=400)


async def test_it_is_for_staff(client: Client) -> None:
    """Nobody else learns how much there is."""
    assert (await client.http.get("/stock", headers=CUSTOMER)).status_code == 403
