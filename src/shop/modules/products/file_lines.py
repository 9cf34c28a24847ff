"""What a line of a catalogue file asks for, and what is wrong with it."""

import re
from functools import cache
from typing import Any

import msgspec
from babel.numbers import get_currency_precision
from msgspec import UNSET, UnsetType

from shop.kit.http import strict_json
from shop.kit.money import MinorUnits
from shop.kit.problems import Invalid
from shop.kit.values import Body, Sku, Slug
from shop.modules.products.commands import Attributes, Description, Images, Title
from shop.modules.products.file_format import Heading, Line
from shop.modules.products.text import UUID_PATTERN

PRODUCT_FIELDS = ("title", "description", "category", "images")
VARIANT_FIELDS = ("variant", "price", "compare_at_price", "attributes")
MUST_NOT_BE_EMPTY = ("title", "price")


class Wanted(Body, frozen=True):
    """A line that could be read; prices are in minor units, what the file has no column for is UNSET."""

    product: Slug
    sku: Sku
    title: Title | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    category: Slug | UnsetType | None = UNSET
    images: Images | UnsetType = UNSET
    variant: Title | UnsetType | None = UNSET
    price: MinorUnits | UnsetType = UNSET
    compare_at_price: MinorUnits | UnsetType | None = UNSET
    attributes: Attributes | UnsetType = UNSET

    @property
    def of_product(self) -> dict[str, Any]:
        """Give what it says of the product."""
        return {name: value for name in PRODUCT_FIELDS if (value := getattr(self, name)) is not UNSET}

    @property
    def of_variant(self) -> dict[str, Any]:
        """Give what it says of the variant, under the names of the table's columns."""
        found = {name: value for name in VARIANT_FIELDS if (value := getattr(self, name)) is not UNSET}
        return {"title" if name == "variant" else name: value for name, value in found.items()}


class Prices:
    """How prices of a currency are written: 1999 is `19.99` in EUR, `1999` in JPY."""

    def __init__(self, currency: str) -> None:
        """Know how many decimals the currency has."""
        self._decimals = _decimals(currency)
        self._form = re.compile(rf"([0-9]{{1,9}})(?:\.([0-9]{{1,{self._decimals}}}))?" if self._decimals else r"([0-9]{1,9})()")

    def read(self, name: str, text: str) -> int:
        """Take an exact decimal; raises Invalid."""
        found = self._form.fullmatch(text)
        if found is None:
            raise Invalid.field(name, f"is not a price such as {self.written(1999)}")
        return int(found[1] + (found[2] or "").ljust(self._decimals, "0"))

    def written(self, amount: int) -> str:
        """Write an amount in minor units."""
        whole = str(amount).rjust(self._decimals + 1, "0")
        return f"{whole[: -self._decimals]}.{whole[-self._decimals :]}" if self._decimals else whole


@cache
def _decimals(currency: str) -> int:
    return get_currency_precision(currency)


def cell(name: str, value: Any, prices: Prices) -> str:
    """Write a value as it stands in a file."""
    if value is None or value in ({}, []):
        return ""
    if name in ("price", "compare_at_price"):
        return prices.written(value)
    if name == "images":
        return " ".join(value)
    return msgspec.json.encode(value, order="sorted").decode() if name == "attributes" else str(value)


def wanted(line: Line, heading: Heading, prices: Prices) -> Wanted:
    """Read a line; raises Invalid, which names the column."""
    if len(line.cells) != len(heading.columns):
        raise Invalid(f"has {len(line.cells)} cells and the heading {len(heading.columns)}")
    values = {name: _value(name, text, prices) for name, text in line.values.items()}
    try:
        found = msgspec.convert(values, Wanted)
    except msgspec.ValidationError as error:
        raise strict_json.translated(str(error)) from error
    if UUID_PATTERN.fullmatch(found.product):
        raise Invalid.field("product", "must not look like an id")
    return found


def _attributes(name: str, text: str) -> Any:
    try:
        return strict_json.decode(text.encode(), Attributes)[0]
    except Invalid as problem:
        raise Invalid.field(name, f'are not a JSON object such as {{"colour": "red"}} ({problem.detail})') from problem


def _value(name: str, text: str, prices: Prices) -> Any:
    if name in ("product", "sku", "category", "price", "compare_at_price"):
        text = text.strip()
    if name == "images":
        return text.split()
    if name == "attributes":
        return _attributes(name, text) if text.strip() else {}
    if not text:
        if name in MUST_NOT_BE_EMPTY:
            raise Invalid.field(name, "is empty")
        return None
    return prices.read(name, text) if name in ("price", "compare_at_price") else text
