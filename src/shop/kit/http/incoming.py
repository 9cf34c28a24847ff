"""The body of a request, also when it is refused before anybody has read it."""

import asyncio
from contextlib import suppress
from typing import Any

WORTH = 64 * 1024
PATIENCE = 1.0


class Incoming:
    """ASGI's `receive`, which knows whether the whole body has come.

    A server that has answered while a body was still on its way closes the connection without a word,
    and the client's next request on it is lost.
    """

    __slots__ = ("_length", "_receive", "_taken", "ended")

    def __init__(self, receive: Any, headers: dict[bytes, bytes]) -> None:
        """These are the headers of the request, with lower-case names."""
        self._receive = receive
        self._length = headers.get(b"content-length", b"0")
        self._taken = 0
        self.ended = b"transfer-encoding" not in headers and self._length == b"0"

    async def __call__(self) -> Any:
        """Give the next part."""
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self.ended = self.ended or not message.get("more_body", False)
        return message

    async def finish(self) -> bool:
        """Take what is left, and tell whether it came within a second; a body of more than 64 KiB is not worth it."""
        if not self._length.isdigit() or len(self._length) > 9 or int(self._length) > WORTH:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not self.ended and self._taken <= WORTH:
                    await self()
        return self.ended
