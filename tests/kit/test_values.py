"""Checked values refuse what they should, and nothing else."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shop.kit.address import COUNTRIES, Address
from shop.kit.money import Currency, Money
from shop.kit.paging import decode_cursor, encode_cursor
from shop.kit.problems import Invalid
from shop.kit.secret import Secret
from shop.kit.values import Email, Line, Sku, Slug

GOOD: list[tuple[Any, str]] = [
    (Sku, "mug"),
    (Sku, "A.b-c_1"),
    (Sku, "x" * 64),
    (Slug, "blue-mug-2"),
    (Email, "ana@example.com"),
    (Email, "a+b@exa-mple.co.uk"),
    (Currency, "EUR"),
]
BAD: list[tuple[Any, str]] = [
    (Sku, ""),
    (Sku, "-mug"),
    (Sku, "x" * 65),
    (Sku, "mug\n"),
    (Sku, "mug/1"),
    (Slug, "Blue"),
    (Slug, "-a"),
    (Slug, "a\n"),
    (Email, "ana"),
    (Email, "a@b"),
    (Email, "a b@example.com"),
    (Email, "a@example.com\n"),
    (Email, "a@example.com\r\nBcc: b@example.com"),
    (Currency, "eur"),
    (Currency, "EUR\n"),
]


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_good_values_pass(kind: Any, text: str) -> None:
    """What people really use is accepted."""
    assert msgspec.convert(text, kind) == text


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_bad_values_are_refused(kind: Any, text: str) -> None:
    """A trailing newline, a header in an address or a path in a SKU does not pass."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, kind)


@pytest.mark.parametrize("quantity", [0, -1, 1000, "1", 1.5, True])
def test_a_line_has_a_whole_positive_quantity(quantity: Any) -> None:
    """Text, halves and truth values are no quantities."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"sku": "mug", "quantity": quantity}), type=Line)


@pytest.mark.parametrize("amount", [-1, 1.0, "5", 10**16])
def test_money_is_whole_minor_units(amount: Any) -> None:
    """Money is never a float and never negative."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"amount": amount, "currency": "EUR"}), type=Money)


def test_countries_are_those_of_iso_3166() -> None:
    """249 countries and territories; no regions, no private codes."""
    assert len(COUNTRIES) == 249
    assert {"ES", "DE", "US", "JP", "ZA"} <= COUNTRIES
    assert not {"EU", "UN", "XK", "ZZ", "UK"} & COUNTRIES
    with pytest.raises(msgspec.ValidationError, match="ISO 3166"):
        msgspec.convert({"name": "A", "line1": "B", "postal_code": "1", "city": "C", "country": "XX"}, Address)


@given(st.integers(-(2**63), 2**63 - 1), st.uuids())
def test_a_cursor_comes_back(number: int, id: UUID) -> None:
    """The sort values of the last item survive."""
    assert decode_cursor(encode_cursor([number, id]), tuple[int, UUID]) == (number, id)


@given(st.text(max_size=50))
@example("")
@example("bnVsbA")
@example("é" * 3)
def test_a_cursor_that_is_none_is_invalid(text: str) -> None:
    """Whatever a client sends, it is a cursor or a 400."""
    with pytest.raises(Invalid, match="cursor"):
        decode_cursor(text, tuple[int, UUID])


def test_a_secret_is_not_shown() -> None:
    """Not in repr, not in text, not in a Struct that holds it."""
    secret = Secret("sk_live_1")
    assert "sk_live_1" not in f"{secret} {secret!r}"
    assert secret.reveal() == "sk_live_1"
    assert secret == Secret("sk_live_1") != Secret("other")
