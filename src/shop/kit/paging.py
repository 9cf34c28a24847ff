"""Keyset pages: an opaque cursor names the last item of the page before."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Struct

from shop.kit.problems import Invalid

T = TypeVar("T")
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="how many items at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=500, description="next_cursor of the page before")]


class Page(Struct, Generic[T], frozen=True):
    """Some items and the cursor of the next page, None on the last one."""

    items: list[T]
    next_cursor: str | None


def page(rows: Sequence[Any], limit: int, key: Callable[[Any], Sequence[Any]]) -> tuple[list[Any], str | None]:
    """Cut `limit + 1` rows to a page; `key` gives the sort values of a row, the last of them unique."""
    kept = list(rows[:limit])
    return kept, encode_cursor(key(kept[-1])) if len(rows) > limit else None


def encode_cursor(values: Sequence[Any]) -> str:
    """Write sort values as a cursor."""
    return urlsafe_b64encode(msgspec.json.encode(tuple(values))).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """Read a cursor as a tuple type such as `tuple[int, UUID]`; raises Invalid."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid.field("cursor", "is not one that a page gave") from error
