"""A problem is the same on both sides of a wire."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shop.kit.problems import Conflict, FieldError, Invalid, Problem, Unavailable

NAMES = st.from_regex("[a-z]{3,10}_x", fullmatch=True)
VALUES = st.one_of(st.text(), st.integers(-(2**53), 2**53), st.lists(st.text(), max_size=3), st.none())


class CartLocked(Conflict):
    """The cart is in a checkout."""


def test_code_and_title_come_from_the_class() -> None:
    """One declaration says it all."""
    assert (CartLocked.code, CartLocked.title, CartLocked.status) == ("cart_locked", "The cart is in a checkout.", 409)
    assert CartLocked().members() == {
        "type": "/problems/cart_locked",
        "title": "The cart is in a checkout.",
        "status": 409,
        "code": "cart_locked",
        "detail": "The cart is in a checkout.",
    }


@given(st.text(), st.none() | st.floats(0, 1e6), st.dictionaries(NAMES, VALUES))
def test_a_problem_survives_the_wire(detail: str, retry_after: float | None, extra: dict[str, Any]) -> None:
    """Detail, Retry-After, bad fields and extra members come back."""
    sent = Problem(detail, retry_after=retry_after, errors=(FieldError("lines[0].sku", "is none"),), **extra)
    document = msgspec.json.decode(msgspec.json.encode(sent.members()))
    received = Problem.from_members(document)
    assert (received.detail, received.retry_after, received.errors, received.extra) == (sent.detail, sent.retry_after, sent.errors, sent.extra)


def test_unavailable_always_says_when_to_come_back() -> None:
    """A 503 without Retry-After cannot be made."""
    assert Unavailable().retry_after == 1.0
    assert Unavailable("later", retry_after=None).retry_after == 1.0
    assert Unavailable(retry_after=5).retry_after == 5


def test_a_bad_field_is_named() -> None:
    """The client learns which field and why."""
    assert Invalid.field("lines[0].quantity", "must be at least 1").members()["errors"] == [
        {"field": "lines[0].quantity", "message": "must be at least 1"}
    ]
