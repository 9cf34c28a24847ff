"""products: what staff may write."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.blackbox.outside import ABSENT, Demo, Json, euro, ok, problem, unique
from tests.blackbox.test_catalogue import PRODUCT, VARIANT


def create(demo: Demo, **fields: Any) -> Any:
    """Try to create a product."""
    return demo.http.post("/products", json={"title": "T", "variants": [{"sku": unique("S"), "price": euro(1)}]} | fields, headers=demo.staff)


def test_creation_answers_the_product(demo: Demo) -> None:
    """201 product, with every field that was sent."""
    variant = {"sku": unique("V"), "title": "Red", "price": euro(500), "compare_at_price": euro(700), "attributes": {"colour": "red"}}
    slug = unique("slug")
    made = ok(create(demo, title="Ñandú", slug=slug, description="D", category="home", images=["https://img.example/1.png"], variants=[variant]), 201)
    assert made.keys() == PRODUCT
    assert made["variants"] == [variant | {"available": 0}]
    assert made["variants"][0].keys() == VARIANT
    assert (made["slug"], made["title"], made["description"], made["category"], made["status"]) == (slug, "Ñandú", "D", "home", "active")
    assert made == ok(demo.http.get(f"/products/{slug}"))


def test_a_derived_slug_is_made_unique(demo: Demo) -> None:
    """A slug derived from the title is made unique; one that was sent and is taken is 409; so is a SKU."""
    title = "Same " + unique()
    one, two, three = (ok(create(demo, title=title), 201) for _ in range(3))
    assert len({one["slug"], two["slug"], three["slug"]}) == 3
    problem(create(demo, slug=one["slug"]), 409)
    problem(create(demo, variants=[{"sku": one["variants"][0]["sku"], "price": euro(1)}]), 409)
    problem(demo.http.patch(f"/products/{two['id']}", json={"slug": one["slug"]}, headers=demo.staff), 409)


@pytest.mark.parametrize("title", ["日本語", "!!!", "😀", "Crème brûlée", "x" * 200, "a" * 60 + " " + "b" * 60, "--", "mine"])
def test_any_title_gets_a_slug(demo: Demo, title: str) -> None:
    """Whatever the title, there is a slug and it opens the product."""
    made = ok(create(demo, title=title), 201)
    assert ok(demo.http.get(f"/products/{made['slug']}"))["id"] == made["id"]


@pytest.mark.parametrize(
    "fields,at",
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"title": 1}, "title"),
        ({"title": "x" * 5000}, "title"),
        ({"variants": []}, "variants"),
        ({"variants": None}, "variants"),
        ({"category": "no-such-category"}, "category"),
        ({"images": ["not a url"]}, "images[0]"),
        ({"images": "x"}, "images"),
        ({"images": ["javascript:alert(1)"]}, "images[0]"),
        ({"slug": "UPPER CASE"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a/b"}, "slug"),
        ({"id": ABSENT}, "id"),
        ({"status": "active"}, "status"),
        ({"version": 1}, "version"),
        ({"variants": [{"sku": "a b", "price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"sku": "-a", "price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"sku": "a" * 65, "price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"sku": "é", "price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"sku": "a\n", "price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"price": euro(1)}]}, "variants[0].sku"),
        ({"variants": [{"sku": "ok"}]}, "variants[0].price"),
        ({"variants": [{"sku": "ok", "price": {"amount": 1, "currency": "USD"}}]}, "variants[0].price.currency"),
        (
            {"variants": [{"sku": "ok", "price": euro(1), "compare_at_price": {"amount": 1, "currency": "USD"}}]},
            "variants[0].compare_at_price.currency",
        ),
        ({"variants": [{"sku": "ok", "price": euro(1), "available": 5}]}, "variants[0].available"),
        ({"variants": [{"sku": "ok", "price": euro(1), "attributes": []}]}, "variants[0].attributes"),
    ],
)
def test_a_senseless_product_is_400(demo: Demo, fields: Json, at: str) -> None:
    """400, and the field is named."""
    body = problem(create(demo, **fields), 400)
    assert any(error["field"].startswith(at.removesuffix(".currency")) for error in body["errors"]), body


def test_one_sku_twice_in_a_product_is_refused(demo: Demo) -> None:
    """A SKU names one variant."""
    sku = unique("TWICE")
    assert create(demo, variants=[{"sku": sku, "price": euro(1)}, {"sku": sku, "price": euro(2)}]).status_code in (400, 409)


@pytest.mark.parametrize("sku", ["a", "A.b_c-9", "9" * 64, "a.", "a-"])
def test_a_sku_may_look_like_this(demo: Demo, sku: str) -> None:
    """A SKU matches [A-Za-z0-9][A-Za-z0-9._-]{0,63}."""
    ok(create(demo, variants=[{"sku": sku, "price": euro(1)}]), 201)
    assert ok(demo.http.get(f"/variants/{sku}/stock", headers=demo.staff))["sku"] == sku


def test_patch_changes_what_was_sent(demo: Demo) -> None:
    """PATCH of title, slug, description, category and images is 200 with the product; the version grows."""
    made = demo.product(stock=0)
    changes: list[Json] = [
        {"title": "New"},
        {"slug": unique("new")},
        {"description": "Better"},
        {"category": "home"},
        {"images": ["https://img.example/z.png"]},
        {"category": None},
    ]
    before = made
    for change in changes:
        after = ok(demo.http.patch(f"/products/{made['id']}", json=change, headers=demo.staff))
        assert after == before | change | {"version": after["version"], "variants": after["variants"]}
        assert after["version"] > before["version"]
        before = after
    refused: list[Json] = [{"variants": []}, {"title": None}, {"title": ""}, {"status": "archived"}, {"category": "no-such"}]
    for wrong in refused:
        problem(demo.http.patch(f"/products/{made['id']}", json=wrong, headers=demo.staff), 400)
    assert ok(demo.http.get(f"/products/{made['id']}")) == before
    problem(demo.http.patch(f"/products/{ABSENT}", json={"title": "x"}, headers=demo.staff), 404)


def test_delete_archives(demo: Demo) -> None:
    """DELETE is 204 and archives: 404 except for staff, and in no list."""
    made = demo.product()
    assert demo.http.delete(f"/products/{made['id']}", headers=demo.staff).status_code == 204
    for ref in (made["id"], made["slug"]):
        problem(demo.http.get(f"/products/{ref}"), 404)
        assert ok(demo.http.get(f"/products/{ref}", headers=demo.staff))["status"] == "archived"
    assert ok(demo.http.get("/products", params={"q": made["title"]}))["items"] == []
    problem(demo.http.delete(f"/products/{ABSENT}", headers=demo.staff), 404)


def test_variants_come_change_and_go(demo: Demo) -> None:
    """Variant routes answer the variant: 201, 200, 204."""
    made, sku = demo.product(stock=0), unique("MORE")
    body: Json = {"sku": sku, "title": "More", "price": euro(5), "compare_at_price": euro(9), "attributes": {"size": "L"}}
    assert ok(demo.http.post(f"/products/{made['id']}/variants", json=body, headers=demo.staff), 201) == body | {"available": 0}
    problem(demo.http.post(f"/products/{made['id']}/variants", json=body, headers=demo.staff), 409)
    problem(demo.http.post(f"/products/{ABSENT}/variants", json=body | {"sku": unique()}, headers=demo.staff), 404)
    seen = body | {"available": 0}
    for change in ({"title": "Most"}, {"price": euro(6)}, {"compare_at_price": None}, {"attributes": {"size": "XL", "fit": "slim"}}):
        seen = seen | change
        assert ok(demo.http.patch(f"/variants/{sku}", json=change, headers=demo.staff)) == seen
    for wrong in ({"sku": "other"}, {"price": None}, {"price": {"amount": 5, "currency": "USD"}}, {"available": 3}, {"attributes": 3}):
        problem(demo.http.patch(f"/variants/{sku}", json=wrong, headers=demo.staff), 400)
    after = ok(demo.http.get(f"/products/{made['id']}"))
    assert [variant["sku"] for variant in after["variants"]] == [made["variants"][0]["sku"], sku]
    assert after["version"] > made["version"]
    assert demo.http.delete(f"/variants/{sku}", headers=demo.staff).status_code == 204
    assert [variant["sku"] for variant in ok(demo.http.get(f"/products/{made['id']}"))["variants"]] == [made["variants"][0]["sku"]]
    problem(demo.http.patch(f"/variants/{unique()}", json={"title": "x"}, headers=demo.staff), 404)
    problem(demo.http.delete(f"/variants/{unique()}", headers=demo.staff), 404)


def test_if_match_guards_a_product_and_its_variants(demo: Demo) -> None:
    """If-Match takes the product's ETag, for its variants too; 412 when it failed."""
    made = demo.product(stock=0)
    path, variant = f"/products/{made['id']}", f"/variants/{made['variants'][0]['sku']}"
    old = demo.http.get(path).headers["etag"]
    ok(demo.http.patch(path, json={"title": "One"}, headers=demo.staff | {"If-Match": old}))
    more = {"sku": unique(), "price": euro(1)}
    for stale in (old, '"other"', f'{old}, "other"'):
        match = demo.staff | {"If-Match": stale}
        problem(demo.http.patch(path, json={"title": "Two"}, headers=match), 412)
        problem(demo.http.delete(path, headers=match), 412)
        problem(demo.http.patch(variant, json={"title": "Two"}, headers=match), 412)
        problem(demo.http.delete(variant, headers=match), 412)
        problem(demo.http.post(f"{path}/variants", json=more, headers=match), 412)
    assert ok(demo.http.get(path))["title"] == "One"
    ok(demo.http.patch(path, json={"title": "Two"}, headers=demo.staff | {"If-Match": "*"}))
    changes: tuple[Callable[[dict[str, str]], httpx.Response], ...] = (
        lambda match: demo.http.patch(variant, json={"title": "V"}, headers=match),
        lambda match: demo.http.post(f"{path}/variants", json=more, headers=match),
        lambda match: demo.http.patch(path, json={"title": "Three"}, headers=match),
        lambda match: demo.http.delete(variant, headers=match),
        lambda match: demo.http.delete(path, headers=match),
    )
    for change in changes:
        tag = demo.http.get(path).headers["etag"]
        assert change(demo.staff | {"If-Match": f'"other", {tag}'}).status_code in (200, 201, 204)


def test_other_writes_ignore_if_match(demo: Demo) -> None:
    """Categories, carts and orders know no If-Match."""
    stale = {"If-Match": '"stale"'}
    slug = unique("cat")
    ok(demo.http.post("/categories", json={"slug": slug, "title": "C"}, headers=demo.staff | stale), 201)
    ok(demo.http.patch(f"/categories/{slug}", json={"title": "D"}, headers=demo.staff | stale))
    assert demo.http.delete(f"/categories/{slug}", headers=demo.staff | stale).status_code == 204
    ok(demo.http.post("/carts", headers=stale), 201)


def test_categories_come_change_and_go(demo: Demo) -> None:
    """201, 200, 204; 409 while products use it; slug taken 409; unknown parent 400; unknown category 404."""
    slug, child = unique("cat"), unique("cat")
    made = ok(demo.http.post("/categories", json={"slug": slug, "title": "One"}, headers=demo.staff), 201)
    assert (made["slug"], made["title"]) == (slug, "One")
    problem(demo.http.post("/categories", json={"slug": slug, "title": "Two"}, headers=demo.staff), 409)
    problem(demo.http.post("/categories", json={"slug": unique(), "title": "T", "parent": "no-such"}, headers=demo.staff), 400, at="parent")
    ok(demo.http.post("/categories", json={"slug": child, "title": "Child", "parent": slug}, headers=demo.staff), 201)
    assert ok(demo.http.patch(f"/categories/{child}", json={"title": "Kid"}, headers=demo.staff))["title"] == "Kid"
    problem(demo.http.patch(f"/categories/{child}", json={"parent": "no-such"}, headers=demo.staff), 400, at="parent")
    problem(demo.http.patch(f"/categories/{unique()}", json={"title": "x"}, headers=demo.staff), 404)
    problem(demo.http.delete(f"/categories/{unique()}", headers=demo.staff), 404)
    demo.product(stock=0, category=child)
    problem(demo.http.delete(f"/categories/{child}", headers=demo.staff), 409)
    for wrong in ({"title": "T"}, {"slug": unique()}, {"slug": "A B", "title": "T"}, {"slug": unique(), "title": ""}):
        problem(demo.http.post("/categories", json=wrong, headers=demo.staff), 400)


def test_a_category_is_never_its_own_ancestor(demo: Demo) -> None:
    """A circle is refused, and the tree still opens."""
    top, leaf = unique("ring"), unique("ring")
    ok(demo.http.post("/categories", json={"slug": top, "title": "Top"}, headers=demo.staff), 201)
    ok(demo.http.post("/categories", json={"slug": leaf, "title": "Leaf", "parent": top}, headers=demo.staff), 201)
    for parent in (top, leaf):
        assert demo.http.patch(f"/categories/{top}", json={"parent": parent}, headers=demo.staff).status_code in (400, 409)
    assert top in [node["slug"] for node in ok(demo.http.get("/categories"))["items"]]
