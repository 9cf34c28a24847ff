"""What mail to many needs of the mail server: headers that stay whole, a connection of its own, and who is gone for good."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from tests.support.smtp_server import STALL, ScriptedSmtp, scripted

from shop.adapters import smtp
from shop.ports.mail import Message, Outcome
from shop.settings import Smtp

LINK = f"<https://shop.example.com/api/v1/unsubscribe/{'aB3-_' * 20}>"


def mail(*, bulk: bool = True) -> Message:
    """Write a mail to many, or to one."""
    return Message("1@example.com", "ana@example.com", "Sale", "text\n", "<p>html</p>\n", {"List-Unsubscribe": LINK} if bulk else {}, bulk)


def server_of(server: ScriptedSmtp) -> smtp.SmtpMail:
    """Give the adapter for a server."""
    return smtp.adapter(Smtp("127.0.0.1", server.port, "Shop <shop@example.com>", tls="none"))


async def test_a_long_link_in_a_header_is_neither_encoded_nor_folded() -> None:
    """Mail programs read the address of one click as it stands there."""
    async with scripted() as server:
        adapter = server_of(server)
        await adapter.send(message=mail())
        await adapter.aclose()
    assert f"\r\nList-Unsubscribe: {LINK}\r\n".encode() in server.contents[0]
    assert message_from_bytes(server.contents[0], EmailMessage, policy=policy.default)["List-Unsubscribe"] == LINK


async def test_a_header_that_only_looks_like_a_link_is_encoded() -> None:
    """What holds a line break never reaches the server as it is."""
    async with scripted() as server:
        adapter = server_of(server)
        sneaky = Message("1@example.com", "ana@example.com", "Sale", "", "", {"List-Unsubscribe": "<https://x>\r\nBcc: eve@example.com"})
        await adapter.send(message=sneaky)
        await adapter.aclose()
    assert b"\nBcc:" not in server.contents[0]


async def test_mail_to_many_never_holds_up_mail_to_one() -> None:
    """While the server thinks about a promotion, a confirmation goes out over another connection."""
    async with scripted(CONTENT=STALL) as server:
        adapter = server_of(server)
        promotion = asyncio.create_task(adapter.send(message=mail()))
        await server.stalled.wait()
        server.replies["CONTENT"] = "250 2.0.0 queued"
        async with asyncio.timeout(5):
            assert (await adapter.send(message=mail(bulk=False))).outcome is Outcome.ACCEPTED
        promotion.cancel()
        await asyncio.wait({promotion})
        assert promotion.cancelled()
        await adapter.aclose()


@pytest.mark.parametrize(
    ("replies", "gone"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, True),
        ({"RCPT": "550 no such user"}, True),
        ({"RCPT": "550 5.7.1 your server is on a list"}, False),
        ({"RCPT": "452 4.2.2 mailbox full"}, False),
        ({"CONTENT": "554 5.6.0 spam"}, False),
        ({"CONTENT": "250 ok"}, False),
    ],
)
async def test_only_who_cannot_be_reached_is_gone(replies: dict[str, str], gone: bool) -> None:
    """A refused recipient is; a full mailbox, a refused sender and a refused content are not, or one bad promotion would silence everybody."""
    async with scripted(**replies) as server:
        adapter = server_of(server)
        assert (await adapter.send(message=mail())).gone is gone
        await adapter.aclose()
