"""The request as handlers get it: its body is checked before anything else sees it."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Request

from shop.kit.http import strict_json
from shop.kit.http.exchange import exchange_of
from shop.kit.problems import Invalid, TooLarge, UnsupportedMediaType
from shop.kit.values import Body

BODY_LIMIT = 64 * 1024
JSON = b"application/json"


class Nothing(Body, frozen=True):
    """The body of a route that takes none: absent, or without members."""


class ClientGone(Invalid):
    """The connection ended before the request was complete."""


class StrictRequest(Request[Any, Any, Any]):
    """A request whose `json()` gives what the handler's `data` is annotated with; raises Invalid, TooLarge, UnsupportedMediaType.

    A route with `raw=True` reads `body()` itself, of any content type.
    """

    __slots__ = ("_bytes", "_tree", "_value")
    _bytes: bytes
    _tree: Any
    _value: Any

    async def body(self) -> bytes:
        """Give the body; a POST without one means `{}`."""
        try:
            return self._bytes
        except AttributeError:
            self._bytes = await self._checked()
        return self._bytes

    async def json(self) -> Any:
        """Give the body as what the handler's `data` is annotated with."""
        try:
            return self._value
        except AttributeError:
            field = self.route_handler.parsed_data_field
            self._value, self._tree = strict_json.decode(await self.body(), Nothing if field is None else field.annotation)
        return self._value

    async def fingerprint(self) -> str:
        """Give a digest of the body that does not depend on how its JSON was written."""
        await self.json()
        return hashlib.sha256(msgspec.json.encode(self._tree, order="sorted")).hexdigest()

    async def _checked(self) -> bytes:
        opt = self.route_handler.opt
        body = await self._read(opt.get("body_limit", BODY_LIMIT))
        if opt.get("raw"):
            return body
        if body:
            self._check_type()
        elif self.scope["method"] in ("POST", "DELETE"):
            return b"{}"
        else:
            raise Invalid.field(strict_json.WHOLE, "is missing")
        return body

    async def _read(self, limit: int) -> bytes:
        self._check_length(limit)
        parts = [part async for part in self._parts(limit)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def parts(self) -> AsyncGenerator[bytes]:
        """Give the body of a raw route as it comes, for what is too large to be kept; raises TooLarge, ClientGone."""
        limit = self.route_handler.opt["body_limit"]
        self._check_length(limit)
        async for part in self._parts(limit):
            yield part

    async def _parts(self, limit: int) -> AsyncGenerator[bytes]:
        size, more = 0, True
        while more:
            message: Any = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise TooLarge(f"The body may have {limit} bytes.")
            yield part
            more = message.get("more_body", False)

    def _check_length(self, limit: int) -> None:
        length = exchange_of(self.scope).headers.get(b"content-length", b"0")
        if not length.isdigit():
            raise Invalid.field("Content-Length", "is not a number")
        if len(length) > 18 or int(length) > limit:
            raise TooLarge(f"The body may have {limit} bytes.")

    def _check_type(self) -> None:
        headers = exchange_of(self.scope).headers
        given = headers.get(b"content-type", b"")
        if given != JSON:
            kind, _, parameters = given.lower().partition(b";")
            charset = parameters.replace(b" ", b"").replace(b'"', b"").partition(b"charset=")[2].partition(b";")[0]
            if kind.strip() != JSON or charset not in (b"", b"utf-8"):
                raise UnsupportedMediaType
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaType


async def check_no_body(request: Any) -> None:
    """Refuse members in the body of a route that takes none (a `before_request` hook)."""
    await request.json()
