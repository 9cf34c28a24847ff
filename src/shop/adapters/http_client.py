"""The one place that makes the HTTP client of a process."""

import httpx

CONNECT, WRITE = 0.25, 2.0
CONNECTIONS = 128


def http_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Give a client for calls between modules; it is shared and must be closed. Read limits are set call by call."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=20)
    timeout = httpx.Timeout(connect=CONNECT, read=None, write=WRITE, pool=CONNECT)
    return httpx.AsyncClient(transport=transport, limits=limits, timeout=timeout, trust_env=False, follow_redirects=False)
