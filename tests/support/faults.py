"""A proxy between services, which breaks the calls that it is told to break, and counts all that come."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

from msgspec import Struct

AWAY, SLOWNESS = 0.3, 1.0  # seconds
NO = b'{"type": "/problems/unavailable", "title": "no", "status": 503, "code": "unavailable", "detail": "no"}'
NOT_NOW = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\ncontent-length: %d\r\n\r\n" % len(NO) + NO
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Mode(StrEnum):
    """How a call is broken."""

    REFUSED = "refused"
    SILENT = "silent"
    REQUEST_LOST = "request lost"
    RESPONSE_LOST = "response lost"
    CUT = "cut"
    SLOW = "slow"
    FAILING = "failing"


class Fault(Struct):
    """What happens to calls whose method and path begin with a match of `calls`; to the next `times` of them, or to all."""

    mode: Mode
    calls: re.Pattern[str]
    times: int | None = None


class Seen(Struct, frozen=True):
    """A call that came: `GET /path`, whether it was a second try, and how it was broken."""

    call: str
    again: bool
    broken: Mode | None


class Proxy:
    """Stands before one service on a loopback port."""

    def __init__(self, port: int, upstream: int) -> None:
        """Listen on `port`, once it is opened, and pass on to `upstream`."""
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[Seen] = []
        self._port, self._upstream = port, upstream
        self._faults: list[Fault] = []
        self._listener: socket.socket | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Proxy"]:
        """Listen for the length of the block."""
        self._listen()
        try:
            yield self
        finally:
            self._go_away()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def breaks(self, mode: Mode, calls: str = "", times: int | None = None) -> None:
        """Break calls from now on. A service that refuses all calls is gone at once; one that refuses some goes away as such a call comes."""
        self._faults.append(Fault(mode, re.compile(calls), times))
        if mode is Mode.REFUSED and not calls:
            self._go_away()

    async def heals(self) -> None:
        """Break nothing any more."""
        self._faults.clear()
        self._listen()

    def _listen(self) -> None:
        """Listen by ourselves: asyncio's server, closed while it takes a connection in, leaves that open and owned by nobody."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._listener.setblocking(False)
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _go_away(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for writer in self._open:
            writer.transport.abort()

    async def _is_away(self) -> None:
        await asyncio.sleep(AWAY)
        self._listen()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):  # who called has gone
            connection, _ = listener.accept()
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: connection.close())  # also where it was cancelled before it began

    async def _serve(self, connection: socket.socket) -> None:
        client = await asyncio.open_connection(sock=connection)
        self._open.add(client[1])
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    request = await _message(client[0])
                    mode = self._note(request)
                    if mode not in (None, Mode.RESPONSE_LOST, Mode.CUT, Mode.SLOW):
                        await self._keep_from(mode, client)
                        continue
                    await _answer(client[1], mode, await self._asked(request))
        finally:
            self._open.discard(client[1])
            client[1].transport.abort()

    async def _asked(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.transport.abort()

    def _note(self, request: bytes) -> Mode | None:
        call = " ".join(request.partition(b"\r\n")[0].decode().split()[:2])
        fault = next((fault for fault in self._faults if fault.times != 0 and fault.calls.match(call)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        mode = fault.mode if fault else None
        self.seen.append(Seen(call, b"\r\nx-internal-attempt: 2\r\n" in request.lower(), mode))
        return mode

    async def _keep_from(self, mode: Mode | None, client: Streams) -> None:
        """Break a call that must not reach the service."""
        if mode is Mode.FAILING:
            client[1].write(NOT_NOW)
            return
        if mode is Mode.SILENT:
            await client[0].read()  # until the caller gives up
        if mode is Mode.REFUSED:
            self._go_away()
            back = asyncio.create_task(self._is_away())
            self._tasks.add(back)
            back.add_done_callback(self._tasks.discard)
        raise ConnectionAbortedError


async def _answer(caller: asyncio.StreamWriter, mode: Mode | None, answer: bytes) -> None:
    if mode is Mode.RESPONSE_LOST:
        raise ConnectionAbortedError
    if mode is Mode.SLOW:
        await asyncio.sleep(SLOWNESS)
    caller.write(answer[: len(answer) - 3] if mode is Mode.CUT else answer)
    await caller.drain()
    if mode is Mode.CUT:
        caller.close()
        await caller.wait_closed()
        raise ConnectionAbortedError


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read one request or answer as it is, whose length its header tells."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"\r\ntransfer-encoding:" in head.lower():
        raise ValueError(f"its length is not told: {head!r}")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
    return head + await reader.readexactly(int(length[1]) if length else 0)
