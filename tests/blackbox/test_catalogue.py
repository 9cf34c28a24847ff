"""products: what everybody may read."""

import re
from typing import Any

import pytest
from tests.blackbox.outside import Demo, Json, euro, ok, problem, unique

ITEM = {"id", "slug", "title", "category", "image_url", "price", "in_stock"}
PRODUCT = {"id", "slug", "title", "description", "category", "images", "status", "variants", "version"}
VARIANT = {"sku", "title", "attributes", "price", "compare_at_price", "available"}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def found(demo: Demo, **query: Any) -> list[Json]:
    """All that a search finds, page after page."""
    items: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ok(demo.http.get("/products", params=query | ({"cursor": cursor} if cursor else {})))
        assert page.keys() == {"items", "next_cursor"}
        items, cursor = items + page["items"], page["next_cursor"]
    return items


def test_an_item_of_the_list_is_as_written(demo: Demo) -> None:
    """A page of {id, slug, title, category, image_url, price, in_stock}; price is the lowest variant's."""
    name = unique("listed")
    variants: list[Json] = [{"sku": unique("L"), "price": euro(price)} for price in (900, 700, 800)]
    made = demo.product(stock=0, title=name, category="home", images=["https://img.example/a.png", "https://img.example/b.png"], variants=variants)
    [item] = found(demo, q=name)
    assert item == {
        "id": made["id"],
        "slug": made["slug"],
        "title": name,
        "category": "home",
        "image_url": "https://img.example/a.png",
        "price": euro(700),
        "in_stock": False,
    }
    demo.stock(variants[0]["sku"], 1)
    assert found(demo, q=name)[0]["in_stock"] is True


def test_a_product_without_images_has_no_image_url(demo: Demo) -> None:
    """image_url is the first or null; category may be null."""
    made = demo.product(stock=0)
    [item] = found(demo, q=made["title"])
    assert item["image_url"] is None
    assert item["category"] is None


def test_a_product_is_as_written(demo: Demo) -> None:
    """The fields of a product and of its variants, found by id and by slug."""
    made = demo.product(stock=3, title="Whole", category="home", description="All of it", images=["https://img.example/a.png"])
    seen = ok(demo.http.get(f"/products/{made['id']}"))
    assert seen == ok(demo.http.get(f"/products/{made['slug']}"))
    assert seen.keys() == PRODUCT
    assert UUID7.fullmatch(seen["id"])
    assert (seen["title"], seen["description"], seen["category"], seen["status"]) == ("Whole", "All of it", "home", "active")
    assert seen["images"] == ["https://img.example/a.png"]
    [variant] = seen["variants"]
    assert variant.keys() == VARIANT
    assert variant["price"] == euro(1000)
    assert (variant["compare_at_price"], variant["available"]) == (None, 3)
    assert isinstance(variant["attributes"], dict)
    assert isinstance(seen["version"], int)


def test_categories_are_a_tree(demo: Demo) -> None:
    """A tree of {slug, title, children}, in {"items": [...]}."""
    body = ok(demo.http.get("/categories"))
    assert body.keys() == {"items"}
    todo, count = list(body["items"]), 0
    while todo:
        node = todo.pop()
        assert node.keys() == {"slug", "title", "children"}
        todo, count = todo + node["children"], count + 1
    assert count > 10


@pytest.mark.parametrize("query", ["cafe", "CAFÉ", "Café", "caf", "afe", "HUILA", "huil", "ui", "cafe huila", "CAFE-HUI", "cafe-hui-10", "panela"])
def test_search_finds_partial_words(demo: Demo, query: str) -> None:
    """Q finds partial words, ignores case and accents ("cafe" finds "Café"), in title, description, SKU."""
    assert "cafe-huila" in [item["slug"] for item in found(demo, q=query)]


def test_search_looks_into_the_category(demo: Demo) -> None:
    """Q finds words of the category too."""
    slug = unique("cat")
    ok(demo.http.post("/categories", json={"slug": slug, "title": "Zürcher Wörter"}, headers=demo.staff), 201)
    made = demo.product(stock=0, category=slug)
    assert made["id"] in [item["id"] for item in found(demo, q="zurcher")]
    assert made["id"] in [item["id"] for item in found(demo, q="worte")]


@pytest.mark.parametrize(
    "query",
    [
        "%",
        "_",
        "*",
        '"',
        "'",
        'a" OR 1=1 --',
        "\\",
        "()",
        "a*",
        "NEAR(a b)",
        "^",
        "title:x",
        "-",
        "a AND",
        "😀",
        "é" * 200,
        " ",
        "",
        "\u0300",
        "x" * 2000,
        "\u200b",
        "{",
        "col : a",
        "x\ty",
    ],
)
def test_no_search_is_an_error_of_ours(demo: Demo, query: str) -> None:
    """Whatever is searched for, the answer is a page or a 400 naming q."""
    answer = demo.http.get("/products", params={"q": query})
    if answer.status_code != 200:
        problem(answer, 400, at="q")


def test_a_wildcard_is_not_a_wildcard(demo: Demo) -> None:
    """A percent sign finds percent signs only."""
    made = demo.product(stock=0, title=f"100% {unique()}")
    assert [item["id"] for item in found(demo, q="100%")] == [made["id"]]


def test_a_category_includes_its_descendants(demo: Demo) -> None:
    """category= includes descendants."""
    top, middle, leaf = (unique("tree") for _ in range(3))
    for slug, parent in ((top, None), (middle, top), (leaf, middle)):
        body = {"slug": slug, "title": slug} | ({"parent": parent} if parent else {})
        ok(demo.http.post("/categories", json=body, headers=demo.staff), 201)
    one, two = demo.product(stock=0, category=leaf), demo.product(stock=0, category=top)
    assert {item["id"] for item in found(demo, category=top)} == {one["id"], two["id"]}
    assert {item["id"] for item in found(demo, category=middle)} == {one["id"]}
    assert {item["category"] for item in found(demo, category=top)} == {leaf, top}


def test_filters_filter(demo: Demo) -> None:
    """min_price, max_price, in_stock; in_stock=false does not filter."""
    word = unique("filter")
    made = {price: demo.product(stock=stock, price=price, title=f"{word} {price}") for price, stock in ((100, 1), (200, 0), (300, 1))}
    assert len(made) == 3

    def prices(**query: Any) -> list[int]:
        return sorted(item["price"]["amount"] for item in found(demo, q=word, **query))

    assert prices(min_price=200) == [200, 300]
    assert prices(max_price=200) == [100, 200]
    assert prices(min_price=150, max_price=250) == [200]
    assert prices(min_price=300, max_price=100) in ([], prices(min_price=301))
    assert prices(in_stock="true") == [100, 300]
    assert prices(in_stock="false") == [100, 200, 300]


def test_sorts_sort(demo: Demo) -> None:
    """newest, price, -price, title, relevance, also across pages."""
    word = unique("sort")
    for title, price in (("b", 200), ("a", 300), ("c", 100), ("a", 200)):
        demo.product(stock=0, price=price, title=f"{word} {title}")

    def sorted_by(sort: str) -> list[tuple[str, int]]:
        whole = [(item["title"][-1], item["price"]["amount"]) for item in found(demo, q=word, sort=sort)]
        assert whole == [(item["title"][-1], item["price"]["amount"]) for item in found(demo, q=word, sort=sort, limit=1)]
        return whole

    assert sorted_by("newest") == [("a", 200), ("c", 100), ("a", 300), ("b", 200)]
    assert [price for _, price in sorted_by("price")] == [100, 200, 200, 300]
    assert [price for _, price in sorted_by("-price")] == [300, 200, 200, 100]
    assert [title for title, _ in sorted_by("title")] == ["a", "a", "b", "c"]
    assert len(sorted_by("relevance")) == 4


@pytest.mark.parametrize(
    "at,value",
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "1.5"),
        ("limit", "9" * 40),
        ("limit", " "),
        ("limit", "٣"),
        ("limit", "1_0"),
        ("cursor", "x"),
        ("cursor", "!!"),
        ("cursor", "W10"),
        ("cursor", "é"),
        ("cursor", "A" * 5000),
        ("cursor", "bnVsbA"),
        ("cursor", "WzEsMl0"),
        ("cursor", "%00"),
        ("sort", "best"),
        ("sort", "PRICE"),
        ("sort", "-title"),
        ("min_price", "x"),
        ("min_price", "1.5"),
        ("min_price", "-1"),
        ("max_price", "9" * 40),
        ("max_price", "NaN"),
        ("in_stock", "maybe"),
        ("in_stock", "2"),
    ],
)
def test_a_bad_query_parameter_is_400_and_named(demo: Demo, at: str, value: str) -> None:
    """A bad query parameter is named in errors[].field."""
    problem(demo.http.get("/products", params={at: value}), 400, at=at)


def test_unknown_query_parameters_are_ignored(demo: Demo) -> None:
    """Unknown query parameters are ignored."""
    ok(demo.http.get("/products?limits=0&x=1&utm_source=mail&q[]=1&"))
    ok(demo.http.get("/categories?limit=0&cursor=x"))


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%ff",
        "q=%ed%a0%80",
        "category=%00",
        "category=%ff",
        "limit=1&limit=2",
        "cursor=%ff",
        "q=a&q=b",
        "sort=",
        "limit=",
        "min_price=",
        "category=",
        "in_stock=",
        "q",
        "%00=1",
        "category=no-such",
    ],
)
def test_no_query_is_an_error_of_ours(demo: Demo, query: str) -> None:
    """Odd queries are answered or refused, never a bug."""
    answer = demo.http.get(f"/products?{query}")
    if answer.status_code != 200:
        problem(answer, 400)


def test_pages_are_complete(demo: Demo) -> None:
    """Keyset pages hold everything once; 20 by default, up to 100; the last has next_cursor null."""
    assert len(ok(demo.http.get("/products"))["items"]) == 20
    ids = [item["id"] for item in found(demo, limit=7)]
    assert len(ids) == len(set(ids)) >= 60
    assert ids == [item["id"] for item in found(demo, limit=100)]
    assert len(ok(demo.http.get("/products?limit=1"))["items"]) == 1


def test_a_cursor_of_another_question_does_no_harm(demo: Demo) -> None:
    """A cursor belongs to its sort; elsewhere it is refused or ignored."""
    cursor = ok(demo.http.get("/products?limit=1&sort=price"))["next_cursor"]
    for sort in ("newest", "title", "-price", "relevance"):
        answer = demo.http.get("/products", params={"sort": sort, "cursor": cursor})
        if answer.status_code != 200:
            problem(answer, 400, at="cursor")
