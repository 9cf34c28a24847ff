"""The SMTP server of the mailbox: accepts everything from everybody on this machine, but for the faults that recipients ask for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from shop.demo.mailbox.faults import FirstTimes
from shop.demo.mailbox.folder import MailFolder
from shop.demo.serving import refuse_taken_port

_HOSTNAME = "mailbox.localhost"
_MOST_BYTES = 10 * 1024 * 1024


class Receiver:
    """Decides about recipients and keeps what arrives."""

    def __init__(self, folder: MailFolder, faults: FirstTimes) -> None:
        """Receive into this folder."""
        self._folder = folder
        self._faults = faults

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802  aiosmtpd's name
        """Accept a recipient, or refuse it as it asks for."""
        fault = self._faults.strikes(address, "bounce", "greylist")
        if fault:
            return f"{fault.number} {_enhanced(fault.number)} {address} is refused, as its name asks for"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        """Keep a mail, then answer as its recipients ask for."""
        recipients = [str(address) for address in envelope.rcpt_tos]
        for address in recipients:
            refused = self._faults.strikes(address, "refuse-data")
            if refused:
                return f"{refused.number} {_enhanced(refused.number)} this content is refused, as {address} asks for"
        await asyncio.to_thread(self._folder.keep, _trace(session, envelope) + (envelope.original_content or b""))
        self._folder.arrived.set()
        for address in recipients:
            await self._finish(server, address)
        return "250 2.0.0 kept"

    async def _finish(self, server: SMTP, address: str) -> None:
        slow = self._faults.strikes(address, "slow")
        if slow:
            await asyncio.sleep(slow.number)
        if self._faults.strikes(address, "drop-after-accept"):
            await break_off(server)


class FaultySMTP(SMTP):
    """An SMTP session that can break off in the middle of a mail."""

    def __init__(self, receiver: Receiver, faults: FirstTimes, sessions: "set[FaultySMTP]") -> None:
        """Begin a session that its server can end."""
        super().__init__(
            receiver,
            data_size_limit=_MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname=_HOSTNAME,
            ident="Shop mailbox",
            loop=asyncio.get_running_loop(),
        )
        self._faults = faults
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the session, so that it ends with the server."""
        super().connection_made(transport)
        self._sessions.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the session."""
        self._sessions.discard(self)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Take the content of a mail, or break off after its first line."""
        recipients = [str(address) for address in self.envelope.rcpt_tos] if self.envelope else []
        if any(self._faults.strikes(address, "drop-mid-data") for address in recipients):
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.readline()
            await break_off(self)
        await super().smtp_DATA(arg)


async def break_off(server: SMTP) -> None:
    """Cut the connection without a word; aiosmtpd then cancels this session's task."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    await asyncio.Event().wait()


@asynccontextmanager
async def receiving(folder: MailFolder, *, host: str = "127.0.0.1", port: int) -> AsyncGenerator[None]:
    """Receive mail into a folder for the length of the block."""
    refuse_taken_port(host, port)
    faults, sessions = FirstTimes(), set[FaultySMTP]()
    receiver = Receiver(folder, faults)
    server = await asyncio.get_running_loop().create_server(lambda: FaultySMTP(receiver, faults, sessions), host, port)
    try:
        yield
    finally:
        server.close()
        for session in list(sessions):
            if session.transport:
                session.transport.close()
        await server.wait_closed()


def _trace(session: Session, envelope: Envelope) -> bytes:
    peer: Any = session.peer
    lines = [f"Return-Path: <{envelope.mail_from or ''}>", *(f"X-Original-To: {address}" for address in envelope.rcpt_tos)]
    lines.append(f"Received: from {session.host_name} ([{peer[0]}]) by {_HOSTNAME} with ESMTP; {formatdate()}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _enhanced(status: int) -> str:
    return "4.7.1" if status < 500 else "5.1.1"
