"""Requests exactly as they are written: a client of a library would put their paths in order first."""

import asyncio
from urllib.parse import urlsplit


async def ask(url: str, target: str, *headers: str) -> tuple[int, bytes]:
    """Send a GET for this target to the server at `url`; gives the status and all that follows the status line."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    try:
        lines = [f"GET {target} HTTP/1.1", "Host: shop.example", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        status, _, rest = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n")
        return int(status.split()[1]), rest
    finally:
        writer.close()
