"""What a batch of lines of a catalogue file would change, decided without a database."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct

from shop.kit.ids import uuid7
from shop.modules.products.domain import MOST_VARIANTS
from shop.modules.products.file_lines import Prices, Wanted, cell

NEW_PRODUCT: dict[str, Any] = {"description": None, "category": None, "images": []}
NEW_VARIANT: dict[str, Any] = {"title": None, "compare_at_price": None, "attributes": {}}


class Verdict(StrEnum):
    """What becomes of a line."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Difference(Struct, frozen=True):
    """A column that changes, with what its cells say."""

    field: str
    old: str
    new: str


class Outcome(Struct, frozen=True):
    """What becomes of a line, and why it was refused."""

    line: int
    sku: str
    verdict: Verdict
    differences: list[Difference] = []
    reason: str | None = None


class Refusal(Exception):
    """A line asks for what cannot be."""


class KnownProduct(Struct):
    """A product as it is, or as the lines before have made it; `sold` counts its variants."""

    id: UUID
    slug: str
    values: dict[str, Any]
    archived: bool
    currency: str
    sold: int


class KnownVariant(Struct):
    """A variant in the same way; `product` is the slug."""

    product: str
    values: dict[str, Any]
    archived: bool


class Catalogue(Struct):
    """All that the lines of a batch speak of, as it stands."""

    currency: str
    categories: set[str]
    products: dict[str, KnownProduct]
    variants: dict[str, KnownVariant]


class Plan:
    """What a batch changes; every line is decided on its own, knowing those before it."""

    def __init__(self, catalogue: Catalogue, prices: Prices) -> None:
        """Begin with the catalogue as it stands."""
        self.known = catalogue
        self._prices = prices
        self.new_products: set[str] = set()
        self.changed_products: dict[str, dict[str, Any]] = {}
        self.new_variants: dict[str, dict[str, Any]] = {}
        self.changed_variants: dict[str, dict[str, Any]] = {}
        self._before = {slug: dict(product.values) for slug, product in catalogue.products.items()}
        self._variants_before = {sku: dict(variant.values) for sku, variant in catalogue.variants.items()}

    @property
    def touched(self) -> list[KnownProduct]:
        """Give the products that change, with their variants, in the order of their ids."""
        slugs = {*self.new_products, *self.changed_products}
        slugs |= {self.known.variants[sku].product for sku in (*self.new_variants, *self.changed_variants)}
        return sorted((self.known.products[slug] for slug in slugs), key=lambda product: product.id)

    def facts(self, slug: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Give what a product and those of its variants that change were like before the batch, None if it was not there, and are after it."""
        changed = sorted(sku for sku in (*self.new_variants, *self.changed_variants) if self.known.variants[sku].product == slug)
        before = [_fact(sku, self._variants_before[sku]) for sku in changed if sku in self._variants_before]
        after = [_fact(sku, self.known.variants[sku].values) for sku in changed]
        new = {"slug": slug, **self.known.products[slug].values, "variants": after}
        return None if slug in self.new_products else {"slug": slug, **self._before[slug], "variants": before}, new

    def decide(self, line: int, wanted: Wanted) -> Outcome:
        """Plan one line, or refuse it."""
        try:
            product, variant = self._check(wanted)
        except Refusal as refusal:
            return Outcome(line, wanted.sku, Verdict.REFUSED, reason=str(refusal))
        differences = self._product(product, wanted)
        if variant is None:
            self._add_variant(wanted)
            return Outcome(line, wanted.sku, Verdict.NEW, differences)
        differences += self._variant(variant, wanted)
        return Outcome(line, wanted.sku, Verdict.CHANGED if differences else Verdict.UNCHANGED, differences)

    def _check(self, wanted: Wanted) -> tuple[KnownProduct | None, KnownVariant | None]:
        product, variant = self.known.products.get(wanted.product), self.known.variants.get(wanted.sku)
        if isinstance(wanted.category, str) and wanted.category not in self.known.categories:
            raise Refusal(f"category: there is no {wanted.category}")
        if product is not None and product.archived:
            raise Refusal("product: is archived")
        if product is not None and product.currency != self.known.currency:
            raise Refusal(f"product: is sold in {product.currency}, and the shop sells in {self.known.currency}")
        if variant is not None and variant.product != wanted.product:
            raise Refusal(f"sku: belongs to the product {variant.product}")
        if variant is not None and variant.archived:
            raise Refusal("sku: is archived")
        if product is None and wanted.title is UNSET:
            raise Refusal("title: is missing, and the product is new")
        if variant is None and wanted.price is UNSET:
            raise Refusal("price: is missing, and the SKU is new")
        if variant is None and product is not None and product.sold >= MOST_VARIANTS:
            raise Refusal(f"product: has {MOST_VARIANTS} variants already")
        return product, variant

    def _product(self, known: KnownProduct | None, wanted: Wanted) -> list[Difference]:
        if known is None:
            made = KnownProduct(uuid7(), wanted.product, {**NEW_PRODUCT, **wanted.of_product}, False, self.known.currency, 0)
            self.known.products[wanted.product] = made
            self.new_products.add(wanted.product)
            return []
        differences = self._differences(known.values, wanted.of_product)
        if differences:
            known.values |= wanted.of_product
            self.changed_products.setdefault(known.slug, {}).update(wanted.of_product)
        return differences

    def _add_variant(self, wanted: Wanted) -> None:
        self.known.products[wanted.product].sold += 1
        self.new_variants[wanted.sku] = {**NEW_VARIANT, **wanted.of_variant}
        self.known.variants[wanted.sku] = KnownVariant(wanted.product, self.new_variants[wanted.sku], False)

    def _variant(self, known: KnownVariant, wanted: Wanted) -> list[Difference]:
        differences = self._differences(known.values, wanted.of_variant)
        if differences:
            known.values = known.values | wanted.of_variant
            self.changed_variants.setdefault(wanted.sku, {}).update(wanted.of_variant)
        return [msgspec.structs.replace(each, field="variant") if each.field == "title" else each for each in differences]

    def _differences(self, old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
        changed = [name for name, value in new.items() if not _same(old.get(name), value)]
        return [Difference(name, cell(name, old.get(name), self._prices), cell(name, new[name], self._prices)) for name in changed]


def _fact(sku: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"sku": sku, **values, "attributes": msgspec.json.encode(values["attributes"]).decode()}


def _same(old: Any, new: Any) -> bool:
    """Compare as JSON does: 1 and true are two things; no text and an empty one are the same."""
    return _json(old) == _json(new)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(None if value == "" else value, order="sorted")
