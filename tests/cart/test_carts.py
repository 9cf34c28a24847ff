"""What people do with their carts."""

import asyncio
from uuid import uuid4

import pytest
from tests.cart.world import TTL, Queries, World, customer, held, owner

from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Forbidden, Invalid, Unavailable
from shop.kit.values import Line
from shop.modules.cart.domain import CartFull, CartLocked, SkuNotFound
from shop.modules.cart.pricing import NotEnough, PriceChanged
from shop.modules.cart.tables import CARTS
from shop.ports.cart import CartNotFound, CartOrdered


async def test_a_guest_fills_a_cart_at_todays_prices(world: World) -> None:
    """Lines come in the order in which they were added, with what they cost now."""
    world.products.stock("mug", 10, price=1250, title="Mug, blue")
    world.products.stock("lid", 5, price=300)
    cart_id, caller = await world.guest({"mug": 2, "lid": 1})
    cart = await world.service.cart(cart_id, caller)
    assert [(line.sku, line.title, line.quantity, line.unit_price.amount, line.line_total.amount, line.available) for line in cart.lines] == [
        ("mug", "Mug, blue", 2, 1250, 2500, 10),
        ("lid", "Lid", 1, 300, 300, 5),
    ]
    assert (cart.subtotal, cart.discount, cart.coupon, cart.problems, cart.stale) == (Money(2800, "EUR"), Money(0, "EUR"), None, [], False)
    assert (cart.status, cart.version) == ("open", 3)


async def test_reading_a_cart_is_one_query_and_one_call(world: World) -> None:
    """However many lines it has, also when its token has to be checked."""
    for number in range(100):
        world.products.stock(f"sku-{number}", 9)
    cart_id, caller = await world.guest({f"sku-{number}": 1 for number in range(100)})
    world.products.calls.clear()
    with Queries(world.database) as queries:
        assert len((await world.service.cart(cart_id, caller)).lines) == 100
    assert len(queries.sent) == 1
    assert world.products.calls == ["variants"]


async def test_a_coupon_costs_a_query_or_two(world: World) -> None:
    """Its terms, and how often the customer has redeemed it where that is limited; nothing for each line."""
    for number in range(20):
        world.products.stock(f"sku-{number}", 9)
    await world.coupon("TENTH")
    await world.coupon("MINE", max_per_customer=1)
    cart_id, caller = await world.customer({f"sku-{number}": 1 for number in range(20)})
    for code, most in (("TENTH", 1), ("MINE", 2)):
        await world.service.put_coupon(cart_id, code, caller)
        with Queries(world.database) as queries:
            assert (await world.service.cart(cart_id, caller)).discount.amount == 2000
        assert len([sent for sent in queries.sent if "clock_timestamp" not in sent]) == 1 + most


async def test_reading_the_customers_cart_is_one_query_and_one_call(world: World) -> None:
    """Finding it costs no query more."""
    world.products.stock("mug", 9)
    _, caller = await world.customer({"mug": 1})
    world.products.calls.clear()
    with Queries(world.database) as queries:
        assert held(await world.service.mine(caller)) == {"mug": 1}
    assert len(queries.sent) == 1
    assert world.products.calls == ["variants"]


async def test_changing_a_line_asks_products_once(world: World) -> None:
    """The answer's prices are those of the check that the SKU is sold."""
    world.products.stock("mug", 9)
    world.products.stock("lid", 9)
    cart_id, caller = await world.guest({"mug": 1})
    world.products.calls.clear()
    assert held(await world.service.set_quantity(cart_id, "lid", 2, caller)) == {"mug": 1, "lid": 2}
    assert world.products.calls == ["variants"]


async def test_a_changed_price_is_a_problem_and_the_new_price_counts(world: World) -> None:
    """Old is the price when the line was added, and stays that when the quantity changes; removing and adding it again settles it."""
    world.products.stock("mug", 10, price=1000)
    cart_id, caller = await world.guest({"mug": 1})
    world.products.stock("mug", 10, price=1200)
    cart = await world.service.set_quantity(cart_id, "mug", 2, caller)
    assert cart.problems == [PriceChanged("mug", Money(1000, "EUR"), Money(1200, "EUR"))]
    assert cart.subtotal.amount == 2400
    await world.service.remove(cart_id, "mug", caller)
    assert (await world.service.set_quantity(cart_id, "mug", 2, caller)).problems == []


async def test_a_line_beyond_the_stock_is_a_problem(world: World) -> None:
    """It is said with what is available, and the line stays."""
    world.products.stock("mug", 3)
    cart_id, caller = await world.guest({"mug": 4})
    cart = await world.service.cart(cart_id, caller)
    assert cart.problems == [NotEnough("mug", 3)]
    assert held(cart) == {"mug": 4}


async def test_a_sku_that_is_sold_no_longer_stays_with_its_price_and_no_pieces(world: World) -> None:
    """An archived SKU is a problem until it is taken out, which works."""
    world.products.stock("mug", 9, price=700)
    cart_id, caller = await world.guest({"mug": 2})
    world.products.archive("mug")
    cart = await world.service.cart(cart_id, caller)
    assert [(line.title, line.unit_price.amount, line.available) for line in cart.lines] == [("Mug", 700, 0)]
    assert cart.problems == [NotEnough("mug", 0)]
    with pytest.raises(SkuNotFound):
        await world.service.set_quantity(cart_id, "mug", 1, caller)
    assert (await world.service.remove(cart_id, "mug", caller)).lines == []


@pytest.mark.parametrize("sku", ["cup", "MUG", "no sku", "nul\x00", "x" * 65, "mug\n"])
async def test_an_unknown_sku_is_not_found(world: World, sku: str) -> None:
    """Also one that cannot be a SKU at all; taking it out is fine."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    with pytest.raises(SkuNotFound):
        await world.service.set_quantity(cart_id, sku, 1, caller)
    assert held(await world.service.remove(cart_id, sku, caller)) == {"mug": 1}


async def test_a_sku_in_another_currency_is_not_sold_here(world: World) -> None:
    """Amounts of two currencies are never added up."""
    world.products.stock("mug", 9, currency="USD")
    cart_id, caller = await world.guest()
    with pytest.raises(SkuNotFound):
        await world.service.add(cart_id, Line("mug", 1), caller)


async def test_quantities_have_bounds(world: World) -> None:
    """A line holds at most 999 pieces and a cart 100 lines; what is there can still be changed."""
    for number in range(101):
        world.products.stock(f"sku-{number}", 9)
    cart_id, caller = await world.guest({f"sku-{number}": 999 for number in range(100)})
    with pytest.raises(CartFull):
        await world.service.set_quantity(cart_id, "sku-100", 1, caller)
    with pytest.raises(CartFull):
        await world.service.add(cart_id, Line("sku-0", 1), caller)
    await world.service.set_quantity(cart_id, "sku-0", 998, caller)
    assert held(await world.service.add(cart_id, Line("sku-0", 1), caller))["sku-0"] == 999


async def test_the_version_counts_changes_and_nothing_else(world: World) -> None:
    """Reading, setting what is there already and removing what is not there are no changes."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    for _ in range(2):
        await world.service.set_quantity(cart_id, "mug", 1, caller)
        await world.service.remove(cart_id, "lid", caller)
        assert (await world.service.cart(cart_id, caller)).version == 2
    assert (await world.service.add(cart_id, Line("mug", 1), caller)).version == 3
    assert (await world.service.remove(cart_id, "mug", caller)).version == 4


async def test_pieces_added_at_once_all_count(world: World) -> None:
    """Ten requests that add one piece each add ten."""
    world.products.stock("mug", 99)
    cart_id, caller = await world.guest()
    await asyncio.gather(*(world.service.add(cart_id, Line("mug", 1), caller) for _ in range(10)))
    cart = await world.service.cart(cart_id, caller)
    assert (held(cart), cart.version) == ({"mug": 10}, 11)


async def test_without_products_the_cart_opens_from_its_last_quote(world: World) -> None:
    """The last one that its owner saw, problems and all, and it says that it is stale."""
    world.products.stock("mug", 9, price=1000)
    cart_id, caller = await world.guest({"mug": 3})
    world.products.stock("mug", 2, price=1100, title="Mug, large")
    fresh = await world.service.cart(cart_id, caller)
    world.products.fail_next(Unavailable())
    stale = await world.service.cart(cart_id, caller)
    assert stale.stale
    assert (stale.lines, stale.subtotal, stale.problems) == (fresh.lines, fresh.subtotal, fresh.problems)
    assert stale.version == fresh.version == 2
    assert not (await world.service.cart(cart_id, caller)).stale


async def test_without_products_lines_can_be_changed_and_removed_but_not_added(world: World) -> None:
    """Nobody can say whether a new SKU is sold; what is in the cart is its owner's."""
    world.products.stock("mug", 9)
    world.products.stock("lid", 9)
    cart_id, caller = await world.guest({"mug": 1})
    world.products.fail_next(Unavailable(), times=4)
    with pytest.raises(Unavailable):
        await world.service.set_quantity(cart_id, "lid", 1, caller)
    with pytest.raises(Unavailable):
        await world.service.add(cart_id, Line("lid", 1), caller)
    changed = await world.service.set_quantity(cart_id, "mug", 2, caller)
    assert (held(changed), changed.stale) == ({"mug": 2}, True)
    assert (await world.service.remove(cart_id, "mug", caller)).lines == []


async def test_a_customer_has_one_cart(world: World) -> None:
    """Opening another one gives it again, also twenty times at once, until it is ordered; it has no token."""
    caller = customer()
    with pytest.raises(CartNotFound):
        await world.service.mine(caller)
    opened = await asyncio.gather(*(world.service.open(None, caller) for _ in range(20)))
    assert len({cart.id for cart in opened}) == 1
    assert not isinstance(opened[0].cart_token, str)
    assert await world.count(CARTS) == 1
    assert (await world.service.mine(caller)).id == opened[0].id
    world.products.stock("mug", 9)
    await world.service.add(opened[0].id, Line("mug", 1), caller)
    await world.checkouts.begin(id=(order := uuid7()), cart_id=opened[0].id, owner=owner(caller), ttl=TTL)
    assert (await world.service.open("EUR", caller)).status == "checking_out"
    await world.checkouts.commit(id=order)
    with pytest.raises(CartNotFound):
        await world.service.mine(caller)
    assert (await world.service.open(None, caller)).id != opened[0].id


async def test_a_cart_is_in_the_shops_currency(world: World) -> None:
    """Another one is refused by the name of its field."""
    assert (await world.service.open("EUR", Caller())).subtotal.currency == "EUR"
    with pytest.raises(Invalid) as caught:
        await world.service.open("USD", Caller())
    assert [error.field for error in caught.value.errors] == ["currency"]


async def test_somebody_elses_cart_is_not_found(world: World) -> None:
    """Without its token, with another cart's, as another customer, and by an id that never was."""
    world.products.stock("mug", 9)
    guests, guest = await world.guest({"mug": 1})
    mine, ada = await world.customer({"mug": 1})
    _, other_guest = await world.guest()
    for cart_id, stranger in [(guests, Caller()), (guests, other_guest), (guests, ada), (mine, guest), (mine, customer()), (uuid4(), guest)]:
        with pytest.raises(CartNotFound):
            await world.service.cart(cart_id, stranger)
        with pytest.raises(CartNotFound):
            await world.service.set_quantity(cart_id, "mug", 5, stranger)
        with pytest.raises(CartNotFound):
            await world.service.add(cart_id, Line("mug", 5), stranger)
    assert held(await world.service.cart(guests, guest)) == {"mug": 1}


async def test_staff_open_no_carts(world: World) -> None:
    """Neither a customer's nor a guest's with its token, nor one of their own."""
    cart_id, guest = await world.guest()
    staff = Caller(user_id=uuid7(), roles=frozenset(["staff"]), cart_token=guest.cart_token)
    with pytest.raises(Forbidden):
        await world.service.open(None, staff)
    for attempt in (world.service.cart(cart_id, staff), world.service.mine(staff)):
        with pytest.raises(CartNotFound):
            await attempt


async def test_a_cart_in_checkout_is_locked_and_shows_what_was_agreed(world: World) -> None:
    """Its own pieces are no longer available, which is no problem of it; after the release prices are live again."""
    world.products.stock("mug", 2, price=1000)
    cart_id, caller = await world.guest({"mug": 2})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.products.stock("mug", 2, price=5000)
    locked = await world.service.cart(cart_id, caller)
    assert (locked.status, locked.subtotal.amount, locked.problems, locked.stale) == ("checking_out", 2000, [], False)
    for change in (world.service.set_quantity(cart_id, "mug", 1, caller), world.service.remove(cart_id, "mug", caller)):
        with pytest.raises(CartLocked):
            await change
    await world.checkouts.release(id=order)
    assert (await world.service.cart(cart_id, caller)).subtotal.amount == 10000


async def test_the_quote_is_shown_also_where_it_differs_from_what_was_read_before(world: World) -> None:
    """Prices that changed between reading and buying are those of the quote, as they will be charged."""
    world.products.stock("mug", 2, price=1000)
    cart_id, caller = await world.guest({"mug": 2})
    world.products.stock("mug", 2, price=1500)
    await world.checkouts.begin(id=uuid7(), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    assert (await world.service.cart(cart_id, caller)).subtotal.amount == 3000


async def test_pieces_that_came_just_in_time_are_no_problem_any_more(world: World) -> None:
    """The last reading said that there were too few; the checkout holds them now."""
    world.products.stock("mug", 1)
    cart_id, caller = await world.guest({"mug": 2})
    world.products.stock("mug", 2)
    await world.checkouts.begin(id=uuid7(), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    assert (await world.service.cart(cart_id, caller)).problems == []


async def test_an_ordered_cart_cannot_be_changed(world: World) -> None:
    """It says as which order."""
    world.products.stock("mug", 2)
    cart_id, caller = await world.guest({"mug": 2})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    await world.checkouts.commit(id=order)
    with pytest.raises(CartOrdered) as caught:
        await world.service.add(cart_id, Line("mug", 1), caller)
    assert caught.value.extra == {"order_id": str(order)}
    assert (await world.service.cart(cart_id, caller)).status == "ordered"
