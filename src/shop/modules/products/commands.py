"""What staff send: the bodies of the writing requests. A field that PATCH does not name is UNSET; null clears what may be null."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shop.kit.money import Currency, MinorUnits
from shop.kit.values import Body, Sku, Slug

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Description = Annotated[str, Meta(max_length=20_000)]
ImageUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+[^\s]*$(?!\n)", max_length=2_000)]
Images = Annotated[list[ImageUrl], Meta(max_length=20)]
AttributeValue = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | float | bool
Attributes = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=50)], AttributeValue], Meta(max_length=50)]


class Price(Body, frozen=True):
    """A price in minor units: 1999 is 19.99."""

    amount: MinorUnits
    currency: Currency


class NewVariant(Body, frozen=True):
    """A variant to be sold under a SKU of its own."""

    sku: Sku
    price: Price
    title: Title | None = None
    compare_at_price: Price | None = None
    attributes: Attributes = msgspec.field(default_factory=dict)


class VariantChanges(Body, frozen=True):
    """What changes of a variant."""

    title: Title | UnsetType | None = UNSET
    price: Price | UnsetType = UNSET
    compare_at_price: Price | UnsetType | None = UNSET
    attributes: Attributes | UnsetType = UNSET


class NewProduct(Body, frozen=True):
    """A product; without a slug it gets one from its title."""

    title: Title
    variants: Annotated[list[NewVariant], Meta(min_length=1, max_length=100)]
    slug: Slug | None = None
    description: Description | None = None
    category: Slug | None = None
    images: Images = msgspec.field(default_factory=list)


class ProductChanges(Body, frozen=True):
    """What changes of a product."""

    title: Title | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    category: Slug | UnsetType | None = UNSET
    images: Images | UnsetType = UNSET


class NewCategory(Body, frozen=True):
    """A category below its parent, or at the root."""

    slug: Slug
    title: Title
    parent: Slug | None = None


class CategoryChanges(Body, frozen=True):
    """What changes of a category; a null parent moves it to the root."""

    slug: Slug | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    parent: Slug | UnsetType | None = UNSET


class StockChange(Body, frozen=True):
    """So many pieces more, or fewer, and why."""

    delta: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    reason: Title
