"""Postal addresses."""

import re
from typing import Annotated

from babel import Locale
from msgspec import Meta, Struct

Part = Annotated[str, Meta(min_length=1, max_length=200)]
NOT_COUNTRIES = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"])
COUNTRIES = frozenset(re.findall(r"\b[A-Z]{2}\b", " ".join(str(code) for code in Locale("en").territories))) - NOT_COUNTRIES


class Address(Struct, frozen=True, forbid_unknown_fields=True):
    """Where something is sent or billed to; `country` is ISO 3166-1 alpha-2."""

    name: Part
    line1: Part
    postal_code: Annotated[str, Meta(min_length=1, max_length=20)]
    city: Part
    country: str
    line2: Part | None = None
    region: Part | None = None
    phone: Annotated[str, Meta(min_length=1, max_length=40)] | None = None

    def __post_init__(self) -> None:
        """Refuse a country that is none."""
        if self.country not in COUNTRIES:
            raise ValueError("country: must be a country of ISO 3166-1, such as ES")
