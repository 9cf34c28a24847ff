"""Conventions: a request that is repeated with its Idempotency-Key is made once."""

import threading
from typing import Any

import httpx
import pytest
from tests.blackbox.outside import Demo, Json, Person, compact, euro, ok, problem, unique

MALFORMED = [b"", b"x" * 256, b"a b", b"\xc3\xa9", b"a\tb", b"\xa0"]


def keyed(key: str, *who: dict[str, str]) -> dict[str, str]:
    """The header, with those of somebody."""
    headers = {"Idempotency-Key": key}
    for more in who:
        headers |= more
    return headers


def replayed(answer: httpx.Response) -> bool:
    """Whether it is the first answer again."""
    return bool(answer.headers.get("idempotent-replayed") == "true")


def test_an_order_needs_a_key(demo: Demo) -> None:
    """Required on POST /orders: missing is 400."""
    cart = demo.cart({"CAFE-HUI-250": 1})
    problem(demo.http.post("/orders", json=demo.wish(cart, 1645), headers=cart.who), 400, at="Idempotency-Key")


@pytest.mark.parametrize("key", MALFORMED)
def test_a_malformed_key_is_400_where_it_is_honoured(demo: Demo, key: bytes) -> None:
    """1..255 visible ASCII; the header is named."""
    cart = demo.cart()
    token = cart.who["X-Cart-Token"].encode()
    staff = demo.staff["Authorization"].encode()

    def post(path: str, body: object, *who: tuple[bytes, bytes]) -> httpx.Response:
        headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key), *who]
        return demo.http.post(path, content=compact(body).encode(), headers=headers)

    problem(post("/orders", demo.wish(cart, 495), (b"X-Cart-Token", token)), 400, at="Idempotency-Key")
    problem(post(f"{cart.path}/lines", {"sku": "CAFE-HUI-250", "quantity": 1}, (b"X-Cart-Token", token)), 400, at="Idempotency-Key")
    problem(post("/categories", {"slug": unique(), "title": "T"}, (b"Authorization", staff)), 400, at="Idempotency-Key")
    problem(post("/variants/CAFE-HUI-250/stock", {"delta": 1, "reason": "delivery"}, (b"Authorization", staff)), 400, at="Idempotency-Key")


def test_a_malformed_key_is_ignored_where_keys_are(demo: Demo, ana: Person) -> None:
    """Ignored elsewhere: sessions, users, resets, carts, claim, cancel, every read, PUT."""
    for key in (b"", b"x" * 300, b"a b", b"\xc3\xa9"):
        headers = [(b"Idempotency-Key", key)]
        assert demo.http.post("/carts", headers=headers).status_code == 201
        assert demo.http.post("/sessions", json={"email": ana.email, "password": ana.password}, headers=headers).status_code == 200
        assert demo.http.post("/password-resets", json={"email": f"{unique()}@example.com"}, headers=headers).status_code == 202
        assert demo.http.get("/products?limit=1", headers=headers).status_code == 200
        assert demo.http.post("/sessions/refresh", json={"refresh_token": "x"}, headers=headers).status_code == 401


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, '"quoted"', "a/b?c=d&e", "';drop-table", "{}"])
def test_any_visible_key_will_do(demo: Demo, key: str) -> None:
    """1..255 visible ASCII."""
    cart, sku = demo.cart(), demo.sku()
    for _ in range(2):
        seen = ok(demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=keyed(key, cart.who)))
        assert seen["lines"][0]["quantity"] == 1


def test_a_line_is_added_once(demo: Demo) -> None:
    """Replay: the first answer again with Idempotent-Replayed: true; same key, other body: 422."""
    cart, sku, key = demo.cart(), demo.sku(), unique("key")
    body = {"sku": sku, "quantity": 2}
    first = demo.http.post(f"{cart.path}/lines", json=body, headers=keyed(key, cart.who))
    assert not replayed(first)
    ok(demo.http.post(f"{cart.path}/lines", json=body, headers=cart.who))
    again = demo.http.post(f"{cart.path}/lines", json=body, headers=keyed(key, cart.who))
    assert replayed(again)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert ok(demo.http.get(cart.path, headers=cart.who))["lines"][0]["quantity"] == 4
    problem(demo.http.post(f"{cart.path}/lines", json=body | {"quantity": 3}, headers=keyed(key, cart.who)), 422)


def test_a_key_opens_nothing_for_strangers(demo: Demo, ana: Person) -> None:
    """Who may not ask does not get the replay."""
    cart, key, body = demo.cart(), unique("key"), {"sku": "CAFE-HUI-250", "quantity": 1}
    ok(demo.http.post(f"{cart.path}/lines", json=body, headers=keyed(key, cart.who)))
    for who in ({}, {"X-Cart-Token": "guess"}, ana.who):
        problem(demo.http.post(f"{cart.path}/lines", json=body, headers=keyed(key, who)), 404)
    stock = {"delta": 1, "reason": "delivery"}
    ok(demo.http.post("/variants/CAFE-HUI-250/stock", json=stock, headers=keyed(key, demo.staff)))
    problem(demo.http.post("/variants/CAFE-HUI-250/stock", json=stock, headers=keyed(key)), 401)
    problem(demo.http.post("/variants/CAFE-HUI-250/stock", json=stock, headers=keyed(key, ana.who)), 403)


def test_the_scope_is_the_concrete_path_and_the_caller(demo: Demo) -> None:
    """The same key elsewhere or by somebody else is another request."""
    key, sku, other = unique("key"), demo.sku(stock=0), demo.sku(stock=0)
    for one in (sku, other):
        assert ok(demo.stock(one, 3, **{"Idempotency-Key": key}))["on_hand"] == 3
    for cart in (demo.cart(), demo.cart()):
        answer = demo.http.post(f"{cart.path}/lines", json={"sku": sku, "quantity": 1}, headers=keyed(key, cart.who))
        assert not replayed(answer)
        ok(answer)
    ids = set()
    for _ in range(2):
        cart = demo.cart({demo.sku(): 1})
        ids.add(ok(demo.submit(cart, 1495, key), 201)["id"])
    for eve in (demo.person(), demo.person()):
        cart = demo.cart({demo.sku(): 1}, eve.who)
        ids.add(ok(demo.submit(cart, 1495, key), 201)["id"])
    assert len(ids) == 4


def test_an_order_is_placed_once(demo: Demo) -> None:
    """The secrets of the first answer are derived again; other body 422, after the payment too."""
    cart, key = demo.cart({demo.sku(): 1}), unique("key")
    wish = demo.wish(cart, 1495)
    first = ok(demo.http.post("/orders", json=wish, headers=keyed(key, cart.who)), 201)
    again = demo.http.post("/orders", json=wish, headers=keyed(key, cart.who))
    assert replayed(again)
    assert ok(again, 201) == first
    problem(demo.http.post("/orders", json=wish | {"shipping_method": "pickup"}, headers=keyed(key, cart.who)), 422)
    assert ok(demo.http.get(f"/orders/{first['id']}", headers={"X-Order-Token": again.json()["order_token"]}))["id"] == first["id"]


def test_an_order_that_was_refused_stays_refused_under_its_key(demo: Demo) -> None:
    """Kept are 2xx and 409: the corrected total needs another key."""
    cart, key = demo.cart({demo.sku(): 1}), unique("key")
    wish = demo.wish(cart, 1)
    first = problem(demo.http.post("/orders", json=wish, headers=keyed(key, cart.who)), 409, "price_changed")
    again = demo.http.post("/orders", json=wish, headers=keyed(key, cart.who))
    assert replayed(again)
    assert (again.status_code, again.json()) == (409, first)
    problem(demo.http.post("/orders", json=wish | {"expected_total": euro(1495)}, headers=keyed(key, cart.who)), 422)
    ok(demo.http.post("/orders", json=wish | {"expected_total": euro(1495)}, headers=keyed(unique(), cart.who)), 201)


def test_a_409_is_kept(demo: Demo) -> None:
    """Also when the state would allow it now."""
    sku, key = demo.sku(stock=0), {"Idempotency-Key": unique("key")}
    first = problem(demo.stock(sku, -1, **key), 409)
    ok(demo.stock(sku, 5))
    again = demo.stock(sku, -1, **key)
    assert replayed(again)
    assert (again.status_code, again.json()) == (409, first)
    assert demo.available(sku) == 5


def test_400_and_404_are_not_kept(demo: Demo) -> None:
    """The key may be used again with what is right."""
    cart, key, sku = demo.cart(), unique("key"), unique("LATER")
    body: Json = {"sku": sku, "quantity": 1}
    problem(demo.http.post(f"{cart.path}/lines", json=body | {"quantity": -1}, headers=keyed(key, cart.who)), 400)
    problem(demo.http.post(f"{cart.path}/lines", json=body, headers=keyed(key, cart.who)), 404)
    demo.product(stock=0, variants=[{"sku": sku, "price": euro(1)}])
    answer = demo.http.post(f"{cart.path}/lines", json=body | {"quantity": 2}, headers=keyed(key, cart.who))
    assert not replayed(answer)
    assert ok(answer)["lines"][0]["quantity"] == 2
    other = demo.cart({"CAFE-HUI-250": 1})
    problem(demo.submit(other, 1645, key, shipping_method="drone"), 400)
    ok(demo.submit(other, 1645, key), 201)


def test_the_other_posts_honour_it(demo: Demo) -> None:
    """Products, variants, stock, shipments and refunds are made once."""
    title, made = "Once " + unique(), demo.product(stock=0)
    order = demo.bought()
    calls: list[tuple[str, Any, Any]] = [
        (
            "/products",
            {"title": title, "variants": [{"sku": unique("O"), "price": euro(1)}]},
            {"title": "Other", "variants": [{"sku": unique("O"), "price": euro(1)}]},
        ),
        (f"/products/{made['id']}/variants", {"sku": unique("V"), "price": euro(1)}, {"sku": unique("V"), "price": euro(1)}),
        (f"/variants/{made['variants'][0]['sku']}/stock", {"delta": 1, "reason": "delivery"}, {"delta": 2, "reason": "delivery"}),
        (f"{order.path}/refunds", {"amount": euro(5), "reason": "other"}, {"amount": euro(6), "reason": "other"}),
        (f"{order.path}/shipments", {"carrier": "A"}, {"carrier": "B"}),
        ("/categories", {"slug": unique("c"), "title": "C"}, {"slug": unique("c"), "title": "C"}),
    ]
    for path, body, other in calls:
        headers = keyed(unique("key"), demo.staff)
        first = demo.http.post(path, json=body, headers=headers)
        again = demo.http.post(path, json=body, headers=headers)
        assert first.status_code in (200, 201), first.text
        assert not replayed(first)
        assert replayed(again), path
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        problem(demo.http.post(path, json=other, headers=headers), 422)
    assert demo.available(made["variants"][0]["sku"]) == 1
    assert demo.look(order)["refunded"] == euro(5)


def test_category_writes_honour_it(demo: Demo) -> None:
    """PATCH and DELETE too: the second DELETE with its key is 204, not 404."""
    slug = unique("cat")
    ok(demo.http.post("/categories", json={"slug": slug, "title": "C"}, headers=demo.staff), 201)
    for method, body, status in (("PATCH", {"title": "D"}, 200), ("DELETE", None, 204)):
        headers = keyed(unique("key"), demo.staff)
        assert demo.http.request(method, f"/categories/{slug}", json=body, headers=headers).status_code == status
        again = demo.http.request(method, f"/categories/{slug}", json=body, headers=headers)
        assert again.status_code == status, method
        assert replayed(again), method
    problem(demo.http.delete(f"/categories/{slug}", headers=demo.staff), 404)


def test_it_is_ignored_where_it_must_be(demo: Demo, ana: Person) -> None:
    """Sessions, users and resets answer secrets; a guest's POST /carts too: each is a new one."""
    key = keyed(unique("key"))
    ids = {ok(demo.http.post("/carts", headers=key), 201)["id"] for _ in range(2)}
    assert len(ids) == 2
    login = {"email": ana.email, "password": ana.password}
    tokens = {ok(demo.http.post("/sessions", json=login, headers=key))["refresh_token"] for _ in range(2)}
    assert len(tokens) == 2
    for body in ({"email": f"{unique()}@example.com"}, {"email": f"{unique()}@example.com"}):
        assert demo.http.post("/password-resets", json=body, headers=key).status_code == 202
    order = demo.order()
    for nothing in (b"{}", b""):
        answer = demo.http.post(f"{order.path}/cancel", content=nothing, headers=key | order.who | {"Content-Type": "application/json"})
        assert not replayed(answer)
        ok(answer)
    cart, sku = demo.cart(), demo.sku()
    for quantity in (1, 2):
        assert ok(demo.http.put(f"{cart.path}/lines/{sku}", json={"quantity": quantity}, headers=key | cart.who))["lines"][0]["quantity"] == quantity


def test_at_once_it_is_made_once(demo: Demo) -> None:
    """In flight: 409 idempotency_key_in_use with Retry-After; never twice."""
    sku, key = demo.sku(stock=0), {"Idempotency-Key": unique("key")}
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(demo.stock(sku, 3, **key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for answer in answers:
        if answer.status_code != 200:
            problem(answer, 409, "idempotency_key_in_use")
            assert int(answer.headers["retry-after"]) >= 0
    assert demo.available(sku) == 3


def test_submits_at_once_make_one_order(demo: Demo) -> None:
    """One result per key, one live checkout per cart."""
    sku = demo.sku(stock=9)
    cart, key = demo.cart({sku: 1}), unique("key")
    wish, answers = demo.wish(cart, 1495), list[httpx.Response]()

    def submit(own: str) -> None:
        answers.append(demo.http.post("/orders", json=wish, headers=keyed(own, cart.who)))

    threads = [threading.Thread(target=submit, args=(own,)) for own in [key] * 5 + [unique("key") for _ in range(5)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert problem(answer, 409)["code"] in ("idempotency_key_in_use", "checkout_in_progress")
    assert demo.available(sku) == 8
