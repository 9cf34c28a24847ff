"""Idempotency keys at the edge: the first answer is kept and given again.

`begin` runs before the handler, inside of everything that may refuse the request; `KeepAnswers` stands around both and sees how it ended.
"""

import asyncio
import hashlib
import re
from typing import Any

import msgspec
from litestar import Response
from msgspec import Raw, Struct

from shop.kit.http.answers import log
from shop.kit.http.exchange import Exchange, exchange_of
from shop.kit.idempotency import Answer, IdempotencyKeys
from shop.kit.identity import Caller
from shop.kit.problems import Invalid, Problem

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = (b"content-type", b"location", b"etag")
LONGEST_SCOPE = 400
BLANK = b'""'


class Kept(Struct, frozen=True, array_like=True):
    """How an answer is kept: its headers, and its body without secrets."""

    headers: dict[str, str]
    body: bytes


async def begin(request: Any) -> Response[bytes] | None:
    """Give the kept answer, or note the right to work on it (a `before_request` hook)."""
    exchange = exchange_of(request.scope)
    opt = request.route_handler.opt
    key = exchange.header(b"idempotency-key")
    if key is None:
        if opt["idempotency"] == "required":
            raise Invalid.field(HEADER, "is missing")
        await request.json()
        return None
    if not KEY.fullmatch(key):
        raise Invalid.field(HEADER, "must be 1 to 255 visible ASCII characters")
    fingerprint = await request.fingerprint()
    keys = await request.app.state.dishka_container.get(IdempotencyKeys, component=opt["module"])
    begun = await keys.begin(scope_of(request.scope["method"], request.scope["path"], exchange.caller), key, fingerprint)
    if isinstance(begun, Answer):
        return await _again(request, begun)
    exchange.keys, exchange.once = keys, begun
    return None


def scope_of(method: str, path: str, caller: Caller) -> str:
    """Name what a key is unique in: the concrete route and the caller."""
    scope = f"{method} {path} {caller.scope}"
    return scope if len(scope) <= LONGEST_SCOPE else hashlib.sha256(scope.encode()).hexdigest()


async def _again(request: Any, answer: Answer) -> Response[bytes]:
    kept = msgspec.msgpack.decode(answer.body, type=Kept)
    opt = request.route_handler.opt
    body = kept.body
    if opt.get("secrets") and body and 200 <= answer.status < 300:
        members = msgspec.json.decode(body, type=dict[str, Raw])
        derived = await opt["derive"](request.scope["state"]["dishka_container"], answer.subject, msgspec.json.decode(body))
        again = {name: Raw(msgspec.json.encode(value)) for name, value in derived.items() if bytes(members.get(name, b"")) == BLANK}
        body = msgspec.json.encode(members | again)
    headers = {name: value for name, value in kept.headers.items() if name != "content-type"} | {"idempotent-replayed": "true"}
    return Response(body, status_code=answer.status, headers=headers, media_type=kept.headers.get("content-type"))


class KeepAnswers:
    """ASGI middleware of a route with `idempotency`: keeps 2xx and 409, lets go of everything else, of failures and of broken connections."""

    def __init__(self, app: Any) -> None:
        """Stand around a route."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hold the answer back until it is kept."""
        exchange = exchange_of(scope)
        if b"idempotency-key" not in exchange.headers:
            await self._app(scope, receive, send)
            return
        held: list[Any] = []

        async def hold(message: Any) -> None:
            held.append(message)

        try:
            await self._app(scope, receive, hold)
        except BaseException:
            await _let_go(exchange)
            raise
        await asyncio.shield(_settle(exchange, held, scope["route_handler"].opt.get("secrets", ())))
        for message in held:
            await send(message)


async def _settle(exchange: Exchange, held: list[Any], secrets: tuple[str, ...]) -> None:
    if exchange.once is None or exchange.keys is None or not held:
        return
    status = held[0]["status"]
    if status != 409 and not 200 <= status < 300:
        await _let_go(exchange)
        return
    headers = {name.decode(): value.decode("latin-1") for name, value in held[0]["headers"] if name in KEPT_HEADERS}
    body = b"".join(message.get("body", b"") for message in held[1:])
    kept = Kept(headers, without(body, secrets) if status != 409 else body)
    try:
        await exchange.keys.keep(exchange.once, status, msgspec.msgpack.encode(kept))
    except Problem as problem:
        log.warning("an answer could not be kept: %s", problem.detail)


async def _let_go(exchange: Exchange) -> None:
    if exchange.once is None or exchange.keys is None:
        return
    try:
        await asyncio.shield(exchange.keys.let_go(exchange.once))
    except Problem as problem:
        log.warning("an idempotency key could not be let go: %s", problem.detail)


def without(body: bytes, secrets: tuple[str, ...]) -> bytes:
    """Blank the top-level members of these names unless they are null; their places stay, so that a replay has the same order."""
    if not secrets or not body:
        return body
    members = msgspec.json.decode(body, type=dict[str, Raw])
    return msgspec.json.encode({name: Raw(BLANK) if name in secrets and bytes(value) != b"null" else value for name, value in members.items()})
