"""What the contract suite of carts stands on: the fake, or the real module."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from tests.cart.world import TTL, World, owner
from tests.fakes.cart import FakeCarts

from shop.kit.identity import Caller
from shop.ports.cart import Owner


class Stage(Protocol):
    """What a case does besides calling the port, on the fake and on the real module."""

    def stock(self, sku: str, quantity: int, price: int = 1000) -> None:
        """Sell so many pieces at this price."""
        ...

    async def coupon(self, code: str, percent: int, *, max_redemptions: int | None = None, max_per_customer: int | None = None) -> None:
        """Make a coupon for every line."""
        ...

    async def cart(self, lines: dict[str, int], customer_id: UUID | None = None, coupon: str | None = None) -> tuple[UUID, Owner]:
        """Make a cart; without a customer it is a guest's."""
        ...

    async def status(self, cart_id: UUID) -> str:
        """Give the status of a cart."""
        ...

    def available(self, sku: str) -> int:
        """Give how many pieces can be bought."""
        ...

    def expire(self, id: UUID) -> None:
        """Let the hard limit pass under which products holds the stock of a checkout."""
        ...


class FakeStage:
    """The fake's own controls."""

    def __init__(self, fake: FakeCarts) -> None:
        """Set this fake."""
        self.fake = fake
        self.stock = fake.stock
        self.expire = fake.expire

    async def coupon(self, code: str, percent: int, *, max_redemptions: int | None = None, max_per_customer: int | None = None) -> None:
        """Make a coupon."""
        self.fake.coupon(code, percent, max_redemptions=max_redemptions, max_per_customer=max_per_customer)

    async def cart(self, lines: dict[str, int], customer_id: UUID | None = None, coupon: str | None = None) -> tuple[UUID, Owner]:
        """Make a cart."""
        cart = self.fake.cart(lines, customer_id, coupon)
        return cart.id, cart.owner

    async def status(self, cart_id: UUID) -> str:
        """Give the status of a cart."""
        return self.fake.carts[cart_id].status

    def available(self, sku: str) -> int:
        """Give how many pieces can be bought."""
        return self.fake.available[sku]


class ModuleStage:
    """The real module over products in memory."""

    def __init__(self, world: World) -> None:
        """Set this world."""
        self.world = world
        self.available = world.available

    def stock(self, sku: str, quantity: int, price: int = 1000) -> None:
        """Sell so many pieces at this price, beside those that are reserved."""
        reserved = self.world.products.shelves[sku].reserved if sku in self.world.products.shelves else 0
        self.world.products.stock(sku, quantity + reserved, price=price)

    async def coupon(self, code: str, percent: int, *, max_redemptions: int | None = None, max_per_customer: int | None = None) -> None:
        """Make a coupon."""
        await self.world.coupon(code, percent=percent, max_redemptions=max_redemptions, max_per_customer=max_per_customer)

    async def cart(self, lines: dict[str, int], customer_id: UUID | None = None, coupon: str | None = None) -> tuple[UUID, Owner]:
        """Make a cart."""
        if customer_id is None:
            cart_id, caller = await self.world.guest(lines)
        else:
            caller = Caller(user_id=customer_id, roles=frozenset(["customer"]))
            cart_id = (await self.world.service.open(None, caller)).id
            for sku, quantity in lines.items():
                await self.world.service.set_quantity(cart_id, sku, quantity, caller)
        if coupon is not None:
            await self.world.service.put_coupon(cart_id, coupon, caller)
        return cart_id, owner(caller)

    async def status(self, cart_id: UUID) -> str:
        """Give the status of a cart."""
        return await self.world.status(cart_id)

    def expire(self, id: UUID) -> None:
        """Let the time pass."""
        self.world.clock.advance(timedelta(seconds=TTL + 1))
