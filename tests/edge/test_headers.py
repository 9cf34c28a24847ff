"""What every answer carries."""

import logging
from typing import Any

import httpx
import pytest
from tests.edge.sample import Shop
from tests.edge.test_bodies import scope_of

from shop.kit.http import context


@pytest.mark.parametrize("path, status", [("/api/v1/things", 200), ("/api/v1/nothing", 404), ("/api/v1//things", 404), ("/api/v1/failures/bug", 500)])
async def test_every_answer_has_its_id_and_the_safe_headers(client: httpx.AsyncClient, path: str, status: int) -> None:
    """Answers, refusals and failures alike."""
    answer = await client.get(path)
    assert answer.status_code == status
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("sent", ["a", "A-Z_0.9", 64 * "x"])
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, sent: str) -> None:
    """1 to 64 characters of letters, digits, dot, underscore, hyphen."""
    assert (await client.get("/api/v1/things", headers={"X-Request-Id": sent})).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", 65 * "x", "a b", "a\tb", "ä", "<script>", "a/b"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    """Nothing strange gets into logs or answers."""
    given = (await client.get("/api/v1/things", headers=httpx.Headers({"X-Request-Id": sent}, encoding="latin-1"))).headers["x-request-id"]
    assert given != sent
    assert len(given) == 32


async def test_request_ids_differ(client: httpx.AsyncClient) -> None:
    """Each request has one of its own."""
    assert len({(await client.get("/api/v1/things")).headers["x-request-id"] for _ in range(20)}) == 20


async def test_logs_and_calls_onward_know_the_request(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    """The id and a valid traceparent are in the context while a request is answered, and no longer."""
    seen: list[tuple[str, str | None]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((context.request_id.get(), context.traceparent.get()))

    listener = Listener()
    logging.getLogger("shop.http").addHandler(listener)
    try:
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await client.get("/api/v1/failures/bug", headers={"X-Request-Id": "mine", "traceparent": parent})
        for bad in ("00-" + 32 * "0" + "-b7ad6b7169203331-01", "x", "ff" + parent[2:], parent.upper(), parent + "-1"):
            await client.get("/api/v1/failures/bug", headers={"X-Request-Id": "other", "traceparent": bad})
    finally:
        logging.getLogger("shop.http").removeHandler(listener)
    assert seen[0] == ("mine", parent)
    assert set(seen[1:]) == {("other", None)}
    assert context.request_id.get() == ""


async def test_a_handler_may_allow_caching(client: httpx.AsyncClient) -> None:
    """Its Cache-Control stands."""
    answer = await client.get("/api/v1/names/mug")
    assert answer.headers.get_list("cache-control") == ["public, max-age=5"]


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    """Same status, same headers, same length, no content; failures too."""
    for path in ("/api/v1/names/mug", "/api/v1/nothing", "/api/v1//things"):
        get, head = await client.get(path), await client.head(path)
        assert head.status_code == get.status_code
        assert head.headers["content-length"] == get.headers["content-length"]
        assert head.content == b""
    assert (await client.head("/api/v1/refresh")).status_code == 405


async def test_head_sends_no_body_at_all(shop: Shop) -> None:
    """Not even one that a client would drop."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await shop.app(scope_of(httpx.Request("HEAD", "http://shop.test/api/v1/names/mug")), receive, send)
    assert [message.get("body", b"") for message in sent] == [b"", b""]


async def test_options_names_the_methods(client: httpx.AsyncClient) -> None:
    """Also for routes that need a token: it tells nothing else."""
    answer = await client.options("/api/v1/mine")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_draining_process_closes_its_connections(shop: Shop) -> None:
    """So that clients go to another one; until then it keeps them open."""
    assert "connection" not in (await shop.client.get("/api/v1/things")).headers
    shop.app.state.traffic.draining = True
    assert (await shop.client.get("/api/v1/things")).headers["connection"] == "close"
    assert shop.app.state.traffic.under_way == 0
