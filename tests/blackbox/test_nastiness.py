"""Whatever is sent, the answer is never a bug: the client's hook holds every status against 5xx and against the document."""

import string
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.blackbox.outside import ABSENT, ADDRESS, Cart, Demo, Person, compact, euro, unique

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([2**63, -(2**63), 10**40, "\x00", "\ud800", "1e9", "../x", "A" * 9000])
)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def cart(demo: Demo) -> Cart:
    """A cart with a line."""
    return demo.cart({demo.sku(): 1})


def spoiled(draw: Any, value: Any) -> Any:
    """A good value with one place replaced by anything."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: spoiled(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [spoiled(draw, value[0])]
    return draw(ANYTHING)


BODIES: dict[str, tuple[str, Any]] = {
    "/products": (
        "POST",
        {
            "title": "T",
            "slug": "s",
            "description": "d",
            "category": "home",
            "images": ["https://img.example/1"],
            "variants": [{"sku": "nasty", "title": "t", "price": euro(1), "compare_at_price": euro(2), "attributes": {"a": "b"}}],
        },
    ),
    "/categories": ("POST", {"slug": "nasty", "title": "t", "parent": "home"}),
    "/variants/CAFE-HUI-250": ("PATCH", {"title": "t", "attributes": {"a": "b"}}),
    "/variants/CAFE-HUI-250/stock": ("POST", {"delta": 1, "reason": "delivery"}),
    "/orders": ("POST", {}),
    "/carts": ("POST", {"currency": "EUR"}),
    "/sessions": ("POST", {"email": "a@example.com", "password": "password"}),
    "/sessions/refresh": ("POST", {"refresh_token": "x"}),
    "/users/verify": ("POST", {"token": "x"}),
    "/users/me": ("PATCH", {"name": "n", "locale": "en"}),
    "/users/me/addresses": ("POST", ADDRESS),
    "/users/me/consents/marketing": ("PUT", {"granted": True}),
    f"/orders/{ABSENT}/refunds": ("POST", {"amount": euro(1), "reason": "other", "restock": [{"sku": "a", "quantity": 1}]}),
    f"/orders/{ABSENT}/shipments": ("POST", {"carrier": "c", "lines": [{"sku": "a", "quantity": 1}]}),
    f"/password-resets/{'A' * 40}": ("POST", {"password": "password"}),
}


@pytest.mark.parametrize("path", BODIES)
def test_no_body_is_a_bug(demo: Demo, cart: Cart, ana: Person, path: str) -> None:
    """One part of a good body replaced by anything is refused or taken."""
    method, good = BODIES[path]
    good = demo.wish(cart, 1495) if path == "/orders" else good
    who = (
        cart.who
        if path == "/orders"
        else ana.who
        if path.startswith("/users/me")
        else {}
        if "session" in path or path in ("/carts", "/users/verify")
        else demo.staff
    )

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        body = compact_ascii(spoiled(data.draw, good))
        headers = {} if path == "/sessions" else {"Idempotency-Key": unique("key")}
        assert demo.send(method, path, body, who, headers).status_code < 500

    check()


def compact_ascii(value: Any) -> bytes:
    """JSON, halves of characters and all."""
    import json

    return json.dumps(value).encode()


def test_no_bytes_are_a_bug(demo: Demo, cart: Cart) -> None:
    """Arbitrary bytes, and a good body with a byte changed."""
    good = compact(demo.wish(cart, 1)).encode()

    @QUICK
    @given(st.binary(max_size=60), st.integers(0, len(good) - 1), st.integers(0, 255))
    def check(noise: bytes, place: int, byte: int) -> None:
        for body in (noise, good[:place] + bytes([byte]) + good[place + 1 :], good[:place]):
            answer = demo.http.post("/orders", content=body, headers=cart.who | {"Content-Type": "application/json", "Idempotency-Key": unique()})
            assert answer.status_code in (201, 400, 404, 409, 415)

    check()


def test_no_path_or_query_is_a_bug(demo: Demo, cart: Cart, ana: Person) -> None:
    """Whatever stands in the place of an id, a parameter or a header."""
    templates = [
        "/products/{}",
        "/carts/{}",
        "/orders/{}",
        "/variants/{}/stock",
        "/products?q={}",
        "/products?category={}",
        "/products?cursor={}",
        "/orders?q={}&status={}",
        "/orders?email={}",
        "/orders?cursor={}",
        "/shipping-methods?country={}",
        "/users/me/purchases?cursor={}",
        "/{}",
        "/products?sort={}&limit={}&min_price={}",
    ]

    @settings(QUICK, max_examples=60)
    @given(st.sampled_from(templates), st.text(max_size=30) | st.text("%" + string.hexdigits, max_size=9))
    def check(template: str, text: str) -> None:
        escaped = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
        for value in (escaped, "".join(one for one in text if one in "%" + string.hexdigits)):
            for who in (demo.staff, ana.who):
                assert demo.http.get(template.replace("{}", value), headers=who).status_code < 500

    check()


def test_no_header_is_a_bug(demo: Demo, cart: Cart) -> None:
    """Tokens, ETags and ids of any bytes."""
    names = [
        b"Authorization",
        b"X-Cart-Token",
        b"X-Order-Token",
        b"If-None-Match",
        b"If-Match",
        b"X-Request-Id",
        b"traceparent",
        b"Idempotency-Key",
        b"Accept",
        b"Accept-Language",
        b"Accept-Encoding",
        b"Cookie",
        b"X-Forwarded-For",
        b"Range",
        b"Content-Type",
    ]

    @settings(QUICK, max_examples=60)
    @given(st.sampled_from(names), st.binary(max_size=40))
    def check(name: bytes, value: bytes) -> None:
        clean = bytes(byte for byte in value if byte > 32 and byte != 127)
        for path in (cart.path, "/products?limit=1", f"/orders/{ABSENT}", "/users/me"):
            for prefix in (b"", b"Bearer ", b'"'):
                if prefix + clean:
                    answer = demo.http.get(path, headers=[(name, (prefix + clean).strip() or b"x")])
                    assert isinstance(answer, httpx.Response)

    check()
