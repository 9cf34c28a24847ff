"""How many statements a request sends, whatever the size."""

import pytest
from tests.products.world import Queries, World

from shop.kit.ids import uuid7
from shop.kit.values import Line
from shop.modules.products.search import Listing, Sort


@pytest.mark.parametrize("asked", [Listing(), Listing("mug 2", "cups", 1, 9_999, True), Listing("u", sort=Sort.TITLE)])
async def test_a_list_is_one_query(world: World, asked: Listing) -> None:
    """With every filter, and however many products there are."""
    await world.category("cups")
    for number in range(12):
        await world.sells(f"mug-{number}", f"cup-{number}", on_hand=1, category="cups")
    with Queries(world.database) as queries:
        shown = await world.catalogue.products(asked, 10, None)
    assert len(queries.sent) == 1
    assert shown.items


async def test_a_product_is_two_queries_and_the_tree_one(world: World) -> None:
    """However many variants and categories there are."""
    for number in range(8):
        await world.category(f"level-{number}", f"level-{number - 1}" if number else None)
    await world.sells(*(f"mug-{number}" for number in range(30)), category="level-7")
    with Queries(world.database) as queries:
        product = await world.catalogue.product("mug-0", archived=False)
    assert (len(queries.sent), len(product.variants)) == (2, 30)
    with Queries(world.database) as queries:
        await world.categories.tree()
    assert len(queries.sent) == 1


async def test_what_neighbours_ask_takes_as_many_queries_for_one_sku_as_for_many(world: World) -> None:
    """The lookup is one query; reserve, commit and release do not loop over their lines."""
    skus = [f"mug-{number}" for number in range(20)]
    await world.sells(*skus, on_hand=5)
    with Queries(world.database) as queries:
        assert len(await world.offered.variants(skus=skus)) == 20
    assert len(queries.sent) == 1
    counts = set()
    for lines in ([Line("mug-1", 1)], [Line(sku, 1) for sku in skus]):
        sold, given_back = uuid7(), uuid7()
        with Queries(world.database) as queries:
            for id in (sold, given_back):
                await world.offered.reserve(id=id, lines=lines, ttl=60)
            await world.offered.commit(id=sold)
            await world.offered.release(id=given_back)
        counts.add(len(queries.sent))
    assert len(counts) == 1
