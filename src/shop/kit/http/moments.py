"""Points in time as query parameters."""

from datetime import UTC, datetime
from typing import Annotated

from litestar.params import QueryParameter

from shop.kit.problems import Invalid

Instant = Annotated[datetime | None, QueryParameter(description="RFC 3339, such as 2026-11-24T09:30:00Z")]


def instant(name: str, given: datetime | None) -> datetime | None:
    """Give a moment in UTC; raises Invalid where the zone is missing or the calendar ends."""
    if given is None:
        return None
    if given.tzinfo is None:
        raise Invalid.field(name, "must say its zone, such as Z")
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise Invalid.field(name, "is out of range") from error
