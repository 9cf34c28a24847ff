"""The query behind a list of products: what matches, in which order, from where on. One statement whatever the size."""

from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct

from shop.kit.paging import decode_cursor
from shop.kit.problems import Invalid
from shop.modules.products.tables import categories, products, stock, variants
from shop.modules.products.text import like, search_terms

INDEXED_LENGTH = 3  # a trigram index knows nothing shorter
TitleKey = Annotated[str, Meta(pattern=r"^[^\x00]*$", max_length=4_000)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]

full_text = sa.table("product_search", sa.column("rowid"), sa.column("product_search"))


class Sort(StrEnum):
    """In which order products are listed; relevance without `q` is newest."""

    NEWEST = "newest"
    PRICE = "price"
    PRICE_DOWN = "-price"
    TITLE = "title"
    RELEVANCE = "relevance"


class Listing(Struct, frozen=True):
    """What a list of products is asked for; prices in minor units, `category` with all below it."""

    q: str | None = None
    category: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool = False
    sort: Sort | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """Give the folded words that are searched for."""
        return search_terms(self.q)

    @property
    def order(self) -> Sort:
        """Give the order that is meant: the best match first when something is searched for, otherwise the newest."""
        if not self.terms:
            return Sort.NEWEST if self.sort in (None, Sort.RELEVANCE) else self.sort
        return self.sort or Sort.RELEVANCE


def listing(asked: Listing, limit: int, cursor: str | None, *, on_postgresql: bool) -> sa.Select[*tuple[Any, ...]]:
    """Select one product more than the limit; `position` and `number` are the sort values."""
    position = _position(asked).label("position")
    columns = (products.c.id, products.c.slug, products.c.title, products.c.lowest_price, products.c.currency, products.c.number)
    query = sa.select(*columns, categories.c.slug.label("category"), products.c.images[0].as_string().label("image_url"), position)
    query = query.select_from(products.outerjoin(categories)).where(*_conditions(asked, on_postgresql), *_after(asked, position.element, cursor))
    found = query.order_by(*_order(asked, position, products.c.number)).limit(limit + 1).subquery("found")
    in_stock = sa.func.coalesce(_piece_of(found.c.id).limit(1).scalar_subquery(), sa.false())  # looked for on the page only
    return sa.select(found, in_stock.label("in_stock")).order_by(*_order(asked, found.c.position, found.c.number))


def _order(asked: Listing, position: sa.ColumnElement[Any], number: sa.ColumnElement[int]) -> list[sa.ColumnElement[Any]]:
    if asked.order is Sort.NEWEST:
        return [number.desc()]
    return [position.desc() if asked.order is Sort.PRICE_DOWN else position.asc(), number.desc()]


def _piece_of(product_id: sa.ColumnElement[Any]) -> sa.Select[bool]:
    of_product = (variants.c.product_id == product_id) & ~variants.c.archived & (stock.c.sku == variants.c.sku)
    return sa.select(sa.true()).where(of_product, stock.c.on_hand > stock.c.reserved).correlate_except(variants, stock)


def _conditions(asked: Listing, on_postgresql: bool) -> list[sa.ColumnElement[bool]]:
    found = [~products.c.archived, products.c.lowest_price.is_not(None)]
    if asked.category is not None:
        found.append(categories.c.path.like(f"%/{like(asked.category)}/%", escape="\\"))
    if asked.min_price is not None:
        found.append(products.c.lowest_price >= asked.min_price)
    if asked.max_price is not None:
        found.append(products.c.lowest_price <= asked.max_price)
    if asked.in_stock:
        found.append(_piece_of(products.c.id).exists())
    return found + _matching(asked.terms, on_postgresql)


def _matching(terms: tuple[str, ...], on_postgresql: bool) -> list[sa.ColumnElement[bool]]:
    """SQLite asks its trigram table for the long terms and scans for the short ones; PostgreSQL finds its trigram index by itself."""
    indexed = [term for term in terms if len(term) >= INDEXED_LENGTH and not on_postgresql]
    found: list[sa.ColumnElement[bool]] = [
        products.c.search_text.like(f"%{like(term)}%", escape="\\") | products.c.category_text.like(f"%{like(term)}%", escape="\\")
        for term in terms
        if term not in indexed
    ]
    if indexed:
        phrases = " ".join('"' + term.replace('"', '""') + '"' for term in indexed)
        found.append(products.c.number.in_(sa.select(full_text.c.rowid).where(full_text.c.product_search.op("MATCH")(phrases))))
    return found


def _position(asked: Listing) -> sa.ColumnElement[Any]:
    if asked.order is Sort.RELEVANCE:
        return _rank(asked.terms)
    if asked.order is Sort.TITLE:
        return products.c.title_key
    return products.c.number if asked.order is Sort.NEWEST else products.c.lowest_price


def _rank(terms: tuple[str, ...]) -> sa.ColumnElement[int]:
    """Put a title that is what was searched for first, then one that begins with it, then one that has every word."""
    title, phrase = products.c.title_key, " ".join(terms)
    every_word = sa.and_(*(title.like(f"%{like(term)}%", escape="\\") for term in terms))
    return sa.case((title == phrase, 0), (title.like(f"{like(phrase)}%", escape="\\"), 1), (every_word, 2), else_=3)


def _after(asked: Listing, position: sa.ColumnElement[Any], cursor: str | None) -> list[sa.ColumnElement[bool]]:
    read = decode_cursor(cursor, tuple[Sort, Number | TitleKey, Number])
    if read is None:
        return []
    order, value, number = read
    if order is not asked.order or isinstance(value, str) is not (order is Sort.TITLE):
        raise Invalid.field("cursor", "belongs to another list")
    if order is Sort.NEWEST:
        return [products.c.number < number]
    beyond = position < value if order is Sort.PRICE_DOWN else position > value
    return [beyond | ((position == value) & (products.c.number < number))]
