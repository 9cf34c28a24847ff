"""The services of cart on a fresh database, over products in memory, and what their tests say over and over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from tests.fakes.products import FakeProducts

from shop.adapters import in_process
from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable
from shop.kit.secrets import Keyring
from shop.modules.cart import tables
from shop.modules.cart.checkouts import Checkouts
from shop.modules.cart.coupon_commands import NewCoupon
from shop.modules.cart.coupon_service import Coupons
from shop.modules.cart.domain import Cart
from shop.modules.cart.jobs import Cleaning
from shop.modules.cart.pricing import CartView
from shop.modules.cart.service import CartService
from shop.modules.cart.store import CartStore
from shop.ports.cart import Owner
from shop.ports.products import Products

TTL = 3600
T = TypeVar("T")


class World:
    """Cart as its own service, without HTTP; every call to products goes through the adapter, which refuses open transactions."""

    def __init__(self, url: str, clock: Clock, database: type[Database[CartStore]] = Database, store: type[CartStore] = CartStore) -> None:
        """Wire the services on this database."""
        self.clock = clock
        self.products = FakeProducts(clock)
        self.database = database(url, "cart", store, clock)
        self.keyring = Keyring(self.database, tables.SECRETS)
        self.coupons = Coupons(self.database, "EUR")
        self.wire(in_process.adapter(Products, self._scope))

    def wire(self, products: Products) -> None:
        """Build the services anew on this port, as a restart does."""
        self.service = CartService(self.database, self.keyring, products, "EUR")
        self.checkouts = Checkouts(self.database, self.keyring, products)
        self.cleaning = Cleaning(self.database)

    @asynccontextmanager
    async def _scope(self) -> AsyncIterator[Products]:
        yield self.products

    async def close(self) -> None:
        """Close what was opened."""
        await self.database.dispose()

    async def guest(self, lines: dict[str, int] | None = None) -> tuple[UUID, Caller]:
        """Open a guest's cart with these lines."""
        opened = await self.service.open(None, Caller())
        caller = Caller(cart_token=str(opened.cart_token))
        for sku, quantity in (lines or {}).items():
            await self.service.set_quantity(opened.id, sku, quantity, caller)
        return opened.id, caller

    async def customer(self, lines: dict[str, int] | None = None, *, cart_token: str | None = None) -> tuple[UUID, Caller]:
        """Open a new customer's cart with these lines."""
        caller = customer(cart_token)
        opened = await self.service.open(None, caller)
        for sku, quantity in (lines or {}).items():
            await self.service.set_quantity(opened.id, sku, quantity, caller)
        return opened.id, caller

    async def coupon(self, code: str, **terms: Any) -> str:
        """Make a coupon of a tenth off, or on other terms."""
        terms = {"percent": 10} | terms
        if "amount" in terms:
            terms = terms | {"percent": None}
        return (await self.coupons.create(NewCoupon(code, **terms))).code

    async def redeemed(self, code: str) -> int:
        """Give how often a coupon is redeemed, which is how many redemptions it has."""
        async with self.database.read() as store:
            coupon = await store.coupon(code)
            rows: int = await store.scalar(sa.select(sa.func.count()).where(tables.REDEMPTIONS.c.coupon == code))
        assert coupon is not None
        assert coupon.redeemed == rows
        return rows

    async def stored(self, id: UUID) -> Cart:
        """Give a cart as the database has it."""
        async with self.database.read() as store:
            cart = await store.cart(id)
        assert cart is not None
        return cart

    async def status(self, id: UUID) -> str:
        """Give the status of a cart."""
        return (await self.stored(id)).status.value

    def available(self, sku: str) -> int:
        """Give how many pieces of a SKU can be bought."""
        shelf = self.products.shelf(sku)
        return shelf.on_hand - shelf.reserved

    async def count(self, table: sa.Table) -> int:
        """Count the rows of a table."""
        async with self.database.read() as store:
            return int(await store.scalar(sa.select(sa.func.count()).select_from(table)))


def customer(cart_token: str | None = None) -> Caller:
    """Be a new customer."""
    return Caller(user_id=uuid7(), roles=frozenset(["customer"]), cart_token=cart_token)


def owner(caller: Caller) -> Owner:
    """Say to the port who is calling."""
    return Owner(caller.customer_id, caller.cart_token)


async def persistent(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call whose outcome is unknown, as it may on a busy machine, until there is an answer; every command is safe to repeat."""
    for _ in range(20):
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(0.05)
    return await call()


def held(view: CartView) -> dict[str, int]:
    """Give what is in a cart, by SKU."""
    return {line.sku: line.quantity for line in view.lines}


class Queries:
    """Counts the statements that a block of code sends to a database."""

    def __init__(self, database: Database[Any]) -> None:
        """Listen on both engines."""
        self.sent: list[str] = []
        self._engines = (database.reader.sync_engine, database.writer.sync_engine)

    def __enter__(self) -> "Queries":
        """Begin to count."""
        for engine in self._engines:
            event.listen(engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        for engine in self._engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        self.sent.append(statement)
