"""What the edge has learned about the request that it is answering."""

from typing import Any

from shop.kit.idempotency import IdempotencyKeys, Once
from shop.kit.identity import Caller

NOBODY = Caller()


class Exchange:
    """One request on its way through the edge; filled in step by step, kept in the ASGI scope."""

    __slots__ = ("caller", "headers", "keys", "once", "path", "request_id")

    def __init__(self, headers: dict[bytes, bytes], request_id: str, path: str) -> None:
        """Begin with what the request line and the headers say; `path` is as it was sent, percent-encoded."""
        self.headers = headers
        self.request_id = request_id
        self.path = path
        self.caller = NOBODY
        self.once: Once | None = None
        self.keys: IdempotencyKeys | None = None

    def header(self, name: bytes) -> str | None:
        """Give a header by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def exchange_of(scope: Any) -> Exchange:
    """Find the exchange of an ASGI scope."""
    exchange: Exchange = scope["shop.exchange"]
    return exchange


def open_exchange(scope: Any, exchange: Exchange) -> None:
    """Attach an exchange to an ASGI scope."""
    scope["shop.exchange"] = exchange
