"""The outermost layer: request ids, headers that every answer has, paths and queries that nobody should see."""

import random
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from dishka import AsyncContainer

from shop.kit import tracing
from shop.kit.http import context
from shop.kit.http.answers import body_of, headers_of, log
from shop.kit.http.exchange import Exchange, RequestScope, open_exchange
from shop.kit.http.incoming import Incoming
from shop.kit.http.openapi import PROBLEM_JSON
from shop.kit.problems import InternalError, Invalid, NotFound, Problem

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+|/")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
ON_EVERY_ANSWER = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY")]
UNLESS_SET = [(b"cache-control", b"no-store"), (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]


class Traffic:
    """How many requests are being answered; once it is draining, every answer closes its connection."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self.under_way = 0
        self.draining = False


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Any, traffic: Traffic, container: AsyncContainer) -> None:
        """Count what passes in `traffic`; handlers inject from a request scope of `container`."""
        self._app = app
        self._traffic = traffic
        self._container = container

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; whatever the inner application raises becomes a 500 problem, unless an answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _opened(scope)
        parent = exchange.headers.get(b"traceparent", b"")
        tokens = (
            context.request_id.set(exchange.request_id),
            context.traceparent.set(tracing.current() or (parent.decode() if TRACEPARENT.fullmatch(parent) else None)),
            context.exchange.set(exchange),
        )
        injected = scope["state"]["dishka_container"] = RequestScope(self._container)
        incoming = Incoming(receive, exchange.headers)
        closes = self._traffic.draining and scope.get("http_version", "1.1") < "2"
        sender = _Sender(send, exchange, incoming, closes=closes, bodyless=scope["method"] == "HEAD")
        self._traffic.under_way += 1
        try:
            await self._answer(scope, incoming, sender, exchange)
        finally:
            self._traffic.under_way -= 1
            if injected.opened:
                await injected.close()
            context.request_id.reset(tokens[0])
            context.traceparent.reset(tokens[1])
            context.exchange.reset(tokens[2])

    async def _answer(self, scope: Any, receive: Any, sender: "_Sender", exchange: Exchange) -> None:
        refused = malformed(scope)
        if refused is not None:
            await sender.refuse(refused)
            return
        if sender.bodyless:
            scope["method"] = "GET"
        try:
            await self._app(scope, receive, sender)
        except Exception:
            if sender.started:
                raise
            log.exception("%s failed", exchange.path)
            await sender.refuse(InternalError())


class _Sender:
    """Passes an answer on and adds what the edge owes to every one."""

    __slots__ = ("_closes", "_exchange", "_incoming", "_send", "bodyless", "started")

    def __init__(self, send: Any, exchange: Exchange, incoming: Incoming, *, closes: bool, bodyless: bool) -> None:
        self._send = send
        self._exchange = exchange
        self._incoming = incoming
        self._closes = closes
        self.bodyless = bodyless
        self.started = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if not self._incoming.ended and not await self._incoming.finish():
                self._closes = True
            message["headers"] = self._completed(message.get("headers", ()))
        elif self.bodyless:
            message = {**message, "body": b""}
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        body = body_of(problem, self._exchange)
        headers = [(name.encode(), value.encode()) for name, value in headers_of(problem, problem)]
        headers += [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body, "more_body": False})

    def _completed(self, given: Any) -> list[tuple[bytes, bytes]]:
        headers = [*given, (b"x-request-id", self._exchange.request_id.encode()), *ON_EVERY_ANSWER]
        names = {name for name, _ in given}
        if b"allow" in names:
            headers = [(name, with_head(value) if name == b"allow" else value) for name, value in headers]
        headers += [header for header in UNLESS_SET if header[0] not in names]
        if self._closes:
            headers.append((b"connection", b"close"))
        return headers


def _opened(scope: Any) -> Exchange:
    headers = dict(scope["headers"])
    sent = headers.get(b"x-request-id", b"")
    request_id = sent.decode() if SANE_ID.fullmatch(sent) else f"{random.getrandbits(128):032x}"
    path = scope.get("raw_path") or quote(scope["path"], safe="/:@!$&'()*+,;=~", errors="replace").encode()
    shown = path.decode() if PLAIN_PATH.fullmatch(path) else quote(path, safe="/:@!$&'()*+,;=~%")
    exchange = Exchange(headers, request_id, shown)
    open_exchange(scope, exchange)
    return exchange


def with_head(allowed: bytes) -> bytes:
    """Name the methods of a path; HEAD is there wherever GET is."""
    methods = {method.strip() for method in allowed.split(b",")}
    return b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))


def malformed(scope: Any) -> Problem | None:
    """Refuse paths that have a second spelling or cannot be text (404), and query parameters that cannot be text (400)."""
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    if not PLAIN_PATH.fullmatch(path) and not _is_text(path, plain=b"/"):
        return NotFound()
    query = scope["query_string"]
    if b"%" not in query and query.isascii():
        return None
    for pair in query.split(b"&"):
        name, _, _ = pair.partition(b"=")
        if not _is_text(pair):
            return Invalid.field(unquote_to_bytes(name).decode("utf-8", "replace").replace("\0", "\ufffd")[:100], "is not UTF-8 text")
    return None


def _is_text(escaped: bytes, plain: bytes = b"") -> bool:
    """Tell whether percent-encoded bytes are UTF-8 without NUL; with `plain`, whether no slash is escaped, doubled or trailing."""
    if BAD_ESCAPE.search(escaped) or b"%00" in escaped or b"\0" in escaped:
        return False
    if plain and (b"%2f" in escaped.lower() or b"//" in escaped or escaped.endswith(b"/")):
        return False
    try:
        unquote_to_bytes(escaped).decode()
    except UnicodeDecodeError:
        return False
    return True
