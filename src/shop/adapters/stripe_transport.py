"""Carries the Stripe library's requests over httpx; the library's own carrier uses what httpx has deprecated, and waits 80 s."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe

TIMEOUT = httpx.Timeout(10.0, connect=2.0)
LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=60)


class StripeTransport(stripe.HTTPClient):
    """One pool of connections; proxies of the environment are used, but not for this machine."""

    name = "httpx"

    def __init__(self, api_base: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        """Nothing is opened before the first request."""
        super().__init__()
        self._http = httpx.AsyncClient(timeout=timeout, limits=LIMITS, trust_env=not _is_this_machine(api_base))

    async def request_async(self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request; a failure may be tried once more under its key."""
        try:
            answer = await self._http.request(method, url, headers=dict(headers), content=post_data)
        except httpx.HTTPError as error:
            failure: Any = stripe.APIConnectionError  # the library leaves it untyped
            raise failure(f"{type(error).__name__} from {urlsplit(url).netloc}", should_retry=True) from error
        return answer.content, answer.status_code, answer.headers

    def sleep_async(self, secs: float) -> Awaitable[None]:
        """Wait between two tries."""
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
