"""What the edge has learned about the request that it is answering."""

from typing import Any

from dishka import AsyncContainer

from shop.kit.idempotency import IdempotencyKeys, Once
from shop.kit.identity import Caller

NOBODY = Caller()


class RequestScope:
    """A dishka request scope that opens when the first thing is asked of it; most reads of the catalogue never pay for one."""

    __slots__ = ("_container", "_manager", "_root")

    def __init__(self, root: AsyncContainer) -> None:
        """Open below this container."""
        self._root = root
        self._manager: Any = None
        self._container: Any = None

    async def get(self, dependency_type: Any, component: str | None = "") -> Any:
        """Give what the scope provides."""
        if self._container is None:
            self._manager = self._root()
            self._container = await self._manager.__aenter__()
        return await self._container.get(dependency_type, component)

    @property
    def opened(self) -> bool:
        """Tell whether anything was asked of it."""
        return self._manager is not None

    async def close(self) -> None:
        """Close what was opened."""
        await self._manager.__aexit__(None, None, None)


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
