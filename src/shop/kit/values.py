"""Checked values that more than one module speaks of."""

from typing import Annotated

from msgspec import Meta, Struct

SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)"
Sku = Annotated[str, Meta(pattern=SKU_PATTERN)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=100)]
Seconds = Annotated[int, Meta(ge=1, le=366 * 86400)]
Locale = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$(?!\n)")]
Email = Annotated[
    str,
    Meta(
        pattern=r"^[^@\s,;:<>()\[\]\\\"\x00-\x1f]{1,64}@[^@\s,;:<>()\[\]\\\"\x00-\x1f]{1,189}\.[^@\s,;:<>()\[\]\\\"\x00-\x1f.]{2,63}$(?!\n)",
        max_length=254,
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
LineQuantity = Annotated[int, Meta(ge=1, le=999)]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every request body: unknown fields are refused."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of a SKU."""

    sku: Sku
    quantity: LineQuantity


def normal_email(address: str) -> str:
    """Give the form under which an address is compared: addresses ignore case."""
    return address.strip().casefold()
