"""Whatever is sent, the answer is one that the contract knows; never a 500."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.edge.sample import ROUTES, sample_app

KNOWN = {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429}
PATHS = sorted({path for route in ROUTES for path in route.paths if "failures" not in path})
ID = "0193d6cc-0000-7000-8000-000000000001"


class Wire:
    """Sends raw requests to the application and reads raw answers."""

    def __init__(self, folder: Path) -> None:
        """Start the application on a loop of its own."""
        self.loop = asyncio.new_event_loop()
        self.app = sample_app(f"sqlite:///{folder}/")
        self.lifespan = self.app.lifespan()
        self.loop.run_until_complete(self.lifespan.__aenter__())

    def close(self) -> None:
        """Stop it."""
        self.loop.run_until_complete(self.lifespan.__aexit__(None, None, None))
        self.loop.close()

    def send(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        """Give status, headers and body of the answer."""
        answer: list[Any] = []
        path, _, query = target.partition(b"?")
        decoded = path.replace(b"%2F", b"/").decode("utf-8", "replace")
        scope: Any = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": decoded}
        scope |= {"raw_path": path, "query_string": query, "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": None}

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Any) -> None:
            answer.append(message)

        self.loop.run_until_complete(self.app(scope, receive, keep))
        return answer[0]["status"], dict(answer[0]["headers"]), b"".join(part["body"] for part in answer[1:])


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """Give a wire to the sample module."""
    wire = Wire(tmp_path_factory.mktemp("fuzz"))
    yield wire
    wire.close()


def check(answer: tuple[int, dict[bytes, bytes], bytes]) -> None:
    """Check that an answer is known, and a whole problem when it is a refusal."""
    status, headers, body = answer
    assert status in KNOWN, body
    if status >= 400:
        assert headers[b"content-type"] == b"application/problem+json"
        document = json.loads(body)
        assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(document)
        assert document["status"] == status
        assert (status == 400) == bool(document.get("errors"))


bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["sku", "quantity"]), inner, max_size=4),
    max_leaves=12,
)
fields = st.dictionaries(st.sampled_from(["lines", "note", "rating", "price", "gift", "labels", "title"]), json_values, max_size=6)
bodies = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()) | fields.map(lambda value: json.dumps(value).encode())
header_values = st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode())
names = st.sampled_from([b"authorization", b"x-cart-token", b"idempotency-key", b"x-request-id", b"traceparent", b"if-none-match", b"x-weight",
                         b"content-type", b"content-length", b"content-encoding", b"host", b"accept", b"cookie", b"x-forwarded-for"])  # fmt: skip
JSON_HEADER = [(b"content-type", b"application/json")]


@bounded
@given(body=bodies, path=st.sampled_from(["/api/v1/baskets", "/api/v1/sales", "/api/v1/refresh", "/api/v1/hook"]), patches=st.booleans())
def test_no_body_is_a_bug(wire: Wire, body: bytes, path: str, patches: bool) -> None:
    """Bytes, any JSON, and JSON that looks nearly right."""
    check(wire.send("PATCH" if patches else "POST", path.encode(), JSON_HEADER, body))


@bounded
@given(headers=st.lists(st.tuples(names, header_values), max_size=5), path=st.sampled_from(PATHS), method=st.sampled_from(["GET", "POST", "HEAD"]))
def test_no_header_is_a_bug(wire: Wire, headers: list[tuple[bytes, bytes]], path: str, method: str) -> None:
    """Any bytes in any header that is read here."""
    target = path.replace("{thing_id:uuid}", ID).replace("{sale_id:uuid}", ID).replace("{name:str}", "mug")
    answer = wire.send(method, target.encode(), headers, b"{}")
    if method != "HEAD":
        check(answer)
    assert answer[0] in KNOWN


escapes = st.sampled_from(["%00", "%ff", "%2F", "%2f", "%zz", "%", "%ED%A0%80", "%C3%A9", "//", "..", "?", "&", "=", "+", "limit", "q", "\u00e9"])
targets = st.lists(st.sampled_from(["api", "v1", "things", "names", "mug", ID, "/", "/", "/"]) | escapes | st.text(max_size=5), max_size=12)


@bounded
@given(parts=targets, prefix=st.sampled_from(["/", "/api/v1/names/", "/api/v1/things/", "/api/v1/things?", "/api/v1/wanted?colour="]))
def test_no_path_and_no_query_is_a_bug(wire: Wire, parts: list[str], prefix: str) -> None:
    """Pieces of real paths, escapes good and bad, any text."""
    check(wire.send("GET", (prefix + "".join(parts)).encode("utf-8", "surrogatepass"), [(b"host", b"shop.test")], b""))


@bounded
@given(method=st.text(min_size=1, max_size=10), path=st.sampled_from(PATHS))
def test_no_method_is_a_bug(wire: Wire, method: str, path: str) -> None:
    """Words that are no methods are refused as such."""
    check(wire.send(method, path.replace("{thing_id:uuid}", ID).replace("{sale_id:uuid}", ID).replace("{name:str}", "mug").encode(), [], b""))
