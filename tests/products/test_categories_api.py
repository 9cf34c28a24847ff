"""The category tree grows, bends and is pruned."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.products.client import Client, fields
from tests.products.world import World

from shop.kit.idempotency import Once
from shop.kit.problems import Problem
from shop.modules.products.category_tree import DEEPEST
from shop.modules.products.commands import CategoryChanges, ProductChanges


@pytest.fixture
async def tree(client: Client) -> Client:
    """Give an API with home > kitchen > cups, and garden."""
    for slug, parent in (("home", None), ("kitchen", "home"), ("cups", "kitchen"), ("garden", None)):
        await client.call("POST", "/categories", {"slug": slug, "title": slug.capitalize(), "parent": parent}, 201)
    return client


async def listed(client: Client, category: str) -> list[str]:
    """Give the slugs of the products in a category."""
    return [item["slug"] for item in (await client.get(f"/products?category={category}")).json()["items"]]


async def test_a_category_moves_with_all_that_is_below_it(tree: Client) -> None:
    """Products are found under the new ancestors, and the neighbours hear of them."""
    await tree.sells("mug", category="cups")
    moved = (await tree.call("PATCH", "/categories/kitchen", {"parent": "garden", "slug": "cooking", "title": "Cooking"}, 200)).json()
    assert moved == {"slug": "cooking", "title": "Cooking", "parent": "garden", "children": [{"slug": "cups", "title": "Cups", "children": []}]}
    assert [await listed(tree, category) for category in ("home", "kitchen", "garden", "cooking", "cups")] == [[], [], ["mug"], ["mug"], ["mug"]]
    assert (await tree.call("PATCH", "/categories/cups", {"parent": None}, 200)).json()["parent"] is None
    assert [await listed(tree, category) for category in ("garden", "cups")] == [[], ["mug"]]


async def test_a_category_is_never_below_itself(tree: Client) -> None:
    """Neither directly nor further down."""
    for parent in ("home", "kitchen", "cups"):
        assert (await tree.call("PATCH", "/categories/home", {"parent": parent}, 409)).json()["code"] == "category_cycle"


async def test_a_category_that_is_used_stays(tree: Client) -> None:
    """By children, by products, also by archived ones."""
    for slug in ("home", "kitchen"):
        assert (await tree.call("DELETE", f"/categories/{slug}", status=409)).json()["code"] == "category_in_use"
    await tree.sells("mug", category="cups")
    await tree.call("DELETE", "/products/mug", status=204)
    assert (await tree.call("DELETE", "/categories/cups", status=409)).json()["code"] == "category_in_use"
    await tree.call("PATCH", "/products/mug", {"category": None}, 200)
    await tree.call("DELETE", "/categories/cups", status=204, Idempotency_Key="once")
    await tree.call("DELETE", "/categories/cups", status=204, Idempotency_Key="once")
    await tree.call("DELETE", "/categories/cups", status=404)


async def test_bad_categories_are_refused(tree: Client) -> None:
    """Slug taken 409, unknown parent 400, unknown category 404, null where nothing may be null 400."""
    assert (await tree.call("POST", "/categories", {"slug": "cups", "title": "x"}, 409)).json()["code"] == "slug_taken"
    assert (await tree.call("PATCH", "/categories/home", {"slug": "cups"}, 409)).json()["code"] == "slug_taken"
    await tree.call("PATCH", "/categories/home", {"slug": "home"}, 200)
    bodies: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "/categories", {"slug": "new", "title": "x", "parent": "no-such"}, "parent"),
        ("POST", "/categories", {"slug": "Not a slug", "title": "x"}, "slug"),
        ("POST", "/categories", {"slug": "new"}, "title"),
        ("PATCH", "/categories/home", {"parent": "no-such"}, "parent"),
        ("PATCH", "/categories/home", {"title": None}, "title"),
        ("PATCH", "/categories/home", {"slug": None}, "slug"),
    ]
    for method, path, body, field in bodies:
        assert fields(await tree.call(method, path, body)) == [field]
    await tree.call("PATCH", "/categories/no-such", {"title": "x"}, 404)


async def test_a_repeated_change_with_a_key_gives_the_first_answer(tree: Client) -> None:
    """Also when the first one renamed what it was sent to."""
    answers = [await tree.call("PATCH", "/categories/garden", {"slug": "yard"}, 200, Idempotency_Key="once") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_a_tree_has_a_bottom(tree: Client) -> None:
    """Deeper than anybody browses is refused, also by a move."""
    for level in range(DEEPEST):
        await tree.call("POST", "/categories", {"slug": f"l{level}", "title": "x", "parent": f"l{level - 1}" if level else None}, 201)
    assert fields(await tree.call("POST", "/categories", {"slug": "deep", "title": "x", "parent": f"l{DEEPEST - 1}"})) == ["parent"]
    assert fields(await tree.call("PATCH", "/categories/l0", {"parent": "home"})) == ["parent"]


async def test_two_who_bend_the_tree_at_once_make_no_cycle(world: World) -> None:
    """One of them is refused, every time."""
    for slug in ("a", "b"):
        await world.category(slug)

    async def move(slug: str, below: str | None) -> str:
        try:
            await world.categories.change(slug, CategoryChanges(parent=below), Once())
        except Problem as problem:
            return problem.code
        return "done"

    for _ in range(10):
        assert Counter(await asyncio.gather(move("a", "b"), move("b", "a"))) == {"done": 1, "category_cycle": 1}
        await asyncio.gather(move("a", None), move("b", None))


async def test_a_product_that_arrives_while_its_category_is_renamed_is_found(world: World) -> None:
    """By the new name and not by the old one, whoever was first."""
    await world.category("cups", title="Cups")
    for number in range(5):
        rename = world.categories.change("cups", CategoryChanges(title=f"Round{number}x"), Once())
        await asyncio.gather(rename, *(world.sells(f"sku-{number}-{part}", title="Thing", category="cups") for part in range(4)))
        assert len(await world.finds(f"round{number}x")) == 4 * (number + 1)
        assert await world.finds(f"round{number - 1}x") == []


async def test_products_and_categories_written_at_once_do_not_block_each_other(world: World) -> None:
    """They lock in the same order: no deadlock, whatever meets."""
    for slug in ("a", "b"):
        await world.category(slug)
    products = [await world.sells(f"sku-{number}", category="ab"[number % 2]) for number in range(6)]
    changes = [world.catalogue.change(str(product.id), ProductChanges(category="b", title="New"), None) for product in products]
    renames = [world.categories.change(slug, CategoryChanges(title=f"{slug}{number}"), Once()) for number in range(3) for slug in ("a", "b")]
    await asyncio.gather(*(call for pair in zip(changes, renames, strict=True) for call in pair))
    present = {node.slug: node.title for node in await world.categories.tree()}
    found = {title: len(await world.finds(title)) for title in ("a0", "a1", "a2", "b0", "b1", "b2")}
    assert found == dict.fromkeys(found, 0) | {present["b"]: 6}
