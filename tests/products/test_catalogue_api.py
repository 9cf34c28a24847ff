"""What everybody reads: lists, products and the category tree."""

import msgspec
from tests.products.client import CUSTOMER, Client, euros, fields


async def test_a_stranger_finds_and_opens_a_product(client: Client) -> None:
    """List and product have the documented members, and nothing else."""
    await client.call("POST", "/categories", {"slug": "cups", "title": "Cups"}, 201)
    images = ["https://shop.test/1.png", "https://shop.test/2.png"]
    made = await client.sells("mug", title="Café Mug", price=1999, on_hand=3, category="cups", images=images, description="Blue.")
    found = (await client.get("/products?q=cafe")).json()
    listed = {
        "id": made["id"],
        "slug": "cafe-mug",
        "title": "Café Mug",
        "category": "cups",
        "image_url": images[0],
        "price": euros(1999),
        "in_stock": True,
    }
    assert found == {"items": [listed], "next_cursor": None}
    variant = {"sku": "mug", "title": "Café Mug", "attributes": {}, "price": euros(1999), "compare_at_price": None, "available": 3}
    shown = {"id": made["id"], "slug": "cafe-mug", "title": "Café Mug", "description": "Blue.", "category": "cups", "images": images}
    shown |= {"status": "active", "variants": [variant], "version": made["version"]}
    for ref in (made["id"], made["id"].upper(), "cafe-mug"):
        assert (await client.get(f"/products/{ref}")).json() == shown


async def test_a_price_is_the_lowest_variants_and_pages_follow_each_other(client: Client) -> None:
    """Through the whole API: filter, sort, limit and cursor."""
    for number in range(5):
        await client.sells(f"sku-{number}", title=f"Mug {number}", price=100 * (5 - number))
    await client.call("POST", "/products/mug-0/variants", {"sku": "small", "price": euros(50)}, 201)
    first = (await client.get("/products?sort=price&limit=2&min_price=50&max_price=400")).json()
    assert [item["slug"] for item in first["items"]] == ["mug-0", "mug-4"]
    second = (await client.get(f"/products?sort=price&limit=2&min_price=50&max_price=400&cursor={first['next_cursor']}")).json()
    assert [item["slug"] for item in second["items"]] == ["mug-3", "mug-2"]
    last = (await client.get(f"/products?sort=price&limit=2&min_price=50&max_price=400&cursor={second['next_cursor']}")).json()
    assert ([item["slug"] for item in last["items"]], last["next_cursor"]) == (["mug-1"], None)


async def test_in_stock_false_does_not_filter(client: Client) -> None:
    """Only true leaves out what is sold out."""
    await client.sells("mug")
    counts = [len((await client.get(f"/products{query}")).json()["items"]) for query in ("", "?in_stock=false", "?in_stock=true")]
    assert counts == [1, 1, 0]


async def test_bad_parameters_are_named(client: Client) -> None:
    """Each by its own name; unknown ones are ignored."""
    for query, field in {"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "min_price=-1": "min_price", "max_price=x": "max_price",
                         "in_stock=maybe": "in_stock", "sort=best": "sort", "cursor=nonsense": "cursor", f"q={'x' * 201}": "q",
                         f"category={'x' * 101}": "category"}.items():  # fmt: skip
        assert fields(await client.get(f"/products?{query}", 400)) == [field], query
    await client.get("/products?colour=blue&category=no-such&q=%22%25%5C")


async def test_what_is_not_there_is_404(client: Client) -> None:
    """Unknown ids and slugs, and what can be neither."""
    for ref in ("no-such", "01929f6e-0000-7000-8000-000000000000", "Not%20a%20slug", "x" * 500, "%F0%9F%98%80"):
        assert (await client.get(f"/products/{ref}", 404)).json()["code"] == "not_found"


async def test_an_archived_product_is_there_for_staff_only(client: Client) -> None:
    """And no cache may give staff's answer to others."""
    made = await client.sells("mug")
    await client.call("DELETE", f"/products/{made['id']}", status=204)
    await client.get("/products/mug", 404)
    await client.get("/products/mug", 404, **CUSTOMER)
    seen = await client.call("GET", "/products/mug", status=200)
    assert seen.json()["status"] == "archived"
    assert seen.headers["cache-control"] == "no-store"
    assert (await client.get("/products")).json()["items"] == []


async def test_a_copy_that_is_still_good_is_not_sent_again(client: Client) -> None:
    """304 with the same ETag, for lists, products and categories; a bad token does not matter."""
    await client.sells("mug")
    for path in ("/products", "/products/mug", "/categories"):
        first = await client.get(path, Authorization="Bearer nonsense")
        assert first.headers["cache-control"] == "public, max-age=5, must-revalidate"
        again = await client.get(path, 304, If_None_Match=f'"other", W/{first.headers["etag"]}')
        assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"])


async def test_an_etag_changes_with_everything_that_is_shown(client: Client) -> None:
    """The product, its variants, their availability and the name of its category."""
    await client.call("POST", "/categories", {"slug": "cups", "title": "Cups"}, 201)
    await client.sells("mug", category="cups")
    seen = {(await client.get("/products/mug")).headers["etag"]}
    for method, path, body in (
        ("PATCH", "/products/mug", {"description": "Blue."}),
        ("PATCH", "/variants/mug", {"price": euros(5)}),
        ("POST", "/products/mug/variants", {"sku": "cup", "price": euros(7)}),
        ("DELETE", "/variants/cup", None),
        ("POST", "/variants/mug/stock", {"delta": 1, "reason": "delivery"}),
        ("PATCH", "/categories/cups", {"slug": "mugs"}),
    ):
        assert (await client.call(method, path, body)).status_code < 300
        seen.add((await client.get("/products/mug")).headers["etag"])
    assert len(seen) == 7


async def test_the_category_tree_is_shown_whole(client: Client) -> None:
    """Sorted by title, without case and accents."""
    for slug, title, parent in (("home", "Home", None), ("ab", "Äb", None), ("b", "B", "home"), ("a", "á", "home"), ("c", "C", "a")):
        await client.call("POST", "/categories", {"slug": slug, "title": title, "parent": parent}, 201)
    leaf = {"slug": "c", "title": "C", "children": []}
    below = [{"slug": "a", "title": "á", "children": [leaf]}, {"slug": "b", "title": "B", "children": []}]
    tree = [{"slug": "ab", "title": "Äb", "children": []}, {"slug": "home", "title": "Home", "children": below}]
    assert (await client.get("/categories")).json() == {"items": tree}
    assert msgspec.json.decode((await client.get("/categories")).content) == {"items": tree}
