"""The stock of the whole catalogue, for staff: what there is of each SKU, archived ones too."""

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Database
from shop.kit.paging import Page, decode_cursor, page
from shop.kit.values import Sku
from shop.modules.products.domain import line_title
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import categories, products, stock, variants
from shop.modules.products.text import like, search_terms

AVAILABLE = stock.c.on_hand - stock.c.reserved


class StockItem(Struct, frozen=True):
    """How many pieces of a SKU there are, and what it is called."""

    sku: str
    title: str
    on_hand: int
    reserved: int
    available: int


class StockSought(Struct, frozen=True):
    """Which SKUs a list shows: every word of `q` is found in SKU or product, fewer than `below` are available, in a category or below it."""

    q: str | None = None
    below: int | None = None
    category: str | None = None


class StockList:
    """The stock, SKU by SKU."""

    def __init__(self, database: Database[ProductsStore]) -> None:
        """Read from this database."""
        self._database = database

    async def items(self, sought: StockSought, limit: int, cursor: str | None) -> Page[StockItem]:
        """Give a page, sorted by SKU; one query."""
        place = decode_cursor(cursor, tuple[Sku])
        names = (products.c.title.label("product"), variants.c.title.label("variant"))
        query = sa.select(stock.c.sku, *names, stock.c.on_hand, stock.c.reserved, AVAILABLE.label("available"))
        query = query.join_from(stock, variants).join(products).outerjoin(categories).where(*_conditions(sought))
        if place is not None:
            query = query.where(stock.c.sku > place[0])
        async with self._database.read() as store:
            rows, following = page(await store.rows(query.order_by(stock.c.sku).limit(limit + 1)), limit, lambda row: (row.sku,))
        items = [StockItem(row.sku, line_title(row.product, row.variant), row.on_hand, row.reserved, row.available) for row in rows]
        return Page(items, following)


def _conditions(sought: StockSought) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for term in search_terms(sought.q):
        anywhere = f"%{like(term)}%"
        found.append(sa.func.lower(stock.c.sku).like(anywhere, escape="\\") | products.c.search_text.like(anywhere, escape="\\"))
    if sought.below is not None:
        found.append(sought.below > AVAILABLE)
    if sought.category is not None:
        found.append(categories.c.path.like(f"%/{like(sought.category)}/%", escape="\\"))
    return found
