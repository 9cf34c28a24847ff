"""What the SMTP adapter makes of every answer that a mail server can give, and how it keeps its connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from msgspec.structs import replace
from tests.support.certificates import certified
from tests.support.loopback import free_port
from tests.support.smtp_server import BREAK, STALL, ScriptedSmtp, scripted

from shop.adapters import smtp
from shop.kit.secret import Secret
from shop.ports.mail import Delivery, Message, Outcome
from shop.settings import Smtp

MESSAGE = Message("1@example.com", "ana@example.com", "Hello", "text\n", "<p>html</p>\n")


def settings(server: ScriptedSmtp, **more: Any) -> Smtp:
    """Give the settings of a server."""
    return replace(Smtp("127.0.0.1", server.port, "Shop <shop@example.com>", tls="none"), **more)


@asynccontextmanager
async def speaking(given: Smtp) -> AsyncIterator[smtp.SmtpMail]:
    """Give an adapter for the length of the block."""
    mail = smtp.adapter(given)
    try:
        yield mail
    finally:
        await mail.aclose()


async def delivery(message: Message, given: dict[str, Any], **replies: str) -> Delivery:
    """Send one mail to a server that replies like this."""
    async with scripted(**replies) as server, speaking(settings(server, **given)) as mail:
        return await mail.send(message=message)


LOGIN = {"username": "shop", "password": Secret("wrong")}
CASES: list[tuple[Outcome, dict[str, str], dict[str, Any]]] = [
    (Outcome.ACCEPTED, {}, {}),
    (Outcome.ACCEPTED, {"RCPT": "251 will forward"}, {}),
    (Outcome.ACCEPTED, {"EHLO": "502 what", "HELO": "250 hi"}, {}),
    # nothing was handed over, and it may be better later
    (Outcome.TRANSIENT, {"GREETING": "421 too busy"}, {}),
    (Outcome.TRANSIENT, {"GREETING": BREAK}, {}),
    (Outcome.TRANSIENT, {"GREETING": "nonsense"}, {}),
    (Outcome.TRANSIENT, {"EHLO": BREAK}, {}),
    (Outcome.TRANSIENT, {"EHLO": "421 going down"}, {}),
    (Outcome.TRANSIENT, {"AUTH": "454 4.7.0 not now"}, LOGIN),
    (Outcome.TRANSIENT, {"MAIL": "451 4.3.0 not now"}, {}),
    (Outcome.TRANSIENT, {"MAIL": BREAK}, {}),
    (Outcome.TRANSIENT, {"RCPT": "450 4.2.0 greylisted"}, {}),
    (Outcome.TRANSIENT, {"RCPT": "452 4.2.2 mailbox full"}, {}),
    (Outcome.TRANSIENT, {"RCPT": BREAK}, {}),
    (Outcome.TRANSIENT, {"RCPT": "299 what"}, {}),
    (Outcome.TRANSIENT, {"DATA": "451 4.3.0 not now"}, {}),
    (Outcome.TRANSIENT, {"CONTENT": "451 4.3.0 not now"}, {}),
    (Outcome.TRANSIENT, {"CONTENT": "421 4.3.2 going down"}, {}),
    # this mail to this person will never be taken
    (Outcome.PERMANENT, {"RCPT": "550 5.1.1 no such user"}, {}),
    (Outcome.PERMANENT, {"RCPT": "553 5.1.3 bad address"}, {}),
    (Outcome.PERMANENT, {"DATA": "554 5.5.1 no valid recipients"}, {}),
    (Outcome.PERMANENT, {"CONTENT": "554 5.6.0 spam"}, {}),
    (Outcome.PERMANENT, {"CONTENT": "552 5.3.4 too large"}, {}),
    # the shop's own settings are wrong: no mail at all will be taken
    (Outcome.CONFIGURATION, {"GREETING": "554 5.7.1 your address is blocked"}, {}),
    (Outcome.CONFIGURATION, {"EHLO": "550 who are you", "HELO": "550 who are you"}, {}),
    (Outcome.CONFIGURATION, {"AUTH": "535 5.7.8 wrong password"}, LOGIN),
    (Outcome.CONFIGURATION, {"EHLO": "250 no AUTH here"}, LOGIN),
    (Outcome.CONFIGURATION, {}, {"tls": "starttls"}),
    (Outcome.CONFIGURATION, {"EHLO": "250 STARTTLS", "STARTTLS": "501 5.5.4 no"}, {"tls": "starttls"}),
    (Outcome.CONFIGURATION, {}, {"tls": "tls"}),
    (Outcome.CONFIGURATION, {"MAIL": "550 5.7.1 sender refused"}, {}),
    (Outcome.CONFIGURATION, {"MAIL": "530 5.7.0 log in first"}, {}),
    (Outcome.CONFIGURATION, {"RCPT": "530 5.7.0 log in first"}, {}),
    (Outcome.CONFIGURATION, {"RCPT": "554 5.7.1 <x>: Relay access denied"}, {}),
    # it may have arrived
    (Outcome.UNKNOWN, {"DATA": BREAK}, {}),
    (Outcome.UNKNOWN, {"CONTENT": BREAK}, {}),
    (Outcome.UNKNOWN, {"CONTENT": "nonsense"}, {}),
    (Outcome.UNKNOWN, {"CONTENT": "299 what"}, {}),
]


@pytest.mark.parametrize(("outcome", "replies", "given"), CASES)
async def test_every_answer_has_one_meaning(outcome: Outcome, replies: dict[str, str], given: dict[str, Any]) -> None:
    """Accepted, transient, permanent, configuration or unknown; nothing is ever raised."""
    assert (await delivery(MESSAGE, given, **replies)).outcome is outcome


async def test_nobody_there_is_transient() -> None:
    """A server that is down comes back."""
    async with speaking(Smtp("127.0.0.1", free_port(), "shop@example.com", tls="none")) as mail:
        assert (await mail.send(message=MESSAGE)).outcome is Outcome.TRANSIENT


async def test_a_host_that_does_not_exist_is_a_matter_of_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows is misspelt."""
    async with speaking(Smtp("mail.invalid", 25, "shop@example.com", tls="none")) as mail:
        ended = await mail.send(message=MESSAGE)
    assert ended.outcome in (Outcome.CONFIGURATION, Outcome.TRANSIENT)  # without any resolver the question itself fails


async def test_the_person_is_in_no_answer() -> None:
    """Servers like to repeat the address; answers go to logs and tables."""
    ended = await delivery(MESSAGE, {}, RCPT="550 5.1.1 <ana@example.com>: user Ana unknown (ana), try anabel")
    assert ended.answer == "550 5.1.1 <address> user <address> unknown (<address>), try anabel"


@pytest.mark.parametrize("recipient", ["", "ana", "ana@", "@example.com", "a b@example.com", "ana@example.com\r\nRCPT TO:<eve@example.com>"])
async def test_an_address_that_is_none_is_refused_before_the_server_hears_of_it(recipient: str) -> None:
    """And it cannot smuggle a command."""
    async with scripted() as server, speaking(settings(server)) as mail:
        ended = await mail.send(message=Message("1@example.com", recipient, "s", "t", "h"))
        assert ended.outcome is Outcome.PERMANENT
        assert not any(command.startswith("RCPT") for command in server.commands)


@pytest.mark.parametrize("sender", ["", "Shop", "Shop <>", "a b@example.com"])
async def test_a_sender_that_is_none_costs_no_letter_its_life(sender: str) -> None:
    """It is the shop's own mistake, and the doctor tells it."""
    async with scripted() as server, speaking(Smtp("127.0.0.1", server.port, sender, tls="none")) as mail:
        assert (await mail.send(message=MESSAGE)).outcome is Outcome.CONFIGURATION
        assert "SHOP_SMTP_SENDER" in (await mail.check())[0]
        assert server.connections == 0


async def test_addresses_of_all_scripts_are_sent() -> None:
    """A domain as punycode everywhere, a name where the server knows how."""
    async with scripted() as server, speaking(settings(server)) as mail:
        await mail.send(message=Message("1@example.com", "ana@müller.example", "s", "t", "h"))
        await mail.send(message=Message("1@example.com", "aña@example.com", "s", "t", "h"))
        assert "RCPT TO:<ana@xn--mller-kva.example>" in server.commands
        assert "RCPT TO:<aña@example.com>" in server.commands
        assert "MAIL FROM:<shop@example.com> SMTPUTF8" in server.commands
        assert "To: aña@example.com".encode() in server.contents[1]
    ended = await delivery(Message("1@example.com", "aña@example.com", "s", "t", "h"), {}, EHLO="250 old")
    assert ended.outcome is Outcome.PERMANENT


async def test_one_connection_carries_many_mails() -> None:
    """It is kept, asked whether it still lives, and left with a word."""
    async with scripted() as server:
        async with speaking(settings(server)) as mail:
            for _ in range(5):
                assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
        assert (server.connections, len(server.contents)) == (1, 5)
        assert server.commands.count("RSET") == 4
        assert server.commands[-1] == "QUIT"


async def test_parallel_mails_take_turns() -> None:
    """No two of them mix on the connection."""
    async with scripted() as server, speaking(settings(server)) as mail:
        ended = await asyncio.gather(*(mail.send(message=MESSAGE) for _ in range(10)))
        assert {delivery.outcome for delivery in ended} == {Outcome.ACCEPTED}
        assert (server.connections, len(server.contents)) == (1, 10)


async def test_a_connection_that_died_meanwhile_is_not_noticed() -> None:
    """The server hung up between two mails: the second goes over a new connection, once."""
    async with scripted(RSET=BREAK) as server, speaking(settings(server)) as mail:
        for _ in range(2):
            assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
        assert (server.connections, len(server.contents)) == (2, 2)


async def test_a_connection_is_not_worn_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers count the mails of a connection, too."""
    monkeypatch.setattr(smtp, "MAILS_PER_CONNECTION", 2)
    async with scripted() as server, speaking(settings(server)) as mail:
        for _ in range(5):
            assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
        assert server.connections == 3


async def test_an_idle_connection_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers count connections, and the next mail opens another one."""
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.05)
    async with scripted() as server, speaking(settings(server)) as mail:
        await mail.send(message=MESSAGE)
        await asyncio.wait_for(server.left.wait(), 5)
        assert server.commands[-1] == "QUIT"
        assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
        assert server.connections == 2


async def test_a_cancelled_delivery_leaves_no_broken_connection() -> None:
    """Shutting down in the middle of a mail spoils nothing that comes after."""
    async with scripted(CONTENT=STALL) as server, speaking(settings(server)) as mail:
        sending = asyncio.create_task(mail.send(message=MESSAGE))
        await asyncio.wait_for(server.stalled.wait(), 5)
        server.replies["CONTENT"] = "250 ok"
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
        assert server.connections == 2


@pytest.mark.parametrize(
    ("replies", "given", "said"),
    [
        ({"AUTH": "535 5.7.8 wrong password"}, LOGIN, "cannot be used: 535 5.7.8 wrong password"),
        ({"MAIL": "550 5.7.1 no"}, {}, "refuses the sender: 550 5.7.1 no"),
        ({}, {"tls": "starttls"}, "STARTTLS"),
    ],
)
async def test_the_doctor_says_what_is_wrong(replies: dict[str, str], given: dict[str, Any], said: str) -> None:
    """In one sentence, without the password, and without sending a mail."""
    async with scripted(**replies) as server, speaking(settings(server, **given)) as mail:
        (sentence,) = await mail.check()
        assert said in sentence
        assert "wrong password" in said or "wrong" not in sentence
        assert server.contents == []


class Login:
    """Lets in whoever knows the password."""

    def __call__(self, _server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
        """See aiosmtpd."""
        return AuthResult(success=isinstance(data, LoginPassword) and data == LoginPassword(b"shop", b"right"))


class Kept:
    """Keeps what arrives."""

    def __init__(self) -> None:
        """Start empty."""
        self.contents: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        """Keep a mail."""
        self.contents.append(envelope.original_content)
        return "250 ok"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_real_server_is_spoken_to_in_private(tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate that is trusted the mail arrives; with one that is not nothing is sent, and the answer says why."""
    certificate = certified(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    kept, port = Kept(), free_port()
    login: dict[str, Any] = {"authenticator": Login(), "auth_required": True, "tls_context": context, "require_starttls": True}
    options = login if tls == "starttls" else {}  # aiosmtpd logs nobody in where TLS was there from the start
    listener = await asyncio.get_running_loop().create_server(
        lambda: SMTP(kept, loop=asyncio.get_running_loop(), **options), "127.0.0.1", port, ssl=context if tls == "tls" else None
    )
    given = Smtp("localhost", port, "shop@example.com", "shop" if options else None, Secret("right"), tls)
    async with listener:
        async with speaking(given) as mail:
            ended = await mail.send(message=MESSAGE)
        assert (ended.outcome, kept.contents) == (Outcome.CONFIGURATION, [])
        assert "certificate is not trusted" in ended.answer
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with speaking(given) as mail:
            assert (await mail.send(message=MESSAGE)).outcome is Outcome.ACCEPTED
    assert len(kept.contents) == 1
