"""What people do with the catalogue: everyone reads it, staff write it."""

from typing import Any
from uuid import UUID

from msgspec import UNSET

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.http.etag import require_match
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.paging import Page, page
from shop.kit.problems import Invalid, NotFound
from shop.kit.values import Body
from shop.modules.products.catalogue_store import listed_product
from shop.modules.products.commands import NewProduct, NewVariant, ProductChanges, VariantChanges
from shop.modules.products.domain import (
    MOST_VARIANTS,
    ListedProduct,
    Product,
    ProductStatus,
    SlugTaken,
    TooManyVariants,
    check_price,
    check_slug,
    check_variant,
    check_variants,
)
from shop.modules.products.search import Listing
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import audit_log
from shop.modules.products.text import slug_of
from shop.settings import Commerce


class Catalogue:
    """Products and their variants. A `ref` is an id or a slug; `if_match` is the ETag of the product that the caller has seen."""

    def __init__(self, database: Database[ProductsStore], commerce: Commerce) -> None:
        """Sell in the currency of the shop."""
        self._database = database
        self._currency = commerce.currency

    async def products(self, asked: Listing, limit: int, cursor: str | None) -> Page[ListedProduct]:
        """List what is sold; one query."""
        async with self._database.read() as store:
            rows = await store.listed(asked, limit, cursor)
        kept, next_cursor = page(rows, limit, lambda row: (asked.order, row.position, row.number))
        return Page([listed_product(row) for row in kept], next_cursor)

    async def product(self, ref: str, *, archived: bool) -> Product:
        """Show a product, an archived one only if asked to; raises NotFound. Two queries."""
        async with self._database.read() as store:
            product = await store.product(ref)
        if product is None or (product.status is ProductStatus.ARCHIVED and not archived):
            raise NotFound
        return product

    async def create(self, new: NewProduct, once: Once) -> Product:
        """Sell a new product, with nothing in stock yet; raises SlugTaken, SkuTaken, Invalid."""
        check_variants(new.variants, self._currency)
        id = uuid7()
        async with self._database.write() as store:
            if not await once.first(store, id):
                return _present(await store.product(_made(once)))
            category = await _category(store, new.category)
            await self._insert(store, id, new, category)
            await store.add_variants(id, new.variants)
            product = await store.settle(id)
            await record(store, audit_log, "product.create", id, None, {**product.facts, "variants": [variant.facts for variant in product.variants]})
            return product

    async def _insert(self, store: ProductsStore, id: UUID, new: NewProduct, category: tuple[UUID, str] | None) -> None:
        if new.slug is not None:
            check_slug(new.slug)
            if not await store.add_product(id, new.slug, new, category, self._currency):
                raise SlugTaken
            return
        while not await store.add_product(id, await _free_slug(store, new.title), new, category, self._currency):
            pass  # somebody took it in this moment: it is no longer free, and the next one is tried

    async def change(self, ref: str, changes: ProductChanges, if_match: str | None) -> Product:
        """Change a product; raises NotFound, PreconditionFailed, SlugTaken, Invalid."""
        values = _named(changes, "title", "slug", "description", "images")
        if changes.slug is not UNSET:
            check_slug(changes.slug)
        async with self._database.write() as store:
            if changes.category is not UNSET:  # before the product, as everybody locks them in this order
                category = await _category(store, changes.category)
                values["category_id"], values["category_text"] = category or (None, "")
            product = await _locked(store, ref, if_match)
            if not values:
                return product
            await store.change_product(product.id, values)
            changed = await store.settle(product.id)
            await record(store, audit_log, "product.update", product.id, product.facts, changed.facts)
            return changed

    async def archive(self, ref: str, if_match: str | None) -> None:
        """Stop selling a product; doing it again changes nothing. Raises NotFound, PreconditionFailed."""
        async with self._database.write() as store:
            product = await _locked(store, ref, if_match)
            if product.status is ProductStatus.ACTIVE:
                await store.change_product(product.id, {"archived": True})
                archived = await store.settle(product.id)
                await record(store, audit_log, "product.archive", product.id, product.facts, archived.facts)

    async def add_variant(self, ref: str, new: NewVariant, if_match: str | None, once: Once) -> tuple[Product, str]:
        """Sell a product in one more way; gives it with the SKU. Raises NotFound, PreconditionFailed, SkuTaken, TooManyVariants, Invalid."""
        check_variant("", new, self._currency)
        id = uuid7()
        async with self._database.write() as store:
            if not await once.first(store, id):
                product_id = await store.product_with_variant(_made(once))
                return _present(await store.product(product_id)), new.sku
            product = await _locked(store, ref, if_match)
            if len(product.variants) >= MOST_VARIANTS:
                raise TooManyVariants
            await store.add_variants(product.id, [new], [id])
            changed = await store.settle(product.id)
            await record(store, audit_log, "variant.create", new.sku, None, {"product": product.id, **_facts(changed, new.sku)})
            return changed, new.sku

    async def change_variant(self, sku: str, changes: VariantChanges, if_match: str | None) -> Product:
        """Change a variant that is sold and give its product; raises NotFound, PreconditionFailed, Invalid."""
        values = self._variant_values(changes)
        async with self._database.write() as store:
            product = await self._product_of(store, sku, if_match)
            if not values:
                return product
            await store.change_variant(sku, values)
            changed = await store.settle(product.id)
            await record(store, audit_log, "variant.update", sku, _facts(product, sku), _facts(changed, sku))
            return changed

    def _variant_values(self, changes: VariantChanges) -> dict[str, Any]:
        values = _named(changes, "title", "attributes")
        if changes.price is not UNSET:
            check_price("price", changes.price, self._currency)
            values["price"] = changes.price.amount
        if changes.compare_at_price is None:
            values["compare_at_price"] = None
        elif changes.compare_at_price is not UNSET:
            check_price("compare_at_price", changes.compare_at_price, self._currency)
            values["compare_at_price"] = changes.compare_at_price.amount
        return values

    async def archive_variant(self, sku: str, if_match: str | None) -> None:
        """Stop selling a variant; raises NotFound, PreconditionFailed. A product without variants is no longer listed."""
        async with self._database.write() as store:
            product = await self._product_of(store, sku, if_match)
            await store.change_variant(sku, {"archived": True})
            await store.settle(product.id)
            await record(store, audit_log, "variant.archive", sku, {"product": product.id, **_facts(product, sku)}, None)

    async def _product_of(self, store: ProductsStore, sku: str, if_match: str | None) -> Product:
        product = await _locked(store, await store.product_of(sku), if_match)
        if product.variant(sku) is None:
            raise NotFound
        return product


async def _locked(store: ProductsStore, ref: str | UUID | None, if_match: str | None) -> Product:
    product = _present(None if ref is None else await store.locked(ref))
    require_match(if_match, product.etag)
    return product


async def _category(store: ProductsStore, slug: str | None) -> tuple[UUID, str] | None:
    category = None if slug is None else await store.category_for_use(slug)
    if slug is not None and category is None:
        raise Invalid.field("category", "is no category")
    return category


async def _free_slug(store: ProductsStore, title: str) -> str:
    slug = slug_of(title)
    taken = await store.slugs_like(slug)
    return next(candidate for number in range(1, len(taken) + 2) if (candidate := slug if number == 1 else f"{slug}-{number}") not in taken)


def _named(changes: Body, *fields: str) -> dict[str, Any]:
    return {name: value for name in fields if (value := getattr(changes, name)) is not UNSET}


def _facts(product: Product, sku: str) -> dict[str, Any]:
    variant = product.variant(sku)
    return {} if variant is None else variant.facts


def _present(product: Product | None) -> Product:
    if product is None:
        raise NotFound
    return product


def _made(once: Once) -> UUID:
    if once.subject is None:
        raise NotFound
    return once.subject
