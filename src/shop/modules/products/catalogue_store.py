"""Queries of the catalogue: products and their variants."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop.kit.database import Store
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.modules.products.commands import NewProduct, NewVariant
from shop.modules.products.domain import ListedProduct, Product, ProductStatus, ProductVariant, SkuTaken, SlugTaken
from shop.modules.products.search import Listing, listing
from shop.modules.products.tables import categories, products, stock, variants
from shop.modules.products.text import UUID_PATTERN, fold, like


class CatalogueStore(Store):
    """Reads and writes products and variants."""

    async def listed(self, asked: Listing, limit: int, cursor: str | None) -> Sequence[sa.Row[Any]]:
        """Give one row more than a page has; one query."""
        return await self.rows(listing(asked, limit, cursor, on_postgresql=self.on_postgresql))

    async def product(self, ref: str | UUID) -> Product | None:
        """Give a product by id or slug, with its variants that are sold; two queries."""
        row = await self.row(sa.select(products, categories.c.slug.label("category")).outerjoin(categories).where(_named(ref)))
        return None if row is None else _product(row, await self._variants(row))

    async def locked(self, ref: str | UUID) -> Product | None:
        """Give a product of which nothing changes until the transaction ends but its stock."""
        id = await self.scalar(sa.select(products.c.id).where(_named(ref)).with_for_update())
        return None if id is None else await self.product(id)

    async def product_of(self, sku: str) -> UUID | None:
        """Give the id of the product of a variant that is sold."""
        found: UUID | None = await self.scalar(sa.select(variants.c.product_id).where(variants.c.sku == sku, ~variants.c.archived))
        return found

    async def product_with_variant(self, id: UUID) -> UUID:
        """Give the id of the product that a variant of this id was added to; raises NoResultFound."""
        found: UUID = (await self.connection.execute(sa.select(variants.c.product_id).where(variants.c.id == id))).scalar_one()
        return found

    async def _variants(self, product: sa.Row[Any]) -> list[ProductVariant]:
        query = sa.select(variants, (stock.c.on_hand - stock.c.reserved).label("available")).join_from(variants, stock)
        rows = await self.rows(query.where(variants.c.product_id == product.id, ~variants.c.archived).order_by(variants.c.position))
        return [_variant(product, row) for row in rows]

    async def category_for_use(self, slug: str) -> tuple[UUID, str] | None:
        """Give id and search text of a category, which stays as it is until the transaction ends."""
        query = sa.select(categories.c.id, categories.c.search_text).where(categories.c.slug == slug)
        row = await self.row(query.with_for_update(read=True))
        return None if row is None else (row.id, row.search_text)

    async def slugs_like(self, slug: str) -> set[str]:
        """Give the slugs that are this one or begin with it and a hyphen."""
        begins = products.c.slug.like(f"{like(slug)}-%", escape="\\")
        return {row.slug for row in await self.rows(sa.select(products.c.slug).where((products.c.slug == slug) | begins))}

    async def add_product(self, id: UUID, slug: str, new: NewProduct, category: tuple[UUID, str] | None, currency: str) -> bool:
        """Insert a product, still without variants; False when the slug is taken."""
        category_id, category_text = category or (None, "")
        values = {"title": new.title, "title_key": fold(new.title), "description": new.description, "images": new.images, "archived": False}
        placed = {"category_id": category_id, "category_text": category_text, "search_text": "", "version": 0, "currency": currency}
        return await self.change(self.insert_once(products).values(id=id, slug=slug, **values, **placed)) == 1

    async def add_variants(self, product_id: UUID, new: Sequence[NewVariant], ids: Sequence[UUID] = ()) -> None:
        """Insert variants at the end, with nothing in stock; raises SkuTaken with `skus`."""
        skus = [variant.sku for variant in new]
        last = await self.scalar(sa.select(sa.func.max(variants.c.position)).where(variants.c.product_id == product_id)) or 0
        rows = [_variant_row(product_id, id, last + place, variant) for place, (id, variant) in
                enumerate(zip(ids or [uuid7() for _ in new], new, strict=True), start=1)]  # fmt: skip
        if await self.change(self.insert_once(variants).values(sorted(rows, key=lambda row: row["sku"]))) < len(rows):
            taken = sa.select(variants.c.sku).where(variants.c.sku.in_(skus), variants.c.id.not_in([row["id"] for row in rows]))
            raise SkuTaken(skus=[row.sku for row in await self.rows(taken.order_by(variants.c.sku))])
        await self.change(stock.insert().values([{"sku": sku, "on_hand": 0, "reserved": 0} for sku in skus]))

    async def change_product(self, id: UUID, values: dict[str, Any]) -> None:
        """Change a locked product; raises SlugTaken, which ends the transaction."""
        try:
            await self.change(products.update().where(products.c.id == id).values(**values))
        except IntegrityError as error:
            raise SlugTaken from error

    async def change_variant(self, sku: str, values: dict[str, Any]) -> None:
        """Change a variant of a locked product."""
        await self.change(variants.update().where(variants.c.sku == sku).values(**values))

    async def settle(self, id: UUID) -> Product:
        """Derive what is searched and sorted by from a changed product, count its version up and give it; raises LookupError."""
        product = await self.product(id)
        if product is None:
            raise LookupError(id)
        text = fold_lines(product.title, product.description or "", *(f"{variant.sku} {variant.title}" for variant in product.variants))
        lowest = min((variant.price.amount for variant in product.variants), default=None)
        derived = {"title_key": fold(product.title), "search_text": text, "lowest_price": lowest}
        await self.change_product(id, {**derived, "version": products.c.version + 1})
        return msgspec.structs.replace(product, version=product.version + 1)


def fold_lines(*texts: str) -> str:
    """Fold texts and keep them apart, so that no word is found across two of them."""
    return "\n".join(fold(text) for text in texts)


def listed_product(row: sa.Row[Any]) -> ListedProduct:
    """Read a row of a list."""
    return ListedProduct(row.id, row.slug, row.title, row.category, row.image_url, Money(row.lowest_price, row.currency), row.in_stock)


def _named(ref: str | UUID) -> sa.ColumnElement[bool]:
    if isinstance(ref, UUID):
        return products.c.id == ref
    return products.c.id == UUID(ref) if UUID_PATTERN.fullmatch(ref) else products.c.slug == ref


def _product(row: sa.Row[Any], sold: list[ProductVariant]) -> Product:
    status = ProductStatus.ARCHIVED if row.archived else ProductStatus.ACTIVE
    return Product(row.id, row.slug, row.title, row.description, row.category, row.images, status, sold, row.version)


def _variant(product: sa.Row[Any], row: sa.Row[Any]) -> ProductVariant:
    before = None if row.compare_at_price is None else Money(row.compare_at_price, product.currency)
    return ProductVariant(row.sku, row.title or product.title, row.attributes, Money(row.price, product.currency), before, row.available)


def _variant_row(product_id: UUID, id: UUID, position: int, new: NewVariant) -> dict[str, Any]:
    before = None if new.compare_at_price is None else new.compare_at_price.amount
    return {"sku": new.sku, "id": id, "product_id": product_id, "position": position, "title": new.title, "price": new.price.amount,
            "compare_at_price": before, "attributes": new.attributes, "archived": False}  # fmt: skip
