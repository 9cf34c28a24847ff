"""The services of products on a fresh database, and what their tests say over and over."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.idempotency import IdempotencyKeys, Once
from shop.modules.products import tables
from shop.modules.products.categories import Categories
from shop.modules.products.commands import NewCategory, NewProduct, NewVariant, Price, StockChange
from shop.modules.products.domain import Product
from shop.modules.products.offered import OfferedProducts
from shop.modules.products.search import Listing
from shop.modules.products.service import Catalogue
from shop.modules.products.stock import Stock
from shop.modules.products.store import ProductsStore
from shop.ports.products import Products
from shop.settings import Commerce

TTL = 86_400


class World:
    """Products as its own service, without HTTP."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Wire the services on this database."""
        self.clock = clock
        self.database = Database(url, "products", ProductsStore, clock)
        self.catalogue = Catalogue(self.database, Commerce())
        self.categories = Categories(self.database)
        self.stock = Stock(self.database)
        self.offered = OfferedProducts(self.database)
        self.keys = IdempotencyKeys(self.database, tables.idempotency_keys)

    @asynccontextmanager
    async def scope(self) -> AsyncGenerator[Products]:
        """Open the scope of a call through the port."""
        yield self.offered

    async def sells(self, *skus: str, on_hand: int = 0, price: int = 1000, title: str | None = None, **more: Any) -> Product:
        """Put a product on sale, a variant for each SKU, with so many pieces of each."""
        new = NewProduct(title or skus[0].capitalize(), [variant(sku, price) for sku in skus], **more)
        product = await self.catalogue.create(new, Once())
        for sku in skus if on_hand else ():
            await self.delivers(sku, on_hand)
        return product

    async def delivers(self, sku: str, delta: int) -> None:
        """Count pieces in or out."""
        await self.stock.change(sku, StockChange(delta, "delivery"), "staff", Once())

    async def category(self, slug: str, parent: str | None = None, title: str | None = None) -> None:
        """Grow the category tree."""
        await self.categories.create(NewCategory(slug, title or slug.capitalize(), parent), Once())

    async def level(self, sku: str) -> tuple[int, int]:
        """Give on hand and reserved of a SKU."""
        async with self.database.read() as store:
            level = await store.level(sku)
        assert level is not None
        return level.on_hand, level.reserved

    async def finds(self, q: str | None = None, **asked: Any) -> list[str]:
        """Give the slugs of what a list shows."""
        shown = await self.catalogue.products(Listing(q, **asked), 100, None)
        return [product.slug for product in shown.items]

    async def balances(self) -> None:
        """Check the first invariant of the checkout for every SKU: available + held + sold - restocked = received, and nothing is negative."""
        lines, held = tables.reservation_lines.c, tables.reservations.c.status
        async with self.database.read() as store:
            ledger = await _sums(store, sa.select(tables.movements.c.sku, sa.func.sum(tables.movements.c.delta)))
            of_sales = tables.movements.c.reason.in_(["sale", "restock"])
            received = await _sums(store, sa.select(tables.movements.c.sku, sa.func.sum(tables.movements.c.delta)).where(~of_sales))
            lines_of = sa.select(lines.sku, sa.func.sum(lines.quantity)).join(tables.reservations)
            holding = await _sums(store, lines_of.where(held == "held"))
            sold = await _sums(store, lines_of.where(held == "committed"))
            restocked = await _sums(store, sa.select(lines.sku, sa.func.sum(lines.restocked)))
            levels = await store.rows(sa.select(tables.stock))
        for sku, on_hand, reserved in levels:
            assert on_hand - reserved >= 0, sku
            assert reserved == holding.get(sku, 0), sku
            assert on_hand == ledger.get(sku, 0), sku
            assert on_hand - reserved + holding.get(sku, 0) + sold.get(sku, 0) - restocked.get(sku, 0) == received.get(sku, 0), sku

    async def close(self) -> None:
        """Close what was opened."""
        await self.database.dispose()


def variant(sku: str, price: int = 1000, **more: Any) -> NewVariant:
    """Describe a variant to be sold."""
    return NewVariant(sku, Price(price, "EUR"), **more)


async def _sums(store: ProductsStore, query: Any) -> dict[str, int]:
    return {sku: int(total) for sku, total in await store.rows(query.group_by(query.selected_columns[0]))}


class Queries:
    """Counts the statements that a block of code sends to a database."""

    def __init__(self, database: Database[ProductsStore]) -> None:
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
