"""An SMTP server that says what a test tells it to."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.support.wire import listening

BREAK = ""
"""Instead of a reply: the connection breaks."""
STALL = "..."
"""Instead of a reply: nothing, until the client gives up; `stalled` is set."""
REPLIES = {
    "GREETING": "220 mail.example.com ready",
    "EHLO": "250-mail.example.com\r\n250-SMTPUTF8\r\n250 AUTH PLAIN",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "CONTENT": "250 2.0.0 queued",
    "AUTH": "235 2.7.0 welcome",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


class ScriptedSmtp:
    """Replies by `replies`; keeps the commands and the contents, and counts the connections; `left` is set when one ends."""

    def __init__(self, replies: dict[str, str]) -> None:
        """Say the usual where nothing else is told."""
        self.replies = REPLIES | replies
        self.port = 0
        self.connections = 0
        self.left = asyncio.Event()
        self.stalled = asyncio.Event()
        self.commands: list[str] = []
        self.contents: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one session."""
        self.connections += 1
        self.left.clear()
        try:
            await self._session(reader, writer)
        finally:
            self.left.set()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._say(writer, "GREETING"):
            return
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            if not await self._say(writer, verb) or verb == "QUIT":
                return
            if verb == "DATA" and self.replies["DATA"].startswith("354"):
                self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._say(writer, "CONTENT"):
                    return

    async def _say(self, writer: asyncio.StreamWriter, step: str) -> bool:
        reply = self.replies.get(step, "502 5.5.1 what")
        if reply == STALL:
            self.stalled.set()
            return True
        if reply == BREAK:
            writer.transport.abort()
            return False
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        return not reply.startswith("421")


@asynccontextmanager
async def scripted(**replies: str) -> AsyncGenerator[ScriptedSmtp]:
    """Run such a server for the length of the block."""
    server = ScriptedSmtp(replies)
    async with listening(server.handle) as port:
        server.port = port
        yield server
