"""How often a coupon is redeemed: never more often than it may be, whoever comes at once, and exactly as often as checkouts hold it."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from tests.cart.world import TTL, World, customer, owner, persistent

from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.modules.cart.coupon_commands import CouponChanges
from shop.modules.cart.store import CheckoutStatus
from shop.modules.cart.tables import CHECKOUTS, COUPONS, REDEMPTIONS
from shop.ports.cart import Quote


@pytest.fixture(autouse=True)
def _mugs(world: World) -> None:
    world.products.stock("mug", 500, categories=["cups"])


async def begin(world: World, cart: tuple[UUID, Caller], id: UUID | None = None) -> Quote:
    """Begin the checkout of a cart; whose outcome is unknown on a busy machine asks again."""
    order = id or uuid7()
    return await persistent(lambda: world.checkouts.begin(id=order, cart_id=cart[0], owner=owner(cart[1]), ttl=TTL))


async def release(world: World, id: UUID) -> None:
    """Release a checkout."""
    await persistent(lambda: world.checkouts.release(id=id))


async def with_coupon(world: World, code: str, caller: Caller | None = None) -> tuple[UUID, Caller]:
    """Fill a guest's cart and put a coupon on it; with a customer it is one that they hold the token of."""
    cart_id, guest = await world.guest({"mug": 1})
    await world.service.put_coupon(cart_id, code, guest)
    return cart_id, Caller(caller.user_id, caller.roles, guest.cart_token) if caller else guest


async def test_fifty_checkouts_at_once_redeem_ten_of_ten(world: World) -> None:
    """Released, they give back ten."""
    await world.coupon("TEN", max_redemptions=10)
    carts = [await with_coupon(world, "TEN") for _ in range(50)]
    ids = [uuid7() for _ in carts]
    quotes = await asyncio.gather(*(begin(world, cart, id) for cart, id in zip(carts, ids, strict=True)))
    assert sorted(quote.discount.amount for quote in quotes) == [0] * 40 + [100] * 10
    assert await world.redeemed("TEN") == 10
    await asyncio.gather(*(release(world, id) for id in ids))
    assert await world.redeemed("TEN") == 0


async def test_two_processes_count_together(world: World, database_url: str) -> None:
    """Each has connections of its own to the same database."""
    await world.coupon("TEN", max_redemptions=10)
    other = World(database_url, world.clock)
    other.products = world.products
    carts = [await with_coupon(world, "TEN") for _ in range(20)]
    quotes = await asyncio.gather(*(begin((world, other)[number % 2], cart) for number, cart in enumerate(carts)))
    await other.close()
    assert sum(quote.coupon is not None for quote in quotes) == 10
    assert await world.redeemed("TEN") == 10


async def test_one_customer_in_fifty_checkouts_at_once_redeems_once(world: World) -> None:
    """From fifty carts of guests that they hold the tokens of; other customers redeem once each."""
    await world.coupon("MINE", max_per_customer=1)
    ana = customer()
    carts = [await with_coupon(world, "MINE", ana) for _ in range(50)] + [await with_coupon(world, "MINE", customer()) for _ in range(5)]
    quotes = await asyncio.gather(*(begin(world, cart) for cart in carts))
    assert sum(quote.coupon is not None for quote in quotes[:50]) == 1
    assert [quote.coupon for quote in quotes[50:]] == ["MINE"] * 5
    assert await world.redeemed("MINE") == 6


async def test_one_checkout_asked_for_ten_times_at_once_redeems_once(world: World) -> None:
    """And gives back once, however often it is released."""
    await world.coupon("TENTH")
    cart, id = await with_coupon(world, "TENTH"), uuid7()
    quotes = await asyncio.gather(*(begin(world, cart, id) for _ in range(10)))
    assert quotes == [quotes[0]] * 10
    assert await world.redeemed("TENTH") == 1
    await asyncio.gather(*(release(world, id) for _ in range(10)))
    assert await world.redeemed("TENTH") == 0


async def test_one_that_was_exhausted_meanwhile_is_not_in_the_quote(world: World) -> None:
    """Nor one that expired, whose cart fell below the minimum, or that is for something else now."""
    endings = (CouponChanges(ends_at=world.clock.now()), CouponChanges(min_subtotal=Money(1001, "EUR")), CouponChanges(categories=["books"]))
    for number, ending in enumerate(endings):
        code = await world.coupon(f"C{number}", categories=["cups"])
        cart = await with_coupon(world, code)
        await world.coupons.change(code, ending)
        quote = await begin(world, cart)
        assert (quote.coupon, quote.discount.amount, await world.redeemed(code)) == (None, 0, 0)


async def test_the_quote_counts_what_is_held_and_not_what_was_read(world: World) -> None:
    """Prices and categories are those at the moment of holding."""
    await world.coupon("CUPS", categories=["cups"])
    cart = await with_coupon(world, "CUPS")
    world.products.stock("mug", 9, price=3000, categories=["cups"])
    assert (await begin(world, cart)).discount.amount == 300
    cart = await with_coupon(world, "CUPS")
    world.products.stock("mug", 9, price=3000, categories=["bowls"])
    assert (await begin(world, cart)).coupon is None


async def test_a_refusal_redeems_nothing(world: World) -> None:
    """There was too little stock, and whoever has some gets the last one."""
    await world.coupon("ONCE", max_redemptions=1)
    world.products.stock("lid", 1)
    cart_id, caller = await world.guest({"lid": 2})
    await world.service.put_coupon(cart_id, "ONCE", caller)
    refused = await asyncio.gather(begin(world, (cart_id, caller)), return_exceptions=True)
    assert [type(one).__name__ for one in refused] == ["InsufficientStock"]
    assert (await begin(world, await with_coupon(world, "ONCE"))).coupon == "ONCE"


async def test_an_overdue_checkout_gives_its_coupon_back(world: World) -> None:
    """Sales never came back for it; one that is being sold keeps it."""
    await world.coupon("TWICE", max_redemptions=2)
    left, sold = uuid7(), uuid7()
    await begin(world, await with_coupon(world, "TWICE"), left)
    await begin(world, await with_coupon(world, "TWICE"), sold)
    await world.checkouts.commit(id=sold)
    world.clock.advance(timedelta(seconds=TTL + 1))
    while await world.checkouts.release_overdue():
        pass
    assert await world.redeemed("TWICE") == 1
    for id in (left, sold):
        await world.checkouts.release(id=id)
    assert await world.redeemed("TWICE") == 1


async def test_a_limit_below_what_is_redeemed_ends_the_coupon(world: World) -> None:
    """Whoever has redeemed it keeps it, and giving back makes room only below the new limit."""
    await world.coupon("MANY", max_redemptions=5)
    ids = [uuid7() for _ in range(3)]
    for id in ids:
        assert (await begin(world, await with_coupon(world, "MANY"), id)).coupon == "MANY"
    waiting = await with_coupon(world, "MANY")
    changed = await world.coupons.change("MANY", CouponChanges(max_redemptions=2))
    assert (changed.max_redemptions, changed.redeemed) == (2, 3)
    await world.checkouts.commit(id=ids[0])
    await world.checkouts.release(id=ids[1])
    order = uuid7()
    assert (await begin(world, waiting, order)).coupon is None
    await world.checkouts.release(id=order)
    await world.checkouts.release(id=ids[2])
    assert (await begin(world, waiting)).coupon == "MANY"
    assert await world.redeemed("MANY") == 2


async def test_terms_changed_while_many_check_out_keep_the_count(world: World) -> None:
    """Staff write what they decide, and never how often it is redeemed."""
    await world.coupon("BUSY", max_redemptions=12)
    carts = [await with_coupon(world, "BUSY") for _ in range(15)]
    changes = (world.coupons.change("BUSY", CouponChanges(percent=percent)) for percent in range(1, 16))
    quotes, _ = await asyncio.gather(asyncio.gather(*(begin(world, cart) for cart in carts)), asyncio.gather(*changes))
    assert sum(quote.coupon is not None for quote in quotes) == 12
    assert await world.redeemed("BUSY") == 12


async def test_what_is_redeemed_cannot_be_forgotten_with_its_checkout(world: World) -> None:
    """Tombstones go, and have nothing to leave behind; the database itself refuses to lose a redemption."""
    await world.coupon("TENTH")
    sold, given_up = uuid7(), uuid7()
    await begin(world, await with_coupon(world, "TENTH"), sold)
    await world.checkouts.commit(id=sold)
    await begin(world, await with_coupon(world, "TENTH"), given_up)
    await world.checkouts.release(id=given_up)
    world.clock.advance(timedelta(days=31))
    assert await world.cleaning.tombstones()
    assert (await world.count(CHECKOUTS), await world.count(REDEMPTIONS), await world.redeemed("TENTH")) == (1, 1, 1)
    impossible = (sa.delete(CHECKOUTS), sa.update(COUPONS).values(redeemed=-1), sa.update(COUPONS).values(percent=None))
    for statement in impossible:
        with pytest.raises(IntegrityError):
            async with world.database.write() as store:
                await store.change(statement)


async def test_what_an_older_process_forgot_to_give_back_is_given_back_with_the_tombstone(world: World) -> None:
    """Containers are upgraded one at a time, and one from before there were coupons knew nothing of redemptions."""
    await world.coupon("TENTH")
    id = uuid7()
    await begin(world, await with_coupon(world, "TENTH"), id)
    async with world.database.write() as store:
        await store.move(id, [CheckoutStatus.BEGUN], CheckoutStatus.RELEASED)
    await release(world, id)
    assert await world.redeemed("TENTH") == 1
    world.clock.advance(timedelta(days=31))
    assert await world.cleaning.tombstones()
    assert (await world.count(CHECKOUTS), await world.redeemed("TENTH")) == (0, 0)
