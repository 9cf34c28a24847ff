"""What people search for is found, the same way on both databases."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.products.world import World, variant

from shop.kit.clock import Clock
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.paging import encode_cursor
from shop.kit.problems import Invalid
from shop.kit.values import Line
from shop.modules.products.commands import CategoryChanges, ProductChanges
from shop.modules.products.search import Listing, Sort
from shop.modules.products.text import fold

TRAPS = ["Bä%", "a_b", 'é"b', "back\\slash", "(paren) 'quote'", "a*b - é", "plain bébé"]


async def test_partial_words_are_found_whatever_their_case_and_accents(world: World) -> None:
    """In title, description, SKU, variant and the titles of the category and of those above it; every word must be found somewhere."""
    await world.category("kitchen", title="Cocina & Hogar")
    await world.category("cups", "kitchen", "Tazas")
    await world.sells("KF-001", title="Café Olé", category="cups", description="Handmade in Logroño, 30% off")
    await world.sells("tee", title="Shirt")
    for q in ("café", "CAFE", "afe", "fé o", "kf-0", "LOGRONO", "logroñ", "taza", "hogar", "cafe taza", "hogar kf", "30%", "of", "fé", "&", "%"):
        assert await world.finds(q) == ["cafe-ole"], q
    for q in ("cafes", "cafe shirt", "olehand", "xx", "_", "0_1", '"', "'", "ca*", "cafe NOT shirt", "title:cafe", "^cafe", "\\", "\x00\ud800zz"):
        assert await world.finds(q) == [], q
    assert await world.finds("  ") == await world.finds(None) == ["shirt", "cafe-ole"]


@pytest.fixture
def traps(database_url: str) -> Iterator[Callable[[str], set[str]]]:
    """Give a search in a shop that sells titles full of traps."""
    with asyncio.Runner() as runner:
        run: Callable[[Awaitable[Any]], Any] = lambda awaited: runner.run(_awaited(awaited))  # noqa: E731
        world = World(database_url, Clock())
        for index, title in enumerate(TRAPS):
            run(world.sells(f"sku-{index}", title=title))
        yield lambda q: {product.title for product in run(world.catalogue.products(Listing(q), 100, None)).items}
        run(world.close())


async def _awaited(awaited: Awaitable[Any]) -> Any:
    return await awaited


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=st.one_of(st.text(max_size=200), st.text("abéBpl%_\\\"'*-()/ \x00", max_size=8)))
def test_a_search_finds_exactly_what_has_every_word(traps: Callable[[str], set[str]], q: str) -> None:
    """Whatever is typed, there is no error, and the index finds what a naive search of the folded texts does."""
    words = fold(q).split()
    assert traps(q) == {title for index, title in enumerate(TRAPS) if all(word in f"{fold(title)}\nsku-{index}" for word in words)}


async def test_the_best_match_comes_first(world: World) -> None:
    """The title itself, a title that begins with it, one that has the words, then the rest; without a search relevance is newest."""
    await world.sells("a", title="Saucer", description="goes with the blue mug")
    await world.sells("b", title="Mug, blue")
    await world.sells("c", title="Blue mug with dots")
    await world.sells("d", title="BLUE  mug")
    await world.sells("e", title="Another saucer", description="blue mug")
    assert await world.finds("blue mug") == ["blue-mug", "blue-mug-with-dots", "mug-blue", "another-saucer", "saucer"]
    assert await world.finds("blue mug", sort=Sort.NEWEST) == ["another-saucer", "blue-mug", "blue-mug-with-dots", "mug-blue", "saucer"]
    assert await world.finds(sort=Sort.RELEVANCE) == await world.finds(sort=Sort.NEWEST)


async def test_a_search_knows_what_changed(world: World) -> None:
    """Titles, SKUs, and the names and places of categories are found as they now are, and no longer as they were."""
    await world.category("kitchen")
    await world.category("cups", "kitchen")
    product = await world.sells("mug", "big-mug", title="Teacup", category="cups")
    await world.catalogue.change(str(product.id), ProductChanges(title="Beaker"), None)
    await world.catalogue.archive_variant("big-mug", None)
    await world.categories.change("cups", CategoryChanges(title="Drinkware"), Once())
    await world.categories.change("kitchen", CategoryChanges(title="Household"), Once())
    for q, found in {"teacup": 0, "beaker": 1, "big-mug": 0, "mug": 1, "kitchen": 0, "household": 1, "drinkware": 1}.items():
        assert len(await world.finds(q)) == found, q
    await world.categories.change("cups", CategoryChanges(parent=None), Once())
    assert await world.finds("household") == []
    await world.catalogue.change(str(product.id), ProductChanges(category=None), None)
    assert await world.finds("drinkware") == []


async def test_filters_leave_out(world: World) -> None:
    """By category with all below it, by the lowest price, by what can be bought now; they combine."""
    await world.category("home")
    await world.category("kitchen", "home")
    await world.category("kitchenware")
    await world.sells("mug", price=1000, on_hand=1, category="kitchen")
    await world.sells("rug", price=5000, category="home")
    await world.sells("pan", price=3000, on_hand=1, category="kitchenware")
    dear_and_cheap = [variant("tee-l", 9000), variant("tee-s", 2000)]
    await world.catalogue.add_variant("rug", dear_and_cheap[0], None, Once())
    assert await world.finds(category="home") == ["rug", "mug"]
    assert await world.finds(category="kitchen") == ["mug"]
    assert await world.finds(category="kitche_") == await world.finds(category="none") == []
    assert await world.finds(min_price=3000, max_price=5000) == ["pan", "rug"]
    assert await world.finds(min_price=5001) == []
    assert await world.finds(in_stock=True) == ["pan", "mug"]
    assert await world.finds("ug", category="home", max_price=1000, in_stock=True) == ["mug"]
    await world.offered.reserve(id=uuid7(), lines=[Line("mug", 1)], ttl=60)
    assert await world.finds(in_stock=True) == ["pan"]


async def test_what_is_not_sold_is_not_listed(world: World) -> None:
    """Neither archived products nor products without a variant."""
    for sku in ("mug", "cup", "pot"):
        await world.sells(sku)
    await world.catalogue.archive("mug", None)
    await world.catalogue.archive_variant("cup", None)
    assert await world.finds() == ["pot"]


@pytest.mark.parametrize("sort", Sort)
async def test_pages_show_everything_once_while_products_come_and_go(world: World, sort: Sort) -> None:
    """Page by page gives what one page gives, in every order, also when products are added in between; equal prices and titles are no trouble."""
    chance = random.Random(3)
    for number in range(23):
        title = chance.choice(["Mug", "mug two", "Émile's mug", "Zinc mug"])
        await world.sells(f"sku-{number}", title=title, price=chance.choice([100, 200, 300]))
    asked = Listing("mug", sort=sort)
    expected = [product.id for product in (await world.catalogue.products(asked, 100, None)).items]
    shown, cursor = [], None
    while True:
        part = await world.catalogue.products(asked, 5, cursor)
        shown += [product.id for product in part.items if not product.slug.startswith("added")]
        await world.sells(f"added-{len(shown)}", title=f"Added mug {len(shown)}", price=chance.choice([100, 200, 300]))
        cursor = part.next_cursor
        if cursor is None:
            break
    assert shown == expected
    assert len(set(shown)) == 23


async def test_the_orders_are_what_they_say(world: World) -> None:
    """Newest first, cheapest first, dearest first, by title without case and accents."""
    for sku, title, price in (("a", "banana", 300), ("b", "Äpfel", 100), ("c", "Cherry", 200)):
        await world.sells(sku, title=title, price=price)
    assert await world.finds(sort=Sort.NEWEST) == ["cherry", "apfel", "banana"]
    assert await world.finds(sort=Sort.PRICE) == ["apfel", "cherry", "banana"]
    assert await world.finds(sort=Sort.PRICE_DOWN) == ["banana", "cherry", "apfel"]
    assert await world.finds(sort=Sort.TITLE) == ["apfel", "banana", "cherry"]


FORGED: list[tuple[Any, ...]] = [
    (1, 2),
    ("newest", -1, 1),
    ("newest", 1, 2**31),
    ("price", 1, 1),
    ("newest", "a", 1),
    ("newest", 1, True),
    ("title", "\x00", 1),
]
CURSORS = ["", "!", "abc", "é", "W10" * 100, *(encode_cursor(forged) for forged in FORGED)]


async def test_a_cursor_that_no_page_gave_is_refused(world: World) -> None:
    """Whatever comes as a cursor: 400, and the field is named."""
    for cursor in CURSORS:
        for sort in (Sort.NEWEST, Sort.TITLE):
            with pytest.raises(Invalid) as refused:
                await world.catalogue.products(Listing(sort=sort), 10, cursor)
            assert [error.field for error in refused.value.errors] == ["cursor"]
