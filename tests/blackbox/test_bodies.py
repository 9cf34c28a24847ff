"""Conventions: what a body may be, and that nothing else gets through."""

from collections.abc import Iterator

import pytest
from tests.blackbox.outside import ADDRESS, Cart, Demo, Json, compact, ok, problem, unique

LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def cart(demo: Demo) -> Cart:
    """A cart with a line."""
    return demo.cart({demo.sku(): 1})


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "application/jsonx",
        "text/json",
        "*/*",
        "json",
        None,
    ],
)
def test_anything_but_json_is_415(demo: Demo, cart: Cart, kind: str | None) -> None:
    """Anything but application/json is 415."""
    body = compact({"sku": "CAFE-HUI-250", "quantity": 1})
    problem(demo.send("POST", f"{cart.path}/lines", body, cart.who, kind=kind), 415)
    problem(demo.send("POST", "/carts", "{}", kind=kind), 415)
    problem(demo.send("POST", "/sessions", body, kind=kind), 415)
    problem(demo.send("PATCH", "/categories/home", '{"title": "Home"}', demo.staff, kind=kind), 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'])
def test_json_is_json_however_it_is_written(demo: Demo, kind: str) -> None:
    """Media types ignore case and may have parameters."""
    ok(demo.send("POST", "/carts", "{}", kind=kind), 201)


def test_a_post_without_a_body_means_an_empty_object(demo: Demo, cart: Cart) -> None:
    """A POST without a body means {}; so what is missing is 400, never 415."""
    ok(demo.http.post("/carts"), 201)
    ok(demo.send("POST", "/carts", "", kind="text/plain"), 201)
    for path in ("/sessions", "/users", "/sessions/refresh", "/users/verify", "/password-resets", f"{cart.path}/lines"):
        problem(demo.http.post(path, headers=cart.who), 400)
    problem(demo.http.post("/orders", headers={"Idempotency-Key": unique()}), 400, at="cart_id")
    problem(demo.http.post("/products", headers=demo.staff), 400, at="title")


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        '"x"',
        "null",
        "true",
        "{}{}",
        "{} x",
        "{'quantity': 1}",
        '{"quantity": 1,}',
        "{quantity: 1}",
        '{"quantity": }',
        "\ufeff",
        "NaN",
        '{"quantity": NaN}',
        '{"quantity": Infinity}',
        '{"quantity": -Infinity}',
        '{"quantity": 01}',
        '{"quantity": 0x1}',
        '{"quantity": +1}',
        '{"quantity": .5}',
        '// c\n{"quantity": 1}',
        '{"quantity": 1} /* c */',
    ],
)
def test_what_is_not_a_json_object_is_400(demo: Demo, cart: Cart, body: str) -> None:
    """400 malformed input, with errors."""
    problem(demo.send("PUT", f"{cart.path}/lines/CAFE-HUI-250", body, cart.who), 400)


@pytest.mark.parametrize(
    "quantity",
    [
        "1.0",
        "1.5",
        "1e2",
        "1E0",
        '"1"',
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1]",
        "-1",
        "1000",
        "1e400",
        "9" * 30,
        "9" * 5000,
        "-0.0",
        "9223372036854775808",
        "2147483648",
    ],
)
def test_a_quantity_is_a_whole_number_within_bounds(demo: Demo, cart: Cart, quantity: str) -> None:
    """Floats and strings are no integers; quantity is 0..999."""
    body = f'{{"quantity": {quantity}}}'
    problem(demo.send("PUT", f"{cart.path}/lines/CAFE-HUI-250", body, cart.who), 400, at="quantity")
    body = f'{{"sku": "CAFE-HUI-250", "quantity": {quantity}}}'
    problem(demo.send("POST", f"{cart.path}/lines", body, cart.who), 400, at="quantity")


@pytest.mark.parametrize("amount", ["1.0", "19.99", '"1999"', "1e3", "true", "null", "-1", "9" * 19, "9" * 400])
def test_money_is_a_whole_number_of_minor_units(demo: Demo, amount: str) -> None:
    """Money is an integer in minor units, never a float; the field is named with its path."""
    body = f'{{"title": "T", "variants": [{{"sku": "{unique()}", "price": {{"amount": {amount}, "currency": "EUR"}}}}]}}'
    problem(demo.send("POST", "/products", body, demo.staff), 400, at="variants[0].price.amount")


@pytest.mark.parametrize(
    "money",
    [
        '{"amount": 1}',
        '{"currency": "EUR"}',
        "1",
        "{}",
        "[]",
        '{"amount": 1, "currency": "EUR", "x": 1}',
        '{"amount": 1, "currency": 978}',
        '{"amount": 1, "currency": ""}',
    ],
)
def test_money_is_exactly_amount_and_currency(demo: Demo, money: str) -> None:
    """Neither more nor less."""
    problem(demo.send("POST", "/products", f'{{"title": "T", "variants": [{{"sku": "{unique()}", "price": {money}}}]}}', demo.staff), 400)


@pytest.mark.parametrize(
    "body",
    [
        '{"quantity": 1, "quantity": 1}',
        '{"quantity": 1, "quantity": 2}',
        '{"quantity": 1, "quantit\\u0079": 1}',
        '{"quantity": 1, "more": 1}',
        '{"quantity": 1, "": 1}',
        '{"quantity": 1, "Quantity": 1}',
        '{"quantity": 1, "__proto__": {}}',
    ],
)
def test_unknown_or_duplicate_fields_are_400(demo: Demo, cart: Cart, body: str) -> None:
    """Unknown or duplicate fields in a request are refused (400)."""
    problem(demo.send("PUT", f"{cart.path}/lines/CAFE-HUI-250", body, cart.who), 400)


def test_unknown_or_duplicate_fields_are_400_inside_too(demo: Demo, cart: Cart) -> None:
    """At any depth."""
    key = {"Idempotency-Key": unique()}
    good = compact(demo.wish(cart, 1495))
    problem(demo.send("POST", "/orders", good.replace('"city":', '"city":"a","city":'), cart.who, key), 400)
    problem(demo.send("POST", "/orders", good.replace('"city":', '"planet":"a","city":'), cart.who, key), 400)
    problem(demo.send("POST", "/orders", good.replace('"currency":', '"currency":"EUR","currency":'), cart.who, key), 400)
    problem(demo.send("POST", "/carts", '{"currency": "EUR", "currency": "EUR"}'), 400)
    problem(demo.send("POST", "/carts", '{"id": 1}'), 400, at="id")


@pytest.mark.parametrize("text", ["\\u0000", "a\\u0000b", "\\ud800", "\\udc00x"])
def test_text_that_cannot_be_kept_is_400(demo: Demo, cart: Cart, text: str) -> None:
    """NUL and halves of characters are refused wherever text is taken."""
    problem(
        demo.send(
            "POST",
            "/products",
            f'{{"title": "T{text}", "variants": [{{"sku": "{unique()}", "price": {{"amount": 1, "currency": "EUR"}}}}]}}',
            demo.staff,
        ),
        400,
    )
    problem(demo.send("POST", "/sessions", f'{{"email": "a@example.com", "password": "long enough{text}"}}'), 400)
    problem(demo.send("POST", "/users", f'{{"email": "a@example.com", "password": "long enough", "name": "A{text}"}}'), 400)
    body = compact(demo.wish(cart, 1495)).replace('"name":"You"', f'"name":"You{text}"')
    problem(demo.send("POST", "/orders", body, cart.who, {"Idempotency-Key": unique()}), 400, at="shipping_address.name" if "0000" in text else None)
    problem(demo.send("POST", "/products", f'{{"title{text}": 1}}', demo.staff), 400)


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "\xff\xfe"}',
        b"\xff\xfe{\x00}\x00",
        b'{"email": "\xc0\x80"}',
        b'{"email": "\xed\xa0\x80"}',
        b'{"\xf5": 1}',
        b"\x00",
        b"\x80" * 100,
        b'{"email": "\xf4\x90\x80\x80"}',
    ],
)
def test_what_is_not_utf_8_is_400(demo: Demo, body: bytes) -> None:
    """JSON is UTF-8."""
    problem(demo.send("POST", "/password-resets", body), 400)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 30000,
        "[" * 30000 + "]" * 30000,
        '{"a":' * 10000 + "1" + "}" * 10000,
        '{"attributes":' * 4000,
        "[" * 100 + "]" * 100,
        '{"email":' + "[" * 2000 + "]" * 2000 + "}",
    ],
)
def test_a_depth_bomb_is_400(demo: Demo, body: str) -> None:
    """However deep, it is refused and nothing breaks."""
    problem(demo.send("POST", "/password-resets", body), 400)
    problem(demo.send("POST", "/products", body, demo.staff), 400)


def test_a_body_over_64_kib_is_413(demo: Demo) -> None:
    """JSON bodies over 64 KiB are 413, sent in pieces too; 64 KiB are not over."""
    ok(demo.send("POST", "/carts", "{}" + " " * (LIMIT - 2)), 201)
    problem(demo.send("POST", "/carts", "{}" + " " * (LIMIT - 1)), 413)
    problem(demo.send("POST", "/carts", "x" * (LIMIT * 20)), 413)

    def pieces() -> Iterator[bytes]:
        yield b"{}"
        for _ in range(66):
            yield b" " * 1024

    problem(demo.http.post("/carts", content=pieces(), headers={"Content-Type": "application/json"}), 413)


ADDRESS_CASES: list[tuple[Json, str]] = [
    ({"country": "XX"}, "country"),
    ({"country": "es"}, "country"),
    ({"country": "ESP"}, "country"),
    ({"country": ""}, "country"),
    ({"country": 1}, "country"),
    ({"country": "EU"}, "country"),
    ({"country": "UK"}, "country"),
    ({"name": ""}, "name"),
    ({"line1": ""}, "line1"),
    ({"city": None}, "city"),
    ({"postal_code": 28013}, "postal_code"),
    ({"line1": "x" * 5000}, "line1"),
    ({"zip": "1"}, "zip"),
    ({"country": "ZZ"}, "country"),
]


@pytest.mark.parametrize("change,at", ADDRESS_CASES)
def test_an_address_is_an_address(demo: Demo, cart: Cart, change: Json, at: str) -> None:
    """{name, line1, line2?, postal_code, city, region?, country, phone?}, country ISO 3166-1 alpha-2 (anything else is 400)."""
    for name in ("shipping_address", "billing_address"):
        errors = problem(
            demo.http.post("/orders", json=demo.wish(cart, 1495) | {name: ADDRESS | change}, headers=cart.who | {"Idempotency-Key": unique()}), 400
        )["errors"]
        assert any(error["field"] in (f"{name}.{at}", name) for error in errors)


@pytest.mark.parametrize("missing", ["name", "line1", "postal_code", "city", "country"])
def test_an_address_needs_its_parts(demo: Demo, cart: Cart, missing: str) -> None:
    """The parts without a question mark are required."""
    part = {key: value for key, value in ADDRESS.items() if key != missing}
    problem(demo.submit(cart, 1495, shipping_address=part), 400, at=f"shipping_address.{missing}")
