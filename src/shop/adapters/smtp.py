"""Hands mails to an SMTP server over kept connections."""

import asyncio
import logging
import time
from email.headerregistry import Address

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from shop.adapters.mime import Envelope, address, envelope
from shop.adapters.smtp_results import Stage, answer, gone, outcome, shown
from shop.kit.letters import mailbox
from shop.kit.transactions import assert_no_transaction
from shop.ports.mail import Delivery, Mail, Message, Outcome
from shop.settings import Smtp

CONNECT_SECONDS = 15.0
COMMAND_SECONDS = 60.0
CONTENT_SECONDS = 600.0
IDLE_SECONDS = 30.0
MAILS_PER_CONNECTION = 100
NO_SENDER = "SHOP_SMTP_SENDER is no address such as Shop <orders@example.com>"
log = logging.getLogger("shop.smtp")


class SmtpMail(Mail):
    """The mail server of the settings, over two connections, so that what goes to many never holds up what somebody waits for.

    `aclose` ends the connections.
    """

    def __init__(self, settings: Smtp) -> None:
        """Nothing is opened before the first mail."""
        self._settings = settings
        self._sender = _sender(settings)
        self._single, self._bulk = (Connection(settings, self._sender) for _ in range(2))

    async def send(self, *, message: Message) -> Delivery:
        """See Mail."""
        assert_no_transaction("Mail.send")
        if self._sender is None:
            return Delivery(Outcome.CONFIGURATION, NO_SENDER)
        try:
            mail = envelope(message, self._sender)
        except ValueError:
            return Delivery(Outcome.PERMANENT, "no mail can be written to this address")
        delivery = await (self._bulk if message.bulk else self._single).deliver(mail)
        log.debug("delivery %s: %s", delivery.outcome, delivery.answer)
        return delivery

    async def check(self) -> list[str]:
        """See Mail; the sender is shown to the server too, but no mail is sent."""
        assert_no_transaction("Mail.check")
        where = f"{self._settings.host}:{self._settings.port}"
        if self._sender is None:
            return [f"{NO_SENDER}."]
        stage = Stage.CONNECT
        try:
            line = await opened(self._settings, self._sender)
            try:
                stage = Stage.SENDER
                await line.mail(self._sender.addr_spec)
            finally:
                await _quit(line)
        except (SMTPException, OSError) as error:
            what = "refuses the sender" if stage is Stage.SENDER else "cannot be used"
            return [f"The mail server {where} {what}: {answer(error)}."]
        return []

    async def aclose(self) -> None:
        """Take leave of the server."""
        for connection in (self._single, self._bulk):
            await connection.aclose()


class Connection:
    """A kept connection to the mail server; deliveries go one after the other."""

    def __init__(self, settings: Smtp, sender: Address | None) -> None:
        """Nothing is opened before the first delivery."""
        self._settings = settings
        self._sender = sender
        self._turn = asyncio.Lock()
        self._line: SMTP | None = None
        self._mails = 0
        self._used_at = 0.0
        self._idle: asyncio.Task[None] | None = None

    async def deliver(self, mail: Envelope) -> Delivery:
        """Hand one mail over."""
        async with self._turn:
            delivery = await self._deliver(mail)
            self._used_at = time.monotonic()
            self._close_when_idle()
        return delivery

    async def aclose(self) -> None:
        """Take leave of the server."""
        if self._idle:
            self._idle.cancel()
        async with self._turn:
            await self._leave()

    async def _deliver(self, mail: Envelope) -> Delivery:
        stage = Stage.CONNECT
        try:
            line = await self._connected()
            if mail.international and not line.supports_extension("smtputf8"):
                return Delivery(Outcome.PERMANENT, "the mail server takes no international addresses")
            stage = Stage.SENDER
            options, encoding = (["SMTPUTF8"], "utf-8") if mail.international else ([], "ascii")
            await line.mail(mail.sender, options=options, encoding=encoding, timeout=COMMAND_SECONDS)
            stage = Stage.RECIPIENT
            await line.rcpt(mail.recipient, encoding=encoding, timeout=COMMAND_SECONDS)
            stage = Stage.CONTENT
            response = await line.data(mail.content, timeout=CONTENT_SECONDS)
            return Delivery(Outcome.ACCEPTED, shown(response.code, response.message, mail.recipient))
        except (SMTPException, OSError) as error:
            self._drop_unless_answered(error)
            return Delivery(outcome(stage, error), answer(error, mail.recipient), gone=gone(stage, error))
        except ValueError:
            self._drop()
            return Delivery(Outcome.PERMANENT, "no command can be written to this address", gone=True)
        except BaseException:
            self._drop()
            raise

    async def _connected(self) -> SMTP:
        if self._line and (self._mails >= MAILS_PER_CONNECTION or not await _alive(self._line)):
            await self._leave()
        if self._line is None:
            self._line, self._mails = await opened(self._settings, self._sender), 0
        self._mails += 1
        return self._line

    def _close_when_idle(self) -> None:
        if self._line and (self._idle is None or self._idle.done()):
            self._idle = asyncio.create_task(self._close_idle())

    async def _close_idle(self) -> None:
        while True:
            async with self._turn:
                rest = self._used_at + IDLE_SECONDS - time.monotonic()
                if rest <= 0 or self._line is None:
                    await self._leave()
                    return
            await asyncio.sleep(rest)

    async def _leave(self) -> None:
        line, self._line = self._line, None
        if line:
            await _quit(line)

    def _drop_unless_answered(self, error: Exception) -> None:
        answered = isinstance(error, SMTPResponseException) and 400 <= error.code < 600
        if not answered:
            self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line:
            line.close()


async def opened(settings: Smtp, sender: Address | None) -> SMTP:
    """Connect, in private where the settings say so, and log in."""
    line = SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.tls == "tls",
        start_tls=settings.tls == "starttls",
        username=settings.username or None,
        password=settings.password.reveal() if settings.password else None,
        local_hostname=sender.domain if sender else "localhost",
        timeout=CONNECT_SECONDS,
    )
    await line.connect()
    if not line.last_helo_response:
        try:
            await line.ehlo()
        except SMTPHeloError:
            await line.helo()
    return line


def adapter(settings: Smtp) -> SmtpMail:
    """Give the mail port of this server; close it at shutdown."""
    return SmtpMail(settings)


def _sender(settings: Smtp) -> Address | None:
    name, sender = mailbox(settings.sender)
    try:
        return address(sender, name)
    except ValueError:
        return None


async def _alive(line: SMTP) -> bool:
    try:
        await line.rset(timeout=CONNECT_SECONDS)
    except (SMTPException, OSError):
        return False
    return True


async def _quit(line: SMTP) -> None:
    try:
        await line.quit(timeout=1.0)
    except (SMTPException, OSError):
        line.close()
