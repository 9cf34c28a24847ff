"""The body of a request, also when it is refused before anybody has read it."""

import asyncio
from typing import Any

LEFT_LIMIT = 64 * 1024
PATIENCE = 1.0


class Incoming:
    """ASGI's `receive`, which knows whether the whole body has come.

    A server that has answered while a body was still on its way closes the connection without a word,
    and the client's next request on it is lost.
    """

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Any, headers: dict[bytes, bytes]) -> None:
        """These are the headers of the request, with lower-case names."""
        self._receive = receive
        self.ended = b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0"

    async def __call__(self) -> Any:
        """Give the next part."""
        message = await self._receive()
        self.ended = self.ended or not message.get("more_body", False)
        return message

    async def finish(self) -> bool:
        """Take what is left, 64 KiB and one second at most, and tell whether that was all."""
        left = LEFT_LIMIT
        try:
            async with asyncio.timeout(PATIENCE):
                while not self.ended and left >= 0:
                    left -= len((await self()).get("body", b""))
        except TimeoutError:
            pass
        return self.ended
