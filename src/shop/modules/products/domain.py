"""Products and their variants as they are shown, and the rules for changing them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.http.etag import etag_of
from shop.kit.money import Money
from shop.kit.problems import Conflict, Invalid
from shop.modules.products.commands import NewVariant, Price
from shop.modules.products.text import UUID_PATTERN, fold

MOST_VARIANTS = 100
MOST_IMAGES = 20


class SlugTaken(Conflict):
    """Another one has this slug already."""


class SkuTaken(Conflict):
    """Another variant has this SKU already."""


class TooManyVariants(Conflict):
    """A product has at most 100 variants."""


class ProductStatus(StrEnum):
    """Whether a product is sold."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class ProductVariant(Struct, frozen=True):
    """One way to buy a product; `available` is what is on hand and not reserved."""

    sku: str
    title: str
    attributes: dict[str, Any]
    price: Money
    compare_at_price: Money | None
    available: int

    @property
    def facts(self) -> dict[str, Any]:
        """Give what staff decide about it, for the audit log."""
        return {name: getattr(self, name) for name in ("sku", "title", "attributes", "price", "compare_at_price")}


class Product(Struct, frozen=True):
    """A product with the variants that are sold; `category` is a slug."""

    id: UUID
    slug: str
    title: str
    description: str | None
    category: str | None
    images: list[str]
    status: ProductStatus
    variants: list[ProductVariant]
    version: int

    @property
    def facts(self) -> dict[str, Any]:
        """Give what staff decide about it, its variants aside, for the audit log."""
        return {name: getattr(self, name) for name in ("slug", "title", "description", "category", "images", "status")}

    @property
    def etag(self) -> str:
        """Give the entity tag: it changes with everything that is shown, the availability included."""
        return etag_of(msgspec.json.encode(self).decode())

    def variant(self, sku: str) -> ProductVariant | None:
        """Find the variant of this SKU."""
        return next((variant for variant in self.variants if variant.sku == sku), None)


class ListedProduct(Struct, frozen=True):
    """A product in a list; `price` is the lowest variant's."""

    id: UUID
    slug: str
    title: str
    category: str | None
    image_url: str | None
    price: Money
    in_stock: bool


def line_title(product: str, variant: str | None) -> str:
    """Name a variant where its product is not shown, as in a cart."""
    if variant is None or fold(variant).startswith(fold(product)):
        return variant or product
    return f"{product} – {variant}"


def check_slug(slug: str) -> None:
    """Refuse a slug that reads like an id; raises Invalid."""
    if UUID_PATTERN.fullmatch(slug):
        raise Invalid.field("slug", "must not look like an id")


def check_price(field: str, price: Price, currency: str) -> None:
    """Refuse another currency than the shop's; raises Invalid."""
    if price.currency != currency:
        raise Invalid.field(f"{field}.currency", f"must be {currency}, the currency of the shop")


def check_variant(prefix: str, variant: NewVariant, currency: str) -> None:
    """Refuse a variant whose prices are in another currency; raises Invalid."""
    check_price(f"{prefix}price", variant.price, currency)
    if variant.compare_at_price is not None:
        check_price(f"{prefix}compare_at_price", variant.compare_at_price, currency)


def check_variants(variants: Sequence[NewVariant], currency: str) -> None:
    """Check the variants of a new product; raises Invalid."""
    seen: set[str] = set()
    for index, variant in enumerate(variants):
        check_variant(f"variants[{index}].", variant, currency)
        if variant.sku in seen:
            raise Invalid.field(f"variants[{index}].sku", "is there twice")
        seen.add(variant.sku)
