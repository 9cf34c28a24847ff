"""The process may die between any two steps of a checkout; whoever repeats the call gets the answer, and nothing is lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.cart.world import TTL, World, owner

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.problems import Gone, Unavailable
from shop.modules.cart.store import CartStore
from shop.ports.cart import InsufficientStock, Quote
from shop.ports.products import Products


class Crash(Exception):
    """The process died here."""


class Steps:
    """Counts the moments at which a process may die, and lets it die at one of them, or lets somebody else act there."""

    def __init__(self) -> None:
        """Let everything live."""
        self.passed = 0
        self.die_at: int | None = None
        self.act_at: tuple[int, Callable[[], Awaitable[None]]] | None = None

    async def step(self) -> None:
        """Pass a moment."""
        self.passed += 1
        if self.passed == self.die_at:
            raise Crash
        if self.act_at is not None and self.passed == self.act_at[0]:
            act, self.act_at = self.act_at[1], None
            await act()

    def begin_anew(self, die_at: int | None = None) -> None:
        """Count from zero."""
        self.passed, self.die_at = 0, die_at


class MortalDatabase(Database[CartStore]):
    """May die before a transaction and after its commit."""

    steps = Steps()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[CartStore]:
        """Open a transaction."""
        await self.steps.step()
        async with super().write() as store:
            yield store
        await self.steps.step()


class MortalProducts(Products):
    """The caller may die before a call and before it hears the answer."""

    def __init__(self, products: Products, steps: Steps) -> None:
        """Stand before this port."""
        self.products, self.steps = products, steps

    async def _call(self, name: str, **arguments: Any) -> Any:
        await self.steps.step()
        result = await getattr(self.products, name)(**arguments)
        await self.steps.step()
        return result

    async def variants(self, **arguments: Any) -> Any:
        """Ask."""
        return await self._call("variants", **arguments)

    async def reserve(self, **arguments: Any) -> Any:
        """Hold."""
        return await self._call("reserve", **arguments)

    async def commit(self, **arguments: Any) -> None:
        """Sell."""
        await self._call("commit", **arguments)

    async def release(self, **arguments: Any) -> None:
        """Give back."""
        await self._call("release", **arguments)

    async def restock(self, **arguments: Any) -> None:
        """Take back."""
        await self._call("restock", **arguments)


class Fragile(World):
    """A world whose process may die."""

    steps: Steps

    async def cart(self, lines: dict[str, int]) -> tuple[UUID, Caller]:
        """Make a guest's cart, with ten mugs in stock."""
        self.steps.begin_anew()
        self.products.stock("mug", 10)
        return await self.guest(lines)

    async def begin(self, id: UUID, cart: tuple[UUID, Caller]) -> Quote:
        """Begin a checkout."""
        return await self.checkouts.begin(id=id, cart_id=cart[0], owner=owner(cart[1]), ttl=TTL)


@pytest.fixture
async def fragile(database_url: str, clock: Clock) -> AsyncIterator[Fragile]:
    """Give a world whose process may die, on each kind of database."""
    made = Fragile(database_url, clock, MortalDatabase)
    made.steps = MortalDatabase.steps = Steps()
    made.wire(MortalProducts(made.products, made.steps))
    yield made
    await made.close()


async def survived(fragile: Fragile, die_at: int, call: Callable[[], Awaitable[Any]]) -> Any:
    """Let the process die at a step of the call, start it again, and repeat the call; None when it had fewer steps."""
    fragile.steps.begin_anew(die_at)
    try:
        await call()
    except Crash:
        fragile.steps.begin_anew()
        fragile.wire(MortalProducts(fragile.products, fragile.steps))
        return await call()
    fragile.steps.begin_anew()
    return None


async def each_death(prepare: Callable[[], Awaitable[Any]], survive: Callable[[int, Any], Awaitable[bool]]) -> int:
    """Try every step in turn on a fresh case; gives how many there were."""
    for die_at in range(1, 30):
        if not await survive(die_at, await prepare()):
            return die_at - 1
    raise AssertionError("this never ends")


async def test_a_begin_that_died_anywhere_goes_on(fragile: Fragile) -> None:
    """The same id continues and gives the quote; the stock is held once and can be sold."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        quote = await survived(fragile, die_at, lambda: fragile.begin(id, cart))
        if quote is None:
            return False
        assert quote.subtotal.amount == 3000
        assert await fragile.status(cart[0]) == "checking_out"
        assert await fragile.begin(id, cart) == quote
        assert fragile.products.shelf("mug").reserved == 3
        await fragile.checkouts.commit(id=id)
        assert fragile.products.shelf("mug").on_hand == 7
        return True

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_refusal_that_died_anywhere_is_given_again(fragile: Fragile) -> None:
    """The cart is open afterwards, and nothing is held."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        fragile.steps.begin_anew(die_at)
        with pytest.raises((Crash, InsufficientStock)) as first:
            await fragile.begin(id, cart)
        fragile.steps.begin_anew()
        with pytest.raises(InsufficientStock) as caught:
            await fragile.begin(id, cart)
        assert caught.value.extra == {"skus": ["mug"]}
        assert await fragile.status(cart[0]) == "open"
        assert fragile.products.shelf("mug").reserved == 0
        return first.type is Crash

    assert await each_death(lambda: fragile.cart({"mug": 11}), survive) == 5


async def test_a_begin_that_died_anywhere_can_be_released_instead(fragile: Fragile) -> None:
    """Sales gave up: nothing is held, the cart is open, and the begin that comes after all is gone."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.begin(id, cart)
        except Crash:
            fragile.steps.begin_anew()
            await fragile.checkouts.release(id=id)
            await freed(fragile, id, cart)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def freed(fragile: Fragile, id: UUID, cart: tuple[UUID, Caller]) -> None:
    """Check that nothing is left of a checkout but its tombstone."""
    assert fragile.products.shelf("mug").reserved == 0
    assert await fragile.status(cart[0]) == "open"
    with pytest.raises(Gone):
        await fragile.begin(id, cart)
    assert fragile.products.shelf("mug").reserved == 0
    another = uuid7()
    assert (await fragile.begin(another, cart)).lines
    await fragile.checkouts.release(id=another)


async def test_a_commit_that_died_anywhere_sells_once(fragile: Fragile) -> None:
    """The cart ends as ordered."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        await fragile.begin(id, cart)
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.checkouts.commit(id=id)
        except Crash:
            fragile.steps.begin_anew()
            await fragile.checkouts.commit(id=id)
            assert await fragile.status(cart[0]) == "ordered"
            shelf = fragile.products.shelf("mug")
            assert (shelf.on_hand, shelf.reserved) == (7, 0)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_release_that_died_anywhere_frees_everything(fragile: Fragile) -> None:
    """Products first, then the cart: it is never open while its stock is still held."""

    async def survive(die_at: int, cart: Any) -> bool:
        id = uuid7()
        await fragile.begin(id, cart)
        fragile.steps.begin_anew(die_at)
        try:
            await fragile.checkouts.release(id=id)
        except Crash:
            fragile.steps.begin_anew()
            assert await fragile.status(cart[0]) == "checking_out" or fragile.products.shelf("mug").reserved == 0
            await fragile.checkouts.release(id=id)
            await freed(fragile, id, cart)
            return True
        return False

    assert await each_death(lambda: fragile.cart({"mug": 3}), survive) == 6


async def test_a_release_at_any_step_of_a_begin_leaves_nothing_held(fragile: Fragile) -> None:
    """Whoever comes first, the stock is back, the cart is open and the id is gone."""
    for step in range(1, 7):
        cart, id = await fragile.cart({"mug": 3}), uuid7()
        fragile.steps.begin_anew()
        fragile.steps.act_at = (step, _release(fragile, id))
        results = await asyncio.gather(fragile.begin(id, cart), return_exceptions=True)
        assert fragile.steps.act_at is None
        if step < 6:
            assert [type(result) for result in results] == [Gone], step
        await freed(fragile, id, cart)


async def test_a_refused_twin_leaves_nothing_held(fragile: Fragile) -> None:
    """Two requests under one id: one is refused for want of stock, the other holds it a moment later, too late to count."""
    cart, id = await fragile.cart({"mug": 11}), uuid7()

    async def twin() -> None:
        with pytest.raises(InsufficientStock):
            await fragile.begin(id, cart)
        fragile.products.stock("mug", 11)

    fragile.steps.act_at = (fragile.steps.passed + 3, twin)
    with pytest.raises(InsufficientStock):
        await fragile.begin(id, cart)
    assert fragile.products.shelf("mug").reserved == 0
    assert await fragile.status(cart[0]) == "open"


def _release(fragile: Fragile, id: UUID) -> Callable[[], Awaitable[None]]:
    async def release() -> None:
        await fragile.checkouts.release(id=id)

    return release


async def test_while_products_is_down_a_checkout_waits(fragile: Fragile) -> None:
    """The cart stays locked for the same order, which goes on as soon as products is back."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    fragile.products.fail_next(Unavailable(), times=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await fragile.begin(id, cart)
        assert await fragile.status(cart[0]) == "checking_out"
    assert (await fragile.begin(id, cart)).subtotal.amount == 3000


async def test_a_begin_that_went_on_too_late_opens_the_cart(fragile: Fragile) -> None:
    """The process died with the stock held, and came back when products had given it up: the id is gone, the cart is not."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    fragile.steps.begin_anew(die_at=4)
    with pytest.raises(Crash):
        await fragile.begin(id, cart)
    fragile.steps.begin_anew()
    assert fragile.products.shelf("mug").reserved == 3
    fragile.clock.advance(timedelta(seconds=TTL + 1))
    with pytest.raises(Gone):
        await fragile.begin(id, cart)
    await freed(fragile, id, cart)


async def test_a_commit_that_begins_while_overdue_checkouts_are_released_comes_first(fragile: Fragile) -> None:
    """The job found the checkout overdue, and before it could release it sales began to sell: it is left to sales."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    await fragile.begin(id, cart)
    fragile.clock.advance(timedelta(seconds=TTL + 1))
    fragile.products.fail_next(Unavailable())

    async def sell() -> None:
        with pytest.raises(Unavailable):
            await fragile.checkouts.commit(id=id)

    fragile.steps.begin_anew()
    fragile.steps.act_at = (1, sell)
    assert await fragile.checkouts.release_overdue()
    assert await fragile.status(cart[0]) == "checking_out"


@pytest.mark.parametrize("call", ["commit", "release"])
async def test_while_products_is_down_nothing_is_sold_or_given_back_halfway(fragile: Fragile, call: str) -> None:
    """The cart stays locked until the same call succeeds."""
    cart, id = await fragile.cart({"mug": 3}), uuid7()
    await fragile.begin(id, cart)
    fragile.products.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await getattr(fragile.checkouts, call)(id=id)
    assert await fragile.status(cart[0]) == "checking_out"
    await getattr(fragile.checkouts, call)(id=id)
    assert await fragile.status(cart[0]) == {"commit": "ordered", "release": "open"}[call]
