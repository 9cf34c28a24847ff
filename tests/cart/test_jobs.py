"""Background work of cart, by several workers at once."""

import asyncio
from datetime import timedelta

import pytest
from tests.cart.world import TTL, World, customer, held, owner

from shop.kit.idempotency import IdempotencyKeys, Once
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.problems import Gone, Unavailable
from shop.kit.values import Line
from shop.modules.cart.jobs import Cleaning
from shop.modules.cart.tables import CART_LINES, CARTS, CHECKOUTS, IDEMPOTENCY_KEYS
from shop.ports.cart import CartNotFound

MONTH = timedelta(days=30)


async def test_carts_that_nobody_touched_for_thirty_days_are_deleted(world: World) -> None:
    """Guests' and customers', with their lines; one that was changed since stays."""
    world.products.stock("mug", 9)
    await world.guest({"mug": 1})
    await world.customer({"mug": 1})
    kept, caller = await world.guest({"mug": 1})
    world.clock.advance(timedelta(days=10))
    await world.service.add(kept, Line("mug", 1), caller)
    assert not await world.cleaning.abandoned_carts()
    world.clock.advance(timedelta(days=21))
    done = await asyncio.gather(*(world.cleaning.abandoned_carts() for _ in range(5)))
    assert any(done)
    assert (await world.count(CARTS), await world.count(CART_LINES)) == (1, 1)
    assert held(await world.service.cart(kept, caller)) == {"mug": 2}


async def test_reading_a_cart_does_not_keep_it(world: World) -> None:
    """Also when the reading takes note of a new price."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    world.clock.advance(MONTH - timedelta(days=1))
    world.products.stock("mug", 9, price=7)
    await world.service.cart(cart_id, caller)
    world.clock.advance(timedelta(days=2))
    assert await world.cleaning.abandoned_carts()
    with pytest.raises(CartNotFound):
        await world.service.add(cart_id, Line("mug", 1), caller)


async def test_carts_in_checkout_and_ordered_ones_stay(world: World) -> None:
    """They belong to an order."""
    world.products.stock("mug", 9)
    carts = [await world.guest({"mug": 1}) for _ in range(2)]
    ids = [uuid7(), uuid7()]
    for id, (cart_id, caller) in zip(ids, carts, strict=True):
        await world.checkouts.begin(id=id, cart_id=cart_id, owner=owner(caller), ttl=TTL)
    await world.checkouts.commit(id=ids[0])
    world.clock.advance(MONTH * 2)
    assert not await world.cleaning.abandoned_carts()
    assert await world.count(CARTS) == 2


async def test_a_released_cart_has_thirty_days_from_then(world: World) -> None:
    """Its owner is looking at it."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.clock.advance(MONTH * 2)
    await world.checkouts.release(id=order)
    assert not await world.cleaning.abandoned_carts()


async def test_old_idempotency_keys_are_deleted(world: World) -> None:
    """After the day for which they are kept."""
    keys = IdempotencyKeys(world.database, IDEMPOTENCY_KEYS)
    await keys.begin("POST /x guest:", "a", "f")
    world.clock.advance(timedelta(hours=23))
    await keys.begin("POST /x guest:", "b", "f")
    assert not await world.cleaning.old_keys()
    world.clock.advance(timedelta(hours=2))
    assert await Cleaning(world.database).old_keys()
    assert await world.count(IDEMPOTENCY_KEYS) == 1


async def test_a_line_added_under_a_key_is_added_once(world: World) -> None:
    """A second try after a crash gives the cart as it stands, also when it is locked by now."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest()
    begun = await IdempotencyKeys(world.database, IDEMPOTENCY_KEYS).begin("POST /lines", "key", "f")
    assert isinstance(begun, Once)
    again = Once(IDEMPOTENCY_KEYS, begun.scope, begun.key)
    for _ in range(2):
        assert held(await world.service.add(cart_id, Line("mug", 2), caller, again)) == {"mug": 2}
        assert again.subject == cart_id
    await world.checkouts.begin(id=uuid7(), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    assert held(await world.service.add(cart_id, Line("mug", 2), caller, again)) == {"mug": 2}


async def test_a_checkout_that_sales_forgot_ends_with_its_time(world: World) -> None:
    """Begun, or stuck halfway because products was down: afterwards nothing is held, the cart is open and the id is gone."""
    world.products.stock("mug", 9)
    (begun, ada), (stuck, ben) = await world.guest({"mug": 1}), await world.guest({"mug": 2})
    ids = {begun: uuid7(), stuck: uuid7()}
    await world.checkouts.begin(id=ids[begun], cart_id=begun, owner=owner(ada), ttl=TTL)
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.checkouts.begin(id=ids[stuck], cart_id=stuck, owner=owner(ben), ttl=TTL)
    assert not await world.checkouts.release_overdue()
    world.clock.advance(timedelta(seconds=TTL + 1))
    await asyncio.gather(*(world.checkouts.release_overdue() for _ in range(3)))
    assert not await world.checkouts.release_overdue()
    assert world.products.shelf("mug").reserved == 0
    for cart_id, caller in ((begun, ada), (stuck, ben)):
        assert await world.status(cart_id) == "open"
        with pytest.raises(Gone):
            await world.checkouts.begin(id=ids[cart_id], cart_id=cart_id, owner=owner(caller), ttl=TTL)


async def test_the_time_of_a_checkout_that_went_on_late_begins_anew(world: World) -> None:
    """Its stock is held for the whole time from then on, and so is its cart."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    order = uuid7()
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.checkouts.begin(id=order, cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.clock.advance(timedelta(seconds=TTL - 10))
    await world.checkouts.begin(id=order, cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.clock.advance(timedelta(seconds=TTL - 10))
    assert not await world.checkouts.release_overdue()
    await world.checkouts.commit(id=order)
    assert await world.status(cart_id) == "ordered"


async def test_a_release_that_failed_halfway_is_finished_with_its_time(world: World) -> None:
    """The tombstone was there, products was down, and sales did not come back."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.checkouts.release(id=order)
    world.clock.advance(timedelta(seconds=TTL + 1))
    assert await world.checkouts.release_overdue()
    assert await world.status(cart_id) == "open"


async def test_a_checkout_that_is_being_sold_is_left_to_sales(world: World) -> None:
    """From the first commit on only sales may end it: the money may be here already."""
    world.products.stock("mug", 9)
    cart_id, caller = await world.guest({"mug": 1})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=cart_id, owner=owner(caller), ttl=TTL)
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.checkouts.commit(id=order)
    world.clock.advance(timedelta(seconds=TTL + 1))
    assert not await world.checkouts.release_overdue()
    assert await world.status(cart_id) == "checking_out"


async def test_opening_a_cart_after_the_cleaning_gives_a_new_one(world: World) -> None:
    """A customer who comes back after a month begins anew."""
    caller = customer()
    first = await world.service.open(None, caller)
    world.clock.advance(MONTH + timedelta(seconds=1))
    await world.cleaning.abandoned_carts()
    assert (await world.service.open(None, caller)).id != first.id
    assert (await world.service.open(None, Caller())).version == 1


async def test_tombstones_are_deleted_after_a_month(world: World) -> None:
    """Of a release and of a refusal; what is sold, what is under way and what still locks its cart stay."""
    world.products.stock("mug", 9)
    orders = {name: uuid7() for name in ("sold", "released", "locking", "under way")}
    carts = {name: await world.guest({"mug": 1}) for name in orders}
    for name, (cart_id, caller) in carts.items():
        await world.checkouts.begin(id=orders[name], cart_id=cart_id, owner=owner(caller), ttl=TTL)
    await world.checkouts.commit(id=orders["sold"])
    await world.checkouts.release(id=orders["released"])
    await world.checkouts.release(id=uuid7())
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.checkouts.release(id=orders["locking"])
    assert not await world.cleaning.tombstones()
    world.clock.advance(MONTH + timedelta(seconds=1))
    assert await world.cleaning.tombstones()
    assert await world.count(CHECKOUTS) == 3
    await world.checkouts.release(id=orders["locking"])
    assert await world.status(carts["locking"][0]) == "open"
    await world.checkouts.commit(id=orders["sold"])
