"""Staff who write at the same moment are told, and nothing is there twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

from tests.products.world import World, variant

from shop.kit.idempotency import Answer, Once
from shop.kit.problems import Problem
from shop.modules.products.commands import ProductChanges, StockChange


async def outcomes(*calls: Awaitable[object]) -> Counter[str]:
    """Count how calls that are made at once end: the code of the problem, or `done`."""

    async def ended(call: Awaitable[object]) -> str:
        try:
            await call
        except Problem as problem:
            return problem.code
        return "done"

    return Counter(await asyncio.gather(*map(ended, calls)))


async def test_products_of_one_title_made_at_once_all_get_a_slug(world: World) -> None:
    """Each its own."""
    made = await asyncio.gather(*(world.sells(f"sku-{number}", title="Mug") for number in range(8)))
    assert {product.slug for product in made} == {"mug", *(f"mug-{number}" for number in range(2, 9))}


async def test_a_sku_goes_to_one_of_those_who_want_it(world: World) -> None:
    """The others are refused, and of their products nothing remains."""
    calls = (world.sells("shared", f"own-{number}", title="Mug") for number in range(6))
    assert await outcomes(*calls) == {"done": 1, "sku_taken": 5}
    assert len(await world.finds()) == 1


async def test_skus_wanted_in_another_order_do_not_block_each_other(world: World) -> None:
    """One of the two is told at once."""
    for number in range(5):
        skus = [f"{letter}-{number}" for letter in "abcd"]
        assert await outcomes(world.sells(*skus), world.sells(*skus[::-1])) == {"done": 1, "sku_taken": 1}


async def test_a_slug_goes_to_one_of_those_who_want_it(world: World) -> None:
    """By change or by creation."""
    products = [await world.sells(f"sku-{number}") for number in range(4)]
    changes = [world.catalogue.change(str(product.id), ProductChanges(slug="wanted"), None) for product in products]
    assert await outcomes(*changes, world.sells("new", slug="wanted")) == {"done": 1, "slug_taken": 4}


async def test_of_two_who_saw_the_same_state_one_writes(world: World) -> None:
    """The other one's If-Match has failed; without it both write, and every change counts the version up."""
    product = await world.sells("mug")
    changes = [world.catalogue.change("mug", ProductChanges(title=title), product.etag) for title in ("A", "B", "C")]
    assert await outcomes(*changes) == {"done": 1, "precondition_failed": 2}
    more = [world.catalogue.add_variant("mug", variant(f"mug-{number}"), None, Once()) for number in range(4)]
    assert await outcomes(*more) == {"done": 4}
    present = await world.catalogue.product("mug", archived=False)
    assert present.version == product.version + 5
    assert len(present.variants) == 5


async def test_an_effect_that_happened_before_a_crash_does_not_happen_again(world: World) -> None:
    """The first try counted and died before its answer was kept: the second one gives the present state."""
    await world.sells("mug")
    first = await world.keys.begin("scope", "key", "fingerprint")
    assert isinstance(first, Once)
    await world.stock.change("mug", StockChange(5, "delivery"), "staff", first)
    await world.keys.let_go(first)
    second = await world.keys.begin("scope", "key", "fingerprint")
    assert not isinstance(second, Answer)
    assert (await world.stock.change("mug", StockChange(5, "delivery"), "staff", second)).on_hand == 5
