"""The sample catalogue: what `shop demo` sells. The data are the JSON files in `samples`, read when this module is imported.

The Structs have exactly the fields of `POST /categories`, `POST /products` and `POST /coupons`; `STOCK` is what arrives by the first delivery.
"""

from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

CURRENCY = "EUR"
_SHELVES = ("pantry", "kitchen", "home", "clothing", "stationery", "outdoors")


class Money(Struct, frozen=True):
    """An amount in minor units."""

    amount: int
    currency: str = CURRENCY


class SampleCategory(Struct, frozen=True, omit_defaults=True):
    """A body of `POST /categories`."""

    slug: str
    title: str
    parent: str | None = None


class SampleVariant(Struct, frozen=True, omit_defaults=True):
    """A variant in a body of `POST /products`."""

    sku: str
    title: str
    price: Money
    compare_at_price: Money | None = None
    attributes: dict[str, str] = field(default_factory=dict[str, str])


class SampleProduct(Struct, frozen=True):
    """A body of `POST /products`; the images are paths until `products` is told where they are served."""

    title: str
    slug: str
    description: str
    category: str
    images: tuple[str, ...]
    variants: tuple[SampleVariant, ...]


class SampleCoupon(Struct, frozen=True):
    """A body of `POST /coupons`."""

    code: str
    percent: int
    min_subtotal: Money


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    sku: str
    title: str
    price: int
    attributes: dict[str, str]
    stock: int
    compare_at_price: int | None = None

    def variant(self) -> SampleVariant:
        before = None if self.compare_at_price is None else Money(self.compare_at_price)
        return SampleVariant(self.sku, self.title, Money(self.price), before, self.attributes)


class _Shelf(Struct, frozen=True, forbid_unknown_fields=True):
    slug: str
    title: str
    category: str
    description: str
    variants: tuple[_Row, ...]

    def product(self) -> SampleProduct:
        variants = tuple(row.variant() for row in self.variants)
        return SampleProduct(self.title, self.slug, self.description, self.category, (f"/images/{self.slug}.svg",), variants)


def _sample(name: str, type: Any) -> Any:
    return msgspec.json.decode(files("shop.demo").joinpath("samples", f"{name}.json").read_bytes(), type=type)


_ALL: tuple[_Shelf, ...] = tuple(each for name in _SHELVES for each in _sample(name, tuple[_Shelf, ...]))

CATEGORIES: tuple[SampleCategory, ...] = _sample("categories", tuple[SampleCategory, ...])
"""The category tree; parents come before their children."""

PRODUCTS: tuple[SampleProduct, ...] = tuple(each.product() for each in _ALL)
"""The products with their variants."""

COUPON = SampleCoupon("WELCOME10", 10, Money(2000))
"""A coupon to try: a tenth off, from 20.00."""

STOCK: dict[str, int] = {row.sku: row.stock for each in _ALL for row in each.variants}
"""Pieces of the first delivery by SKU; 0 is sold out."""


def products(image_base: str) -> tuple[SampleProduct, ...]:
    """Give the products with full image URLs, e.g. under `http://localhost:8001`, where `images.show_image` is served."""
    base = image_base.rstrip("/")
    return tuple(replace(each, images=tuple(base + path for path in each.images)) for each in PRODUCTS)
