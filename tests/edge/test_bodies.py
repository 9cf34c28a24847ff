"""Bodies are decoded without coercion, and refused where two readers of JSON could disagree."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.edge.sample import Shop, assert_problem

JSON = {"Content-Type": "application/json"}
URL = "/api/v1/baskets"


async def test_a_good_body_arrives_as_it_was_sent(client: httpx.AsyncClient) -> None:
    """Numbers, flags, lists, text in any script; parameters of the media type do not matter."""
    basket = {"lines": [{"sku": "mug", "quantity": 2}], "note": "für Ana ☕", "rating": 5, "price": 0.5, "gift": True, "labels": {"a": "\\u0000"}}
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"):
        answer = await client.post(URL, content=httpx.Request("POST", "http://x", json=basket).content, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text
        assert answer.json() == basket


@pytest.mark.parametrize(
    "body, field",
    [
        ('{"lines": [{"sku": "mug", "quantity": "1"}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": true}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": 1.0}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": null}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": -1}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": 99999999999999999999999}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug"}, {"sku": "a b", "quantity": 1}]}', "lines[0].quantity"),
        ('{"lines": [{"sku": "mug", "quantity": 1}, {"sku": "a b", "quantity": 1}]}', "lines[1].sku"),
        ('{"lines": [{"sku": 5, "quantity": 1}]}', "lines[0].sku"),
        ('{"lines": [{"sku": "mug", "quantity": 1, "colour": "red"}]}', "lines[0].colour"),
        ('{"lines": [], "unknown": 1}', "unknown"),
        ('{"lines": {}}', "lines"),
        ("{}", "lines"),
        ('{"lines": [], "gift": 1}', "gift"),
        ('{"lines": [], "gift": "true"}', "gift"),
        ('{"lines": [], "rating": 9}', "rating"),
        ('{"lines": [], "price": "1"}', "price"),
        ('{"lines": [], "price": 1e999}', "price"),
        ('{"lines": [], "price": 9223372036854775808}', "price"),
        ('{"lines": [], "note": 1}', "note"),
        ('{"lines": [], "note": "\\u0000"}', "note"),
        ('{"lines": [], "note": "' + 51 * "x" + '"}', "note"),
        ('{"lines": [], "labels": {"a": 1}}', "labels"),
        ('{"lines": [], "labels": {"a": "\\u0000"}}', "labels.a"),
        ('{"lines": [], "labels": {"\\u0000": "a"}}', "labels.\ufffd"),
        ('{"lines": [], "lines": []}', "lines"),
        ('{"lines": [], "note": "a", "n\\u006fte": "b"}', "note"),
        ('{"lines": [], "labels": {"a": "1", "a": "2"}}', "a"),
        ("[]", "body"),
        ("null", "body"),
        ('"text"', "body"),
        ("{", "body"),
        ('{"lines": []} {}', "body"),
        ('{"lines": [],}', "body"),
        ('{"lines": NaN}', "body"),
        ("{'lines': []}", "body"),
        ('{"lines": [], "note": "\\ud800"}', "body"),
        ('{"lines": [], "note": "\\udc00\\ud800"}', "body"),
        ('{"lines": [], "note": "\n"}', "body"),
        (b'{"lines": [], "note": "\xff"}', "body"),
        (b'{"lines": [], "note": "\xed\xa0\x80"}', "body"),
        (b'\xef\xbb\xbf{"lines": []}', "body"),
        ('{"lines": []}'.encode("utf-16"), "body"),
        ('{"lines": ' + 100 * "[" + 100 * "]" + "}", "body"),
        (1000 * "[", "body"),
        ('{"lines": ' + 30_000 * "[", "body"),
        ('{"a":' * 5_000, "body"),
    ],
)
async def test_a_bad_body_is_400_and_names_its_field(client: httpx.AsyncClient, body: str | bytes, field: str) -> None:
    """The path of the field that is wrong, or `body` when it is all of it."""
    document = assert_problem(await client.post(URL, content=body, headers=JSON), 400, "invalid")
    assert [error["field"] for error in document["errors"]] == [field]


async def test_brackets_in_a_text_are_not_depth(client: httpx.AsyncClient) -> None:
    """Only real nesting counts."""
    answer = await client.post(URL, json={"lines": [], "note": '[[[[["{{{{{[[[[[[[[[[[[[[[[[[[[[[[[[\\"', "labels": {"[": 40 * "{"}})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=latin-1", "text/json", "", "json"]
)
async def test_anything_but_json_is_415(client: httpx.AsyncClient, kind: str) -> None:
    """A cross-site form cannot reach a handler."""
    assert_problem(await client.post(URL, content=b'{"lines": []}', headers={"Content-Type": kind}), 415, "unsupported_media_type")


async def test_a_compressed_body_is_415(client: httpx.AsyncClient) -> None:
    """Nobody here would unpack it."""
    assert_problem(await client.post(URL, content=b'{"lines": []}', headers={**JSON, "Content-Encoding": "gzip"}), 415, "unsupported_media_type")


async def test_a_post_without_a_body_means_an_empty_object(client: httpx.AsyncClient) -> None:
    """What is optional may be absent altogether; what is required is named."""
    assert (await client.post("/api/v1/guesses")).status_code == 202
    document = assert_problem(await client.post(URL), 400, "invalid")
    assert document["errors"] == [{"field": "lines", "message": "is missing"}]


async def test_a_patch_needs_a_body_and_leaves_out_what_is_absent(client: httpx.AsyncClient) -> None:
    """UNSET is not null."""
    assert (await client.patch(URL, json={"note": None})).json() == {"note": None}
    assert (await client.patch(URL, json={"title": "a"})).json() == {"title": "a"}
    assert (await client.patch(URL, json={})).json() == {}
    assert_problem(await client.patch(URL), 400, "invalid")


async def test_a_route_without_a_body_refuses_members(client: httpx.AsyncClient) -> None:
    """Unknown fields are refused there too; nothing and an empty object pass."""
    assert (await client.post("/api/v1/refresh")).status_code == 204
    assert (await client.post("/api/v1/refresh", json={})).status_code == 204
    document = assert_problem(await client.post("/api/v1/refresh", json={"force": True}), 400, "invalid")
    assert document["errors"][0]["field"] == "force"
    assert_problem(await client.post("/api/v1/refresh", content=b"{}", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")


async def test_64_kib_is_the_limit(client: httpx.AsyncClient) -> None:
    """The last byte that fits passes, the next one is 413."""
    body = b'{"lines": []' + b" " * (64 * 1024 - 13) + b"}"
    assert (await client.post(URL, content=body, headers=JSON)).status_code == 201
    assert_problem(await client.post(URL, content=b" " + body, headers=JSON), 413, "too_large")


async def test_a_stream_is_cut_at_the_limit(client: httpx.AsyncClient) -> None:
    """Without Content-Length no more is read than what is allowed."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 8192
            yield b" " * 8192

    answer = await client.post(URL, content=endless(), headers=JSON)
    assert_problem(answer, 413, "too_large")
    assert sent <= 64 * 1024 + 2 * 8192


async def test_nothing_is_read_of_a_body_that_says_it_is_too_large(shop: Shop) -> None:
    """Content-Length is believed before the first byte."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("read")

    async def send(message: Any) -> None:
        sent.append(message)

    request = httpx.Request("POST", f"http://shop.test{URL}", headers={**JSON, "Content-Length": "65537"})
    await shop.app(scope_of(request), receive, send)
    assert sent[0]["status"] == 413


async def test_a_raw_route_reads_any_type_up_to_its_own_limit(client: httpx.AsyncClient) -> None:
    """The webhook's body is not decoded here."""
    assert (await client.post("/api/v1/hook", content=b"\xff" * 262_144)).json() == {"bytes": 262_144}
    assert_problem(await client.post("/api/v1/hook", content=b"\xff" * 262_145), 413, "too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "9" * 30])
async def test_a_senseless_content_length_is_refused(client: httpx.AsyncClient, length: str) -> None:
    """400 or 413, never a number that Python would take for one."""
    answer = await client.post(URL, content=b"{}", headers={**JSON, "Content-Length": length})
    assert answer.status_code in (400, 413)


async def test_a_client_that_goes_away_is_no_bug(shop: Shop) -> None:
    """The rest of the body never comes: nothing is called, nothing is logged as an error."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    request = httpx.Request("POST", "http://shop.test/api/v1/sales", headers={**JSON, "Content-Length": "20"})
    await shop.app(scope_of(request), receive, send)
    assert sent[0]["status"] == 400
    assert shop.ledger.calls == 0


def scope_of(request: httpx.Request) -> Any:
    """Give the ASGI scope of a request."""
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "scheme": "http", "path": request.url.path}
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    return scope | {"raw_path": request.url.raw_path, "query_string": request.url.query, "root_path": "", "headers": headers, "client": ("::1", 1)}
