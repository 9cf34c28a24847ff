"""A process that may die between any two steps."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from tests.cart.world import TTL, World, owner

from shop.kit.database import Database
from shop.kit.identity import Caller
from shop.modules.cart.store import CartStore
from shop.ports.cart import Quote
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

    async def cart(self, lines: dict[str, int], coupon: str | None = None) -> tuple[UUID, Caller]:
        """Make a guest's cart, with ten mugs in stock; the coupon is made when it is there for the first time."""
        self.steps.begin_anew()
        self.products.stock("mug", 10)
        cart_id, caller = await self.guest(lines)
        if coupon is not None:
            async with self.database.read() as store:
                known = await store.coupon(coupon)
            await self.service.put_coupon(cart_id, coupon if known else await self.coupon(coupon), caller)
        return cart_id, caller

    async def begin(self, id: UUID, cart: tuple[UUID, Caller]) -> Quote:
        """Begin a checkout."""
        return await self.checkouts.begin(id=id, cart_id=cart[0], owner=owner(cart[1]), ttl=TTL)


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


def releasing(fragile: Fragile, id: UUID) -> Callable[[], Awaitable[None]]:
    """Give what releases a checkout."""

    async def release() -> None:
        await fragile.checkouts.release(id=id)

    return release
