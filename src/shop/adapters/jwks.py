"""The public keys of access tokens, for processes that do not sign: fetched from users, kept when users is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from shop.adapters.balancer import Balancer
from shop.kit.problems import Unavailable
from shop.kit.tokens import ALGORITHM

PATH = "/.well-known/jwks.json"
NOT_BEFORE = 3.0  # seconds between two attempts to fetch
STALE_AFTER = 300.0  # then a key that was withdrawn is forgotten
TIMEOUT = httpx.Timeout(connect=0.5, read=1.0, write=1.0, pool=1.0)
LARGEST = 64 * 1024
Fetch = Callable[[], Awaitable[bytes]]
Keys = dict[str, ec.EllipticCurvePublicKey]
log = logging.getLogger("shop.tokens")


class RemoteKeys:
    """Keys by name. An unknown name fetches again, every few seconds at most; known keys work on without users."""

    def __init__(self, fetch: Fetch, now: Callable[[], float] = time.monotonic) -> None:
        """`fetch` gives the JSON Web Key Set and raises Unavailable."""
        self._fetch = fetch
        self._now = now
        self._keys: Keys = {}
        self._tried_at: float | None = None
        self._fetched_at: float | None = None
        self._turn = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Give the key of this name; raises Unavailable when it cannot be known."""
        known = self._keys.get(kid)
        if known is None:
            await self._renew()
            known = self._keys.get(kid)
        elif self._is_stale and self._may_try and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._renew())
        if known is None and self._fetched_at != self._tried_at:
            raise Unavailable("the keys of access tokens cannot be had")
        return known

    @property
    def _is_stale(self) -> bool:
        return self._fetched_at is not None and self._now() - self._fetched_at > STALE_AFTER

    @property
    def _may_try(self) -> bool:
        return self._tried_at is None or self._now() - self._tried_at > NOT_BEFORE

    async def _renew(self) -> None:
        async with self._turn:
            if not self._may_try:
                return
            self._tried_at = self._now()
            try:
                self._keys = _read(await self._fetch())
                self._fetched_at = self._tried_at
            except (Unavailable, jwt.PyJWTError, msgspec.MsgspecError, ValueError, KeyError) as error:
                log.warning("the keys of access tokens cannot be fetched, known ones stay: %s", error)


def from_url(url: str, client: httpx.AsyncClient) -> Fetch:
    """Fetch from one address."""
    return lambda: _get(client, url)


def from_users(balancer: Balancer, client: httpx.AsyncClient) -> Fetch:
    """Fetch from an instance of users, or from another one when the first does not answer."""

    async def fetch() -> bytes:
        first = balancer.choose()
        try:
            return await _get(client, first.url + PATH)
        except Unavailable:
            balancer.rest(first)
            second = balancer.choose([first])
            if second == first:
                raise
            return await _get(client, second.url + PATH)

    return fetch


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    try:
        answer = await client.get(url, timeout=TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unavailable(f"users did not answer: {type(error).__name__}") from error
    if answer.status_code != 200 or len(answer.content) > LARGEST:
        raise Unavailable(f"users answered {answer.status_code}")
    return answer.content


def _read(document: bytes) -> Keys:
    given = msgspec.json.decode(document, type=dict[str, list[dict[str, Any]]])["keys"]
    found = {entry["kid"]: jwt.PyJWK(entry, ALGORITHM).key for entry in given if entry.get("kty") == "EC" and entry.get("crv") == "P-256"}
    return {kid: key for kid, key in found.items() if isinstance(key, ec.EllipticCurvePublicKey)}
