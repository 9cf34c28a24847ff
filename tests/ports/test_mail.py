"""What every mail server promises: the fake, through JSON, and SMTP against the mailbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
from tests.fakes.mail import FakeMail
from tests.ports.adapters import LOCAL, adapted
from tests.support.loopback import free_port

from shop.adapters import smtp
from shop.demo.mailbox.folder import MailFolder
from shop.demo.mailbox.smtp import receiving
from shop.kit.transactions import TransactionOpen, open_transaction
from shop.ports.mail import Mail, Message, Outcome
from shop.settings import Smtp

Received = tuple[str, str, str, str]  # Message-ID, subject, text, HTML
FAULTS = {
    "bounce-550@example.com": Outcome.PERMANENT,
    "refuse-data-554@example.com": Outcome.PERMANENT,
    "bounce-452@example.com": Outcome.TRANSIENT,
    "refuse-data-451@example.com": Outcome.TRANSIENT,
    "drop-mid-data@example.com": Outcome.UNKNOWN,
}


class Case:
    """A mail server and how to look into a mailbox of it."""

    def __init__(self, mail: Mail, arrived: Callable[[str], list[Received]]) -> None:
        """Hold both."""
        self.mail = mail
        self.arrived = arrived


@pytest.fixture(params=[*LOCAL, "smtp"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    """Give a mail server of each kind in turn."""
    async with AsyncExitStack() as stack:
        if request.param == "smtp":
            folder, port = MailFolder(tmp_path), free_port()
            await stack.enter_async_context(receiving(folder, port=port))
            mail = smtp.adapter(Smtp("127.0.0.1", port, "Shop <shop@example.com>", tls="none"))
            stack.push_async_callback(mail.aclose)
            yield Case(mail, lambda recipient: [received for to, received in map(read, raw(folder)) if to == recipient])
            return
        fake = FakeMail()
        fake.refused = dict(FAULTS)

        @asynccontextmanager
        async def scope() -> AsyncIterator[Mail]:
            yield fake

        def arrived(recipient: str) -> list[Received]:
            return [(mail.message_id, mail.subject, mail.text, mail.html) for mail in fake.to(recipient)]

        async with adapted(request.param, Mail, fake, scope) as local:
            yield Case(local, arrived)


def raw(folder: MailFolder) -> list[bytes]:
    """Give the mails of a mailbox, oldest first."""
    return [folder.raw(id) or b"" for id in reversed(folder.ids())]


def read(content: bytes) -> tuple[str, Received]:
    """Read a mail as a mail program does."""
    mail = message_from_bytes(content, EmailMessage, policy=policy.default)
    parts = [part.get_content().replace("\r\n", "\n") if part else "" for part in (mail.get_body(("plain",)), mail.get_body(("html",)))]
    return str(mail["X-Original-To"]), (str(mail["Message-ID"]).strip("<>"), str(mail["Subject"]), parts[0], parts[1])


def message(recipient: str = "ana@example.com") -> Message:
    """Write a mail."""
    text, html = "Hello,\nAna.\n", "<p>Hello, <b>Ana</b>.</p>\n"
    return Message(f"{uuid4()}@example.com", recipient, "Your order A-1001: mañana ✓", text, html, {"X-Kind": "test"})


async def test_a_mail_arrives_as_it_was_written(case: Case) -> None:
    """Subject, text and HTML are the same at the other end, and so is the Message-ID."""
    sent = message()
    delivery = await case.mail.send(message=sent)
    assert delivery.outcome is Outcome.ACCEPTED
    assert case.arrived("ana@example.com") == [(sent.message_id, sent.subject, sent.text, sent.html)]


@pytest.mark.parametrize(("recipient", "outcome"), FAULTS.items())
async def test_every_failure_has_its_outcome(case: Case, recipient: str, outcome: Outcome) -> None:
    """For good, for now, or unknown; nothing arrives, nothing is raised, and nobody is named."""
    delivery = await case.mail.send(message=message(recipient))
    assert delivery.outcome is outcome
    assert recipient.partition("@")[0] not in delivery.answer
    assert case.arrived(recipient) == []


async def test_one_failure_does_not_spoil_the_next_mail(case: Case) -> None:
    """Whatever happened on the connection before, the next mail arrives."""
    for recipient in FAULTS:
        await case.mail.send(message=message(recipient))
        assert (await case.mail.send(message=message("ana@example.com"))).outcome is Outcome.ACCEPTED
    assert len(case.arrived("ana@example.com")) == len(FAULTS)


async def test_a_healthy_server_has_nothing_wrong(case: Case) -> None:
    """The doctor has nothing to say, and no mail is sent to find out."""
    assert await case.mail.check() == []
    assert case.arrived("ana@example.com") == []


async def test_no_mail_is_sent_inside_a_transaction(case: Case) -> None:
    """A transaction never waits for a mail server."""
    token = open_transaction.set("sales")
    try:
        with pytest.raises(TransactionOpen):
            await case.mail.send(message=message())
        with pytest.raises(TransactionOpen):
            await case.mail.check()
    finally:
        open_transaction.reset(token)
