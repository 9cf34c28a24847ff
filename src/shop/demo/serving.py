"""Serve Litestar apps inside the running event loop, several of them in one process."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar

GRACE = 5.0
"""Seconds that requests in flight get to finish after a stop was asked for."""


class PortTaken(RuntimeError):
    """Somebody else already listens on the port."""


def refuse_taken_port(host: str, port: int) -> None:
    """Raise PortTaken if nobody could listen there; granian shares ports silently, so it is asked before."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port} cannot be listened on: {error.strerror}") from error


@asynccontextmanager
async def serving(app: Litestar, *, host: str = "127.0.0.1", port: int) -> AsyncGenerator[str]:
    """Serve an app for the length of the block and give its base URL, which answers by then; stop gracefully after."""
    async with _running(app, host, port):
        yield f"http://{host}:{port}"


async def serve(app: Litestar, *, host: str = "127.0.0.1", port: int, ready: asyncio.Event | None = None) -> None:
    """Serve an app until the task is cancelled; `ready` is set as soon as it answers. Raises if the server stops by itself."""
    async with _running(app, host, port) as running:
        if ready:
            ready.set()
        await asyncio.wait({running})
        raise RuntimeError(f"the server on {host}:{port} stopped") from running.exception()


@asynccontextmanager
async def _running(app: Litestar, host: str, port: int) -> AsyncGenerator[asyncio.Task[None]]:
    from granian.constants import HTTPModes, Interfaces  # imported late: who only reads settings needs no server
    from granian.server.embed import Server

    refuse_taken_port(host, port)
    server = Server(app, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, websockets=False, log_enabled=False)
    running: asyncio.Task[None] = asyncio.create_task(server.serve())
    try:
        await _listening(host, port, running)
        yield running
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait({running}, timeout=GRACE)
        running.cancel()


async def _listening(host: str, port: int, running: asyncio.Task[None]) -> None:
    while not running.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        writer.close()
        return
    running.result()
    raise RuntimeError(f"the server on {host}:{port} stopped before it answered")
