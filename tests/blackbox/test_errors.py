"""Conventions: problem documents, request ids and the headers of every answer."""

import re

import httpx
import pytest
from tests.blackbox.outside import ABSENT, Demo, Person, bearer, ok, problem, unique

BAD = {"Authorization": "Bearer nonsense"}


@pytest.mark.parametrize(
    "method,path,status",
    [
        ("GET", "/carts/x", 404),
        ("GET", "/orders/x", 404),
        ("GET", "/products/no-such-thing", 404),
        ("GET", f"/products/{ABSENT}", 404),
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("DELETE", "/products", 405),
        ("GET", "/carts", 405),
        ("PUT", "/categories", 405),
        ("GET", "/users", 405),
        ("PATCH", "/orders", 405),
        ("GET", "/sessions", 405),
        ("GET", "/orders", 401),
        ("GET", "/users/me", 401),
        ("GET", "/products?limit=0", 400),
        ("GET", "/carts/mine", 401),
        ("DELETE", "/sessions/current", 401),
        ("POST", "/shipping-methods", 405),
    ],
)
def test_every_failure_is_a_problem_document(demo: Demo, method: str, path: str, status: int) -> None:
    """Errors are application/problem+json with all members, type made of the code, instance the path."""
    problem(demo.http.request(method, path), status)


@pytest.mark.parametrize(
    "method,path,allowed",
    [
        ("DELETE", "/products", {"GET", "POST"}),
        ("GET", "/carts", {"POST"}),
        ("PUT", "/categories", {"GET", "POST"}),
        ("POST", "/users/me", {"GET", "PATCH"}),
        ("GET", "/users", {"POST"}),
        ("PUT", "/orders", {"GET", "POST"}),
        ("POST", "/shipping-methods", {"GET"}),
        ("GET", "/sessions/refresh", {"POST"}),
        ("POST", f"/carts/{ABSENT}/lines/a", {"PUT", "DELETE"}),
        ("GET", "/payments/stripe/webhook", {"POST"}),
        ("GET", f"/orders/{ABSENT}/cancel", {"POST"}),
    ],
)
def test_a_405_says_what_is_allowed(demo: Demo, method: str, path: str, allowed: set[str]) -> None:
    """A 405 has Allow."""
    answer = demo.http.request(method, path)
    problem(answer, 405)
    assert set(re.split(r",\s*", answer.headers["allow"])) >= allowed


@pytest.mark.parametrize(
    "bad", ["x", "0", "01900000-0000-7000-8000-00000000000", "01900000-0000-7000-8000-00000000000g", "%00", "%FF", "a%20b", "-", "..%2f", "a" * 300]
)
@pytest.mark.parametrize(
    "method,path",
    [
        ("GET", "/carts/{}"),
        ("PUT", "/carts/{}/lines/a"),
        ("POST", "/carts/{}/lines"),
        ("DELETE", "/carts/{}/lines/a"),
        ("GET", "/orders/{}"),
        ("POST", "/orders/{}/cancel"),
        ("PATCH", "/products/{}"),
        ("DELETE", "/products/{}"),
        ("POST", "/products/{}/variants"),
        ("GET", "/products/{}"),
        ("POST", "/orders/{}/refunds"),
        ("POST", "/orders/{}/shipments"),
        ("GET", "/variants/{}/stock"),
        ("DELETE", "/variants/{}"),
    ],
)
def test_a_malformed_id_in_a_path_is_404(demo: Demo, method: str, path: str, bad: str) -> None:
    """A malformed id in a path is 404, for those who may ask too."""
    bodies: dict[str, object] = {
        "/carts/{}/lines/a": {"quantity": 1},
        "/carts/{}/lines": {"sku": "a", "quantity": 1},
        "/products/{}": {"title": "t"},
        "/products/{}/variants": {"sku": unique(), "price": {"amount": 1, "currency": "EUR"}},
        "/orders/{}/refunds": {"reason": "other"},
        "/orders/{}/shipments": {"carrier": "c"},
    }
    who = {"X-Cart-Token": "t"} if "carts" in path else demo.staff
    body = bodies.get(path) if method in ("POST", "PUT", "PATCH") else None
    problem(demo.http.request(method, path.format(bad), json=body, headers=who | {"Idempotency-Key": unique()}), 404)


@pytest.mark.parametrize("id_", ["a", "A-b_c.d", "x" * 64, "0", "...", "550e8400-e29b-41d4-a716-446655440000"])
def test_a_sane_request_id_is_given_back(demo: Demo, id_: str) -> None:
    """X-Request-Id is the caller's if it sent a sane one: 1..64 characters of [A-Za-z0-9._-]."""
    assert demo.http.get("/products?limit=1", headers={"X-Request-Id": id_}).headers["x-request-id"] == id_
    assert problem(demo.http.get("/carts/x", headers={"X-Request-Id": id_}), 404)["request_id"] == id_


@pytest.mark.parametrize("id_", [b"", b"x" * 65, b"a b", b"a/b", b"\xc3\xa9", b"a,b", b"<script>", b"a\tb", b"a:b", b"a+b"])
def test_an_insane_request_id_is_replaced(demo: Demo, id_: bytes) -> None:
    """An id that is not sane is not echoed."""
    answer = demo.http.get("/carts/x", headers=[(b"X-Request-Id", id_)])
    assert answer.headers["x-request-id"].encode("latin-1") != id_
    problem(answer, 404)


def test_request_ids_differ(demo: Demo) -> None:
    """Each answer has an id of its own."""
    assert len({demo.http.get("/categories").headers["x-request-id"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "trace", ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "garbage", "", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 3000]
)
def test_any_traceparent_is_survived(demo: Demo, trace: str) -> None:
    """W3C traceparent is honoured; a broken one does no harm."""
    ok(demo.http.get("/categories", headers={"traceparent": trace}))


def private(answer: httpx.Response) -> bool:
    """Whether nobody may keep the answer."""
    return "no-store" in answer.headers.get("cache-control", "")


def test_private_answers_are_not_stored(demo: Demo, ana: Person) -> None:
    """Cache-Control is no-store when private."""
    cart, order = demo.cart(), demo.order()
    assert private(demo.http.get(cart.path, headers=cart.who))
    assert private(demo.http.get(order.path, headers=order.who))
    for path in ("/users/me", "/orders", "/users/me/addresses", "/users/me/purchases", "/carts/mine"):
        assert private(demo.http.get(path, headers=ana.who)), path
    assert private(demo.http.post("/carts"))
    assert private(demo.http.post("/sessions", json={"email": ana.email, "password": ana.password}))
    assert private(demo.http.get(f"/variants/{demo.sku()}/stock", headers=demo.staff))
    assert private(demo.http.get("/users/me"))
    assert private(demo.http.get(cart.path))


def test_what_staff_see_of_the_catalogue_is_private(demo: Demo) -> None:
    """An archived product answered to staff may not be kept for others by a shared cache."""
    made = demo.product(stock=0)
    assert demo.http.delete(f"/products/{made['id']}", headers=demo.staff).status_code == 204
    answer = demo.http.get(f"/products/{made['id']}", headers=demo.staff)
    assert ok(answer)["status"] == "archived"
    assert private(answer) or "private" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/products", "/categories", "/shipping-methods", "/products/cafe-huila"])
def test_a_bad_token_is_ignored_on_public_reads(demo: Demo, path: str) -> None:
    """A bad bearer token is ignored on public catalogue and shipping reads."""
    for bad in (BAD, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer a.b.c"}):
        ok(demo.http.get(path, headers=bad))


def test_a_bad_token_is_401_wherever_identity_matters(demo: Demo) -> None:
    """Carts and orders included; without any token a cart or an order is 404."""
    cart, order = demo.cart(), demo.order()
    line = {"sku": "CAFE-HUI-250", "quantity": 1}
    problem(demo.http.get(cart.path, headers=cart.who | BAD), 401)
    problem(demo.http.post(f"{cart.path}/lines", json=line, headers=cart.who | BAD), 401)
    problem(demo.http.delete(f"{cart.path}/lines/a", headers=cart.who | BAD), 401)
    problem(demo.http.post("/carts", headers=BAD), 401)
    problem(demo.http.get(order.path, headers=order.who | BAD), 401)
    problem(demo.http.post(f"{order.path}/cancel", headers=order.who | BAD), 401)
    problem(demo.http.post("/orders", json=demo.wish(cart, 495), headers=cart.who | BAD | {"Idempotency-Key": unique()}), 401)
    for path in ("/orders", "/users/me", "/carts/mine", "/users/me/addresses", "/users/me/purchases", "/variants/a/stock"):
        problem(demo.http.get(path, headers=BAD), 401)
    for gone in (cart, order):
        problem(demo.http.get(gone.path), 404)
        problem(demo.http.get(gone.path, headers={"X-Cart-Token": "no", "X-Order-Token": "no"}), 404)
    problem(demo.http.post(f"{order.path}/cancel"), 404)
    problem(demo.http.post(f"{cart.path}/lines", json=line), 404)


def test_a_token_that_was_tampered_with_is_bad(demo: Demo, ana: Person) -> None:
    """Neither another signature nor none opens anything."""
    head, claims, signature = ana.who["Authorization"].removeprefix("Bearer ").split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    flipped = "B" if signature[5] != "B" else "C"
    for token in (
        f"{none}.{claims}.",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:5]}{flipped}{signature[6:]}",
        f"{head}.{claims}",
        ana.refresh_token,
    ):
        problem(demo.http.get("/users/me", headers={"Authorization": f"Bearer {token}"}), 401)


STAFF_ONLY = [
    ("POST", "/categories", {"title": "t", "slug": "tttt"}),
    ("PATCH", "/categories/home", {"title": "t"}),
    ("DELETE", "/categories/home", None),
    ("POST", "/products", {"title": "t", "variants": [{"sku": "nobody", "price": {"amount": 1, "currency": "EUR"}}]}),
    ("PATCH", f"/products/{ABSENT}", {"title": "t"}),
    ("DELETE", f"/products/{ABSENT}", None),
    ("POST", f"/products/{ABSENT}/variants", {"sku": "nobody", "price": {"amount": 1, "currency": "EUR"}}),
    ("PATCH", "/variants/CAFE-HUI-250", {"title": "t"}),
    ("DELETE", "/variants/CAFE-HUI-250", None),
    ("POST", "/variants/CAFE-HUI-250/stock", {"delta": 1, "reason": "delivery"}),
    ("GET", "/variants/CAFE-HUI-250/stock", None),
    ("POST", f"/orders/{ABSENT}/refunds", {"reason": "other"}),
    ("POST", f"/orders/{ABSENT}/shipments", {"carrier": "c"}),
]


@pytest.mark.parametrize("method,path,body", STAFF_ONLY)
def test_staff_calls_are_401_for_strangers_and_403_for_customers(demo: Demo, ana: Person, method: str, path: str, body: object) -> None:
    """401 no or bad token where one is needed, 403 known but not allowed."""
    key = {"Idempotency-Key": unique()}
    problem(demo.http.request(method, path, json=body, headers=key), 401)
    problem(demo.http.request(method, path, json=body, headers=key | BAD), 401)
    problem(demo.http.request(method, path, json=body, headers=key | ana.who), 403)


def test_a_session_opens_what_it_should(demo: Demo, ana: Person) -> None:
    """Authorization: Bearer <access token>; the scheme's case does not matter."""
    token = ana.who["Authorization"].split()[1]
    ok(demo.http.get("/users/me", headers={"Authorization": f"bearer {token}"}))
    assert bearer({"access_token": token}) == ana.who
