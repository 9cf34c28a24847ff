"""What staff write: products, variants and their stock."""

from typing import Any

from tests.products.client import CUSTOMER, STAFF_ID, Client, euros, fields, product

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/products", product("mug")),
    ("PATCH", "/products/mug", {"title": "Cup"}),
    ("DELETE", "/products/mug", None),
    ("POST", "/products/mug/variants", {"sku": "cup", "price": euros(1)}),
    ("PATCH", "/variants/mug", {"title": "Cup"}),
    ("DELETE", "/variants/mug", None),
    ("POST", "/variants/mug/stock", {"delta": 1, "reason": "delivery"}),
    ("GET", "/variants/mug/stock", None),
    ("POST", "/categories", {"slug": "cups", "title": "Cups"}),
    ("PATCH", "/categories/cups", {"title": "Mugs"}),
    ("DELETE", "/categories/cups", None),
]


async def test_only_staff_write(client: Client) -> None:
    """A stranger is 401, a customer 403, also where there is nothing."""
    for method, path, body in WRITES:
        assert (await client.http.request(method, path, json=body)).status_code == 401
        assert (await client.call(method, path, body, 403, **CUSTOMER)).json()["code"] == "forbidden"


async def test_a_product_is_put_on_sale_changed_and_archived(client: Client) -> None:
    """The life of a product."""
    body = product("mug", title="Café Mug", price=1999)
    body["variants"].append(
        {"sku": "big-mug", "title": "Big", "price": euros(2999), "compare_at_price": euros(3999), "attributes": {"size": "L", "ml": 500}}
    )
    made = (await client.call("POST", "/products", body, 201)).json()
    assert (made["slug"], made["description"], made["category"], made["images"], made["status"]) == ("cafe-mug", None, None, [], "active")
    assert made["variants"][1] == {"sku": "big-mug", "title": "Big", "attributes": {"size": "L", "ml": 500}, "price": euros(2999),
                                   "compare_at_price": euros(3999), "available": 0}  # fmt: skip
    changed = (await client.call("PATCH", f"/products/{made['id']}", {"title": "Cup", "slug": "cup", "description": "Blue."}, 200)).json()
    assert (changed["title"], changed["slug"], changed["description"]) == ("Cup", "cup", "Blue.")
    assert changed["version"] > made["version"]
    assert (await client.get("/products/cup")).json() == changed
    await client.get("/products/cafe-mug", 404)
    for _ in range(2):
        await client.call("DELETE", f"/products/{made['id']}", status=204)
    await client.get("/products/cup", 404)


async def test_null_clears_what_may_be_null_and_absent_changes_nothing(client: Client) -> None:
    """Description, category, variant's title and compare-at price; nothing else."""
    await client.call("POST", "/categories", {"slug": "cups", "title": "Cups"}, 201)
    made = await client.sells("mug", description="Blue.", category="cups", images=["https://shop.test/1.png"])
    assert (await client.call("PATCH", "/products/mug", {}, 200)).json() == made
    cleared = (await client.call("PATCH", "/products/mug", {"description": None, "category": None, "images": []}, 200)).json()
    assert (cleared["description"], cleared["category"], cleared["images"], cleared["title"]) == (None, None, [], "Mug")
    for field in ("title", "slug", "images"):
        assert fields(await client.call("PATCH", "/products/mug", {field: None})) == [field]
    full = {"title": "Big", "compare_at_price": euros(9), "attributes": {"size": "L"}}
    assert (await client.call("PATCH", "/variants/mug", full, 200)).json()["title"] == "Big"
    bare = (await client.call("PATCH", "/variants/mug", {"title": None, "compare_at_price": None}, 200)).json()
    assert (bare["title"], bare["compare_at_price"], bare["attributes"], bare["price"]) == ("Mug", None, {"size": "L"}, euros(1000))
    for field in ("price", "attributes"):
        assert fields(await client.call("PATCH", "/variants/mug", {field: None})) == [field]


async def test_slugs_are_unique(client: Client) -> None:
    """A derived one is made unique, a sent one that is taken is refused, and none looks like an id."""
    slugs = [(await client.sells(f"sku-{number}", title="Café  Mug"))["slug"] for number in range(3)]
    assert slugs == ["cafe-mug", "cafe-mug-2", "cafe-mug-3"]
    taken = await client.call("POST", "/products", product("x", slug="cafe-mug"), 409)
    assert taken.json()["code"] == "slug_taken"
    assert (await client.call("PATCH", "/products/cafe-mug-2", {"slug": "cafe-mug"}, 409)).json()["code"] == "slug_taken"
    await client.call("PATCH", "/products/cafe-mug-2", {"slug": "cafe-mug-2"}, 200)
    id_like = "01929f6e-0000-7000-8000-000000000000"
    assert fields(await client.call("POST", "/products", product("x", slug=id_like))) == ["slug"]
    assert fields(await client.call("PATCH", "/products/cafe-mug", {"slug": id_like})) == ["slug"]
    assert (await client.sells("y", title=id_like))["slug"] != id_like


async def test_skus_are_unique_for_ever(client: Client) -> None:
    """Taken by another product or by an archived variant: 409, and nothing is half made."""
    await client.sells("mug", "cup")
    await client.call("DELETE", "/variants/cup", status=204)
    for body in (product("new", "mug"), product("cup")):
        refused = await client.call("POST", "/products", body, 409)
        assert (refused.json()["code"], refused.json()["skus"]) == ("sku_taken", [body["variants"][-1]["sku"]])
    assert (await client.call("POST", "/products/mug/variants", {"sku": "cup", "price": euros(1)}, 409)).json()["code"] == "sku_taken"
    assert len((await client.get("/products")).json()["items"]) == 1
    await client.call("GET", "/variants/new/stock", status=404)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"title": " "}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": None}, "title"),
    ({"slug": "Not a slug"}, "slug"),
    ({"category": "no-such"}, "category"),
    ({"variants": []}, "variants"),
    ({"images": ["javascript:alert(1)"]}, "images[0]"),
    ({"colour": "blue"}, "colour"),
    ({"variants": [{"sku": "-", "price": euros(1)}]}, "variants[0].sku"),
    ({"variants": [{"sku": "a"}]}, "variants[0].price"),
    ({"variants": [{"sku": "a", "price": {"amount": -1, "currency": "EUR"}}]}, "variants[0].price.amount"),
    ({"variants": [{"sku": "a", "price": {"amount": 1.5, "currency": "EUR"}}]}, "variants[0].price.amount"),
    ({"variants": [{"sku": "a", "price": {"amount": 10**8, "currency": "EUR"}}]}, "variants[0].price.amount"),
    ({"variants": [{"sku": "a", "price": {"amount": 1, "currency": "USD"}}]}, "variants[0].price.currency"),
    ({"variants": [{"sku": "a", "price": euros(1), "compare_at_price": {"amount": 1, "currency": "USD"}}]}, "variants[0].compare_at_price.currency"),
    ({"variants": [{"sku": "a", "price": euros(1)}, {"sku": "a", "price": euros(2)}]}, "variants[1].sku"),
    ({"variants": [{"sku": "a", "price": euros(1), "attributes": {"size": None}}]}, "variants[0].attributes"),
]


async def test_bad_products_are_refused(client: Client) -> None:
    """400 with the field, and nothing is made."""
    for change, field in BAD:
        assert fields(await client.call("POST", "/products", product("a") | change)) == [field]
    assert (await client.get("/products")).json()["items"] == []


async def test_unknown_products_and_variants_are_404(client: Client) -> None:
    """An archived variant is as one that never was, except for its stock."""
    await client.sells("mug", "cup")
    await client.call("DELETE", "/variants/cup", status=204)
    for sku in ("cup", "never", "not%20a%20sku"):
        await client.call("PATCH", f"/variants/{sku}", {"title": "x"}, 404)
        await client.call("DELETE", f"/variants/{sku}", status=404)
    await client.call("PATCH", "/products/no-such", {}, 404)
    await client.call("DELETE", "/products/no-such", status=404)
    await client.call("POST", "/products/no-such/variants", {"sku": "a", "price": euros(1)}, 404)
    await client.call("POST", "/variants/never/stock", {"delta": 1, "reason": "x"}, 404)


async def test_variants_come_and_go(client: Client) -> None:
    """In the order in which they were added; a variant's own answer has its product's ETag."""
    await client.sells("b", title="Mug")
    added = await client.call("POST", "/products/mug/variants", {"sku": "a", "title": "Small", "price": euros(500), "attributes": {"size": "S"}}, 201)
    shown = await client.get("/products/mug")
    assert added.headers["etag"] == shown.headers["etag"]
    assert shown.json()["variants"][1] == added.json()
    assert (await client.get("/products")).json()["items"][0]["price"] == euros(500)
    await client.call("DELETE", "/variants/a", status=204)
    assert [variant["sku"] for variant in (await client.get("/products/mug")).json()["variants"]] == ["b"]
    assert (await client.get("/products")).json()["items"][0]["price"] == euros(1000)


async def test_if_match_lets_only_those_write_who_saw_the_present_state(client: Client) -> None:
    """412 for products and variants after any change; without the header the last one wins; stock and categories ignore it."""
    await client.sells("mug")
    stale = (await client.get("/products/mug")).headers["etag"]
    fresh = (await client.call("PATCH", "/products/mug", {"title": "Cup"}, 200, If_Match=stale)).headers["etag"]
    for method, path, body in (
        ("PATCH", "/products/mug", {"title": "Pot"}),
        ("DELETE", "/products/mug", None),
        ("POST", "/products/mug/variants", {"sku": "cup", "price": euros(1)}),
        ("PATCH", "/variants/mug", {"price": euros(1)}),
        ("DELETE", "/variants/mug", None),
    ):
        assert (await client.call(method, path, body, 412, If_Match=stale)).json()["code"] == "precondition_failed"
    fresh = (await client.call("PATCH", "/variants/mug", {"price": euros(1)}, 200, If_Match=f'"x", {fresh}')).headers["etag"]
    await client.call("PATCH", "/products/mug", {"title": "Pot"}, 200, If_Match="*")
    await client.call("PATCH", "/products/mug", {"title": "Pan"}, 200)
    await client.call("POST", "/variants/mug/stock", {"delta": 1, "reason": "delivery"}, 200, If_Match=stale)
    await client.call("PATCH", "/products/no-such", {"title": "Pan"}, 404, If_Match=stale)


async def test_stock_is_counted_with_a_row_for_each_time(client: Client) -> None:
    """The answer, the report, and what is refused."""
    await client.sells("mug")
    counted = (await client.call("POST", "/variants/mug/stock", {"delta": 25, "reason": "delivery"}, 200)).json()
    assert counted == {"sku": "mug", "on_hand": 25, "reserved": 0, "available": 25}
    await client.call("POST", "/variants/mug/stock", {"delta": -5, "reason": "broken"}, 200)
    assert (await client.call("POST", "/variants/mug/stock", {"delta": -21, "reason": "broken"}, 409)).json()["code"] == "stock_reserved"
    report = (await client.call("GET", "/variants/mug/stock", status=200)).json()
    moves = [(move["delta"], move["reason"], move["by"]) for move in report.pop("movements")]
    assert moves == [(-5, "broken", str(STAFF_ID)), (25, "delivery", str(STAFF_ID))]
    assert report == {"sku": "mug", "on_hand": 20, "reserved": 0, "available": 20, "reservations": []}
    bad: list[tuple[dict[str, Any], str]] = [({"delta": 0, "reason": "x"}, "delta"), ({"delta": 1}, "reason")]
    bad += [({"delta": 1, "reason": " "}, "reason"), ({"delta": 10**7, "reason": "x"}, "delta")]
    for body, field in bad:
        assert fields(await client.call("POST", "/variants/mug/stock", body)) == [field]


async def test_a_repeated_request_with_a_key_has_its_effect_once(client: Client) -> None:
    """Products, variants and stock: the first answer again, marked; another body is 422."""
    for path, body, status in (
        ("/products", product("mug"), 201),
        ("/products/mug/variants", {"sku": "cup", "price": euros(1)}, 201),
        ("/variants/mug/stock", {"delta": 5, "reason": "delivery"}, 200),
        ("/categories", {"slug": "cups", "title": "Cups"}, 201),
    ):
        first = await client.call("POST", path, body, status, Idempotency_Key="once")
        again = await client.call("POST", path, body, status, Idempotency_Key="once")
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        await client.call("POST", path, body | {"title": "Other"}, 422 if "stock" not in path else 400, Idempotency_Key="once")
    assert (await client.call("GET", "/variants/mug/stock")).json()["on_hand"] == 5
