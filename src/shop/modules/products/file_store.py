"""Queries of catalogue files: many products at a time."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from shop.kit.database import Store
from shop.kit.ids import uuid7
from shop.modules.products.catalogue_store import fold_lines
from shop.modules.products.file_plan import Catalogue, KnownProduct, KnownVariant, Plan
from shop.modules.products.tables import categories, products, stock, variants
from shop.modules.products.text import fold

PAGE = 500  # products that an export reads at a time


class ChangedMeanwhile(Exception):
    """Somebody else made a product or a variant of a batch; it is decided anew."""


class FileStore(Store):
    """Reads and writes what catalogue files speak of."""

    async def as_it_stands(self, slugs: Collection[str], skus: Collection[str], named: Collection[str], currency: str, *, lock: bool) -> Catalogue:
        """Give the products, variants and categories of these names; with `lock` they stay so until the transaction ends."""
        chosen = sa.select(categories.c.slug).where(categories.c.slug.in_(sorted(named))).order_by(categories.c.slug)
        found = {row.slug for row in await self.rows(chosen.with_for_update(read=True) if lock else chosen)}
        if lock:
            await self.rows(sa.select(products.c.id).where(products.c.slug.in_(sorted(slugs))).order_by(products.c.id).with_for_update())
        sold = sa.select(sa.func.count()).where(variants.c.product_id == products.c.id, ~variants.c.archived).scalar_subquery()
        query = sa.select(products, categories.c.slug.label("category"), sold.label("sold")).outerjoin(categories)
        rows = await self.rows(query.where(products.c.slug.in_(sorted(slugs))))
        owned = sa.select(variants, products.c.slug.label("product")).join_from(variants, products).where(variants.c.sku.in_(sorted(skus)))
        known = {row.sku: KnownVariant(row.product, _variant_values(row), row.archived) for row in await self.rows(owned)}
        return Catalogue(currency, found, {row.slug: _known(row) for row in rows}, known)

    async def carry_out(self, plan: Plan) -> None:
        """Write what was planned, and derive what is searched and sorted by; raises ChangedMeanwhile, which must end the transaction."""
        if not plan.touched:
            return
        chosen = {values["category"] for values in (*plan.changed_products.values(), *_new(plan)) if values.get("category")}
        query = sa.select(categories.c.slug, categories.c.id, categories.c.search_text).where(categories.c.slug.in_(sorted(chosen)))
        by_slug = {slug: (id, text) for slug, id, text in await self.rows(query)}
        await self._add_products(plan, by_slug)
        await self._update(products.c.slug, {slug: _placed(values, by_slug) for slug, values in plan.changed_products.items()})
        await self._add_variants(plan)
        await self._update(variants.c.sku, plan.changed_variants)
        await self._settle([product.id for product in plan.touched])

    async def _update(self, key: sa.Column[str], changes: dict[str, dict[str, Any]]) -> None:
        """Change rows, all those of which the same columns change in one go."""
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for named, values in changes.items():
            alike.setdefault(tuple(sorted(values)), []).append({"of": named, **{f"new_{name}": value for name, value in values.items()}})
        for names, rows in alike.items():
            change = sa.update(key.table).where(key == sa.bindparam("of"))
            await self.change(change.values({name: sa.bindparam(f"new_{name}") for name in names}), rows)

    async def _add_products(self, plan: Plan, by_slug: dict[str, Any]) -> None:
        made = [plan.known.products[slug] for slug in sorted(plan.new_products)]
        derived = {
            "archived": False,
            "title_key": "",
            "search_text": "",
            "version": 0,
            "currency": plan.known.currency,
            "category_id": None,
            "category_text": "",
        }
        rows = [{**derived, "id": product.id, "slug": product.slug, **_placed(product.values, by_slug)} for product in made]
        if rows and await self.change(self.insert_once(products).values(rows)) < len(rows):
            raise ChangedMeanwhile

    async def _add_variants(self, plan: Plan) -> None:
        if not plan.new_variants:
            return
        ids = {slug: product.id for slug, product in plan.known.products.items()}
        last = sa.select(variants.c.product_id, sa.func.max(variants.c.position)).group_by(variants.c.product_id)
        places = {row[0]: row[1] for row in await self.rows(last.where(variants.c.product_id.in_(list(ids.values()))))}
        rows: list[dict[str, Any]] = []
        for sku, values in plan.new_variants.items():
            product_id = ids[plan.known.variants[sku].product]
            places[product_id] = places.get(product_id, 0) + 1
            rows.append({"sku": sku, "id": uuid7(), "product_id": product_id, "position": places[product_id], "archived": False, **values})
        if await self.change(self.insert_once(variants).values(sorted(rows, key=lambda row: row["sku"]))) < len(rows):
            raise ChangedMeanwhile
        await self.change(stock.insert().values([{"sku": row["sku"], "on_hand": 0, "reserved": 0} for row in rows]))

    async def _settle(self, ids: Sequence[Any]) -> None:
        rows = await self.rows(sa.select(products.c.id, products.c.title, products.c.description).where(products.c.id.in_(ids)))
        query = sa.select(variants.c.product_id, variants.c.sku, variants.c.title, variants.c.price)
        texts: dict[Any, list[str]] = {id: [] for id in ids}
        lowest: dict[Any, int] = {}
        titles = {row.id: row.title for row in rows}
        for id, sku, title, price in await self.rows(query.where(variants.c.product_id.in_(ids), ~variants.c.archived).order_by(variants.c.position)):
            texts[id].append(f"{sku} {title or titles[id]}")
            lowest[id] = min(price, lowest.get(id, price))
        derived = [
            {"of": row.id, "key": fold(row.title), "text": fold_lines(row.title, row.description or "", *texts[row.id]), "lowest": lowest.get(row.id)}
            for row in rows
        ]
        change = products.update().where(products.c.id == sa.bindparam("of"))
        change = change.values(
            title_key=sa.bindparam("key"), search_text=sa.bindparam("text"), lowest_price=sa.bindparam("lowest"), version=products.c.version + 1
        )
        await self.change(change, derived)

    async def exported(self, after: int) -> Sequence[sa.Row[Any]]:
        """Give the variants that are sold of the next products in the order in which they were made; `number` says how far it went."""
        page = sa.select(products.c.number).where(products.c.number > after, ~products.c.archived).order_by(products.c.number).limit(PAGE)
        v = variants.c
        query = sa.select(
            products.c.number, products.c.slug, products.c.title, products.c.description, categories.c.slug.label("category"), products.c.images,
            v.sku, v.title.label("variant"), v.price, v.compare_at_price, v.attributes,
        )  # fmt: skip
        sold = (v.product_id == products.c.id) & ~v.archived
        query = query.join_from(products, variants, sold, isouter=True).outerjoin(categories, products.c.category_id == categories.c.id)
        return await self.rows(query.where(products.c.number.in_(page)).order_by(products.c.number, v.position))


def _new(plan: Plan) -> list[dict[str, Any]]:
    return [plan.known.products[slug].values for slug in plan.new_products]


def _placed(values: dict[str, Any], by_slug: dict[str, Any]) -> dict[str, Any]:
    """Put the category's key and text where its slug was."""
    placed = {name: value for name, value in values.items() if name != "category"}
    if "category" in values:
        placed["category_id"], placed["category_text"] = by_slug[values["category"]] if values["category"] else (None, "")
    return placed


def _known(row: sa.Row[Any]) -> KnownProduct:
    values = {"title": row.title, "description": row.description, "category": row.category, "images": row.images}
    return KnownProduct(row.id, row.slug, values, row.archived, row.currency, row.sold)


def _variant_values(row: sa.Row[Any]) -> dict[str, Any]:
    return {"title": row.title, "price": row.price, "compare_at_price": row.compare_at_price, "attributes": row.attributes}
