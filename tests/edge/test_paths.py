"""Every resource has one address; anything else that leads there is 404."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.edge.sample import Shop


async def get(app: Litestar, raw_path: bytes, path: str) -> int:
    """Send a path that no client would send and give the status."""
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Any = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path}
    scope |= {"raw_path": raw_path, "query_string": b"", "root_path": "", "headers": [(b"host", b"shop.test")], "client": None, "server": None}
    await app(scope, receive, send)
    return statuses[0]


async def test_a_name_may_have_any_letters(client: httpx.AsyncClient) -> None:
    """UTF-8 in a path arrives as text."""
    answer = await client.get("/api/v1/names/café ☕")
    assert answer.status_code == 200
    assert answer.json() == {"name": "café ☕"}


@pytest.mark.parametrize(
    "raw_path, path",
    [
        (b"/api/v1//things", "/api/v1//things"),
        (b"//api/v1/things", "//api/v1/things"),
        (b"/api/v1/things/", "/api/v1/things/"),
        (b"/api/v1%2Fthings", "/api/v1/things"),
        (b"/api/v1/names/a%2fb", "/api/v1/names/a/b"),
        (b"/api/v1/names/%00", "/api/v1/names/\0"),
        (b"/api/v1/names/a%00b", "/api/v1/names/a\0b"),
        (b"/api/v1/names/%ff", "/api/v1/names/\ufffd"),
        (b"/api/v1/names/%zz", "/api/v1/names/%zz"),
        (b"/api/v1/names/%", "/api/v1/names/%"),
        (b"/api/v1/names/%ED%A0%80", "/api/v1/names/\ufffd"),
        (b"/api/v1/../v1/things", "/api/v1/../v1/things"),
        (b"", ""),
    ],
)
async def test_a_path_with_a_second_spelling_is_404(shop: Shop, raw_path: bytes, path: str) -> None:
    """Escaped, doubled and trailing slashes, NUL, and what is not UTF-8."""
    assert await get(shop.app, raw_path, path) == 404


async def test_a_server_without_raw_path_is_served_too(shop: Shop) -> None:
    """The decoded path is enough."""
    assert await get(shop.app, b"", "/api/v1/names/caf\u00e9") == 200
    assert await get(shop.app, b"", "/api/v1/names/\ud800") == 404
