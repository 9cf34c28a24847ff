"""A guest's cart becomes a customer's."""

import asyncio
from uuid import UUID

import pytest
from tests.cart.world import TTL, World, customer, held, owner
from tests.fakes.products import FakeProducts

from shop.kit.clock import Clock
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable
from shop.kit.values import Line
from shop.modules.cart.domain import Cart, CartLocked
from shop.modules.cart.service import CartService, Claim
from shop.modules.cart.store import CartStore
from shop.modules.cart.tables import CART_LINES, CARTS
from shop.ports.cart import CartNotFound, CartOrdered
from shop.ports.products import Variant


async def test_quantities_add_up_to_what_is_available(world: World) -> None:
    """What goes beyond is dropped, what the customer had stays, and the guest's cart is gone."""
    for sku, pieces in {"mug": 6, "lid": 5, "cup": 1, "pot": 9}.items():
        world.products.stock(sku, pieces)
    guests, guest = await world.guest({"mug": 5, "pot": 2, "cup": 1, "lid": 1})
    mine, caller = await world.customer({"mug": 3, "cup": 4}, cart_token=guest.cart_token)
    world.products.archive("lid")
    claim = await world.service.claim(guests, caller)
    assert (claim.cart.id, held(claim.cart)) == (mine, {"mug": 6, "cup": 4, "pot": 2})
    assert claim.merged == [Line("mug", 3), Line("pot", 2)]
    assert claim.dropped == [Line("mug", 2), Line("cup", 1), Line("lid", 1)]
    assert held(await world.service.mine(caller)) == held(claim.cart)
    assert (await world.count(CARTS), await world.count(CART_LINES)) == (1, 3)


async def test_a_customer_without_a_cart_adopts_the_guests(world: World) -> None:
    """By the same rules; the old token no longer opens it."""
    world.products.stock("mug", 2)
    world.products.stock("lid", 9)
    guests, guest = await world.guest({"mug": 5, "lid": 1})
    caller = customer(guest.cart_token)
    claim = await world.service.claim(guests, caller)
    assert (claim.cart.id, held(claim.cart), claim.cart.problems) == (guests, {"mug": 2, "lid": 1}, [])
    assert (claim.merged, claim.dropped) == ([Line("mug", 2), Line("lid", 1)], [Line("mug", 3)])
    assert await world.service.cart(guests, caller) == await world.service.mine(caller) == claim.cart
    with pytest.raises(CartNotFound):
        await world.service.cart(guests, guest)


async def test_a_cart_is_claimed_once(world: World) -> None:
    """The second time there is nothing to claim, whether it was merged or adopted."""
    for prepared in (customer(), (await world.customer())[1]):
        guests, guest = await world.guest()
        caller = Caller(prepared.user_id, prepared.roles, guest.cart_token)
        await world.service.claim(guests, caller)
        with pytest.raises(CartNotFound):
            await world.service.claim(guests, caller)


async def test_only_who_has_the_token_claims(world: World) -> None:
    """Without it, with another cart's, of a customer's cart or as staff nothing happens."""
    guests, guest = await world.guest()
    mine, _ = await world.customer()
    for cart_id, token in [(guests, None), (guests, "x"), (mine, guest.cart_token), (uuid7(), guest.cart_token)]:
        with pytest.raises(CartNotFound):
            await world.service.claim(cart_id, customer(token))
    with pytest.raises(CartNotFound):
        await world.service.claim(guests, Caller(uuid7(), frozenset(["staff"]), guest.cart_token))


async def test_a_cart_in_checkout_is_not_claimed(world: World) -> None:
    """Neither the guest's nor into the customer's; an ordered one is ordered."""
    world.products.stock("mug", 9)
    guests, guest = await world.guest({"mug": 1})
    await world.checkouts.begin(id=(order := uuid7()), cart_id=guests, owner=owner(guest), ttl=TTL)
    with pytest.raises(CartLocked):
        await world.service.claim(guests, customer(guest.cart_token))
    await world.checkouts.commit(id=order)
    with pytest.raises(CartOrdered):
        await world.service.claim(guests, customer(guest.cart_token))
    other, other_guest = await world.guest({"mug": 1})
    mine, caller = await world.customer({"mug": 1}, cart_token=other_guest.cart_token)
    await world.checkouts.begin(id=uuid7(), cart_id=mine, owner=owner(caller), ttl=TTL)
    with pytest.raises(CartLocked):
        await world.service.claim(other, caller)
    assert held(await world.service.cart(other, other_guest)) == {"mug": 1}


async def test_lines_beyond_the_hundredth_are_dropped(world: World) -> None:
    """A cart that is full takes only pieces of what it holds."""
    for number in range(101):
        world.products.stock(f"sku-{number}", 2000)
    guests, guest = await world.guest({"sku-100": 1, "sku-0": 1000 - 2})
    _, caller = await world.customer({f"sku-{number}": 2 for number in range(100)}, cart_token=guest.cart_token)
    claim = await world.service.claim(guests, caller)
    assert (claim.merged, claim.dropped) == ([Line("sku-0", 997)], [Line("sku-100", 1), Line("sku-0", 1)])


async def test_without_products_nobody_can_say_what_is_available(world: World) -> None:
    """The claim can be repeated when products is back; until then both carts stay as they are."""
    world.products.stock("mug", 9)
    guests, guest = await world.guest({"mug": 1})
    caller = customer(guest.cart_token)
    world.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await world.service.claim(guests, caller)
    assert (await world.service.claim(guests, caller)).merged == [Line("mug", 1)]


async def test_a_claim_is_a_quote_too(world: World) -> None:
    """The prices of its answer are the last ones that the owner saw, and stand in while products is down."""
    world.products.stock("mug", 9, price=1000)
    guests, guest = await world.guest({"mug": 1})
    world.products.stock("mug", 9, price=1100)
    caller = customer(guest.cart_token)
    assert (await world.service.claim(guests, caller)).cart.subtotal.amount == 1100
    world.products.fail_next(Unavailable())
    assert (await world.service.mine(caller)).subtotal.amount == 1100


async def test_two_customers_cannot_both_have_it(world: World) -> None:
    """Of ten claims at once one gets the pieces."""
    world.products.stock("mug", 9)
    guests, guest = await world.guest({"mug": 1})
    results = await asyncio.gather(*(world.service.claim(guests, customer(guest.cart_token)) for _ in range(10)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["CartNotFound"] * 9 + ["Claim"]


async def test_pieces_that_come_while_the_cart_is_claimed_go_along(world: World) -> None:
    """The guest added something in another window between the question what is available and the recording."""
    world.products.stock("mug", 9)
    world.products.stock("lid", 9)
    guests, guest = await world.guest({"mug": 1})
    adding = asyncio.Event()

    class Interrupted(FakeProducts):
        async def variants(self, *, skus: list[str]) -> list[Variant]:
            answer = await world.products.variants(skus=skus)
            if not adding.is_set():
                adding.set()
                await world.service.add(guests, Line("lid", 2), guest)
            return answer

    claiming = CartService(world.database, world.keyring, Interrupted(), "EUR")
    claim = await claiming.claim(guests, customer(guest.cart_token))
    assert claim.merged == [Line("mug", 1), Line("lid", 2)]


class Meeting(CartStore):
    """Two claims meet after both saw that the customer has no cart."""

    arrived = 0
    met: asyncio.Event

    async def locked_customer_cart(self, customer_id: UUID) -> Cart | None:
        """Give the cart when two have looked."""
        found = await super().locked_customer_cart(customer_id)
        Meeting.arrived += 1
        if Meeting.arrived == 2:
            self.met.set()
        await self.met.wait()
        return found


async def test_of_two_carts_adopted_at_once_one_is_merged_into_the_other(postgresql_url: str, clock: Clock) -> None:
    """The index lets one through; the other claim looks again, and finds the customer's cart."""
    world = World(postgresql_url, clock, store=Meeting)
    Meeting.arrived, Meeting.met = 0, asyncio.Event()
    try:
        world.products.stock("mug", 9)
        carts = [await world.guest({"mug": 2}) for _ in range(2)]
        me = customer()
        claims = await asyncio.gather(*(world.service.claim(id, Caller(me.user_id, me.roles, guest.cart_token)) for id, guest in carts))
        assert {claim.cart.id for claim in claims} == {(await world.service.mine(me)).id}
        assert held(await world.service.mine(me)) == {"mug": 4}
    finally:
        await world.close()


async def test_two_carts_claimed_at_once_end_in_one(world: World) -> None:
    """A customer who logs in twice, with two guests' carts, and opens a cart at that very moment, still has one cart with everything."""
    world.products.stock("mug", 99)
    carts = [await world.guest({"mug": 2}) for _ in range(6)]
    me = customer()
    claims = [world.service.claim(cart_id, Caller(me.user_id, me.roles, guest.cart_token)) for cart_id, guest in carts]
    results = await asyncio.gather(*claims, world.service.open(None, me))
    assert all(isinstance(result, Claim) for result in results[:-1])
    assert held(await world.service.mine(me)) == {"mug": 12}
    assert await world.count(CARTS) == 1
