"""Amounts of money as integers in minor units."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from msgspec import Meta, Struct

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
MinorUnits = Annotated[int, Meta(ge=0, le=99_999_999)]


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units (1999 is 19.99 EUR) of an ISO 4217 currency."""

    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: Currency


def rounded(value: Decimal) -> int:
    """Round to a whole minor unit, half up."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def percentage(amount: int, percent: Decimal | int) -> int:
    """Give `percent` of an amount in minor units, rounded half up."""
    return rounded(Decimal(amount) * Decimal(percent) / 100)


def included_tax(gross: int, rate: Decimal) -> int:
    """Give the tax contained in a gross amount at a rate such as 0.21, rounded half up."""
    return rounded(Decimal(gross) * rate / (1 + rate))


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to the weights by largest remainder; the parts add up to the amount, the earlier part wins a tie."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount * weights[index] % total), index))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts
