"""Processes know each other for a minute, one callee at a time."""

import jwt
import pytest

from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret
from shop.kit.service_tokens import LEEWAY, LIFETIME, ServiceTokens

SECRET = Secret("a secret that is long enough for HMAC")


class Time:
    """A clock."""

    def __init__(self) -> None:
        """Begin at some moment."""
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def test_a_token_is_good_for_its_callee_only() -> None:
    """Another module refuses it, and so does whoever has another secret."""
    tokens = ServiceTokens(SECRET)
    tokens.verify(tokens.issue("cart"), "cart")
    with pytest.raises(Unauthenticated):
        tokens.verify(tokens.issue("cart"), "sales")
    with pytest.raises(Unauthenticated):
        ServiceTokens(Secret("another secret that is long enough too")).verify(tokens.issue("cart"), "cart")


def test_a_token_lives_for_a_minute_and_is_renewed_before() -> None:
    """Clocks may differ by some seconds."""
    time = Time()
    tokens = ServiceTokens(SECRET, time)
    first = tokens.issue("cart")
    time.now += 29
    assert tokens.issue("cart") == first
    time.now += 2
    assert tokens.issue("cart") != first
    time.now += LIFETIME - 31 + LEEWAY - 1
    tokens.verify(first, "cart")
    time.now += 1
    with pytest.raises(Unauthenticated):
        tokens.verify(first, "cart")
    time.now -= LIFETIME + 2 * LEEWAY + 1
    with pytest.raises(Unauthenticated):
        tokens.verify(first, "cart")


@pytest.mark.parametrize("claims", [{}, {"use": "access"}, {"exp": None}, {"iat": None}, {"aud": None}, {"aud": ["cart", "sales"]}])
def test_nothing_else_is_taken_for_a_service_token(claims: dict[str, object]) -> None:
    """Not even when it is signed with the secret."""
    now = 1_800_000_000
    whole = {"aud": "cart", "use": "service", "iat": now, "exp": now + LIFETIME}
    given = {name: value for name, value in (whole | claims).items() if value is not None} if claims else {}
    with pytest.raises(Unauthenticated):
        ServiceTokens(SECRET, lambda: now).verify(jwt.encode(given, SECRET.reveal(), "HS256"), "cart")


def test_unsigned_tokens_are_refused() -> None:
    """Whatever they say."""
    now = 1_800_000_000
    for text in (jwt.encode({"aud": "cart", "use": "service", "iat": now, "exp": now + 60}, "", "none"), "", "a.b.c"):
        with pytest.raises(Unauthenticated):
            ServiceTokens(SECRET, lambda: now).verify(text, "cart")
