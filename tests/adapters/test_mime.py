"""A message becomes bytes that every server takes and that say nothing but what was meant."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.adapters.mime import address, envelope
from shop.ports.mail import Message

SENDER = address("pedidos@faro.example", "Tienda «El Faro», S.L.")
EXPECTED = ["From", "To", "Date", "Message-ID", "Subject", "List-Unsubscribe", "MIME-Version", "Content-Type"]
TEXT = st.text(max_size=300) | st.sampled_from(
    ["a\r\nBcc: eve@example.com", "\n\n", "x" * 2000, "ñ" * 500, "=?utf-8?q?=0D=0AX:y?=", ".\r\n.\r\n", "\ud800"]
)


def read(content: bytes) -> EmailMessage:
    """Read a mail as a mail program does."""
    return message_from_bytes(content, EmailMessage, policy=policy.default)


def test_a_mail_says_who_writes_to_whom_and_when() -> None:
    """With a sender's name of any alphabet, a stable Message-ID, a date, and two alternatives, the better one last."""
    headers = {"List-Unsubscribe": "<https://x.example>"}
    made = envelope(Message("1@faro.example", "ana@example.com", "¡Hola!", "uno\n", "<p>uno</p>", headers), SENDER)
    assert (made.sender, made.recipient, made.international) == ("pedidos@faro.example", "ana@example.com", False)
    mail = read(made.content)
    assert (mail["From"], mail["To"], mail["Subject"]) == ('"Tienda «El Faro», S.L." <pedidos@faro.example>', "ana@example.com", "¡Hola!")
    assert (mail["Message-ID"], mail["List-Unsubscribe"]) == ("<1@faro.example>", "<https://x.example>")
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@given(subject=TEXT, text=TEXT, html=TEXT, header=TEXT)
def test_nothing_in_a_message_becomes_a_header_or_breaks_a_line(subject: str, text: str, html: str, header: str) -> None:
    """Whatever it says, the headers are those that were meant, every line is seven bits and short, and only CRLF ends one."""
    content = envelope(Message("1@faro.example", "ana@example.com", subject, text, html, {"List-Unsubscribe": header}), SENDER).content
    mail = read(content)
    assert sorted(mail.keys()) == sorted(EXPECTED)
    assert len(list(mail.walk())) == 3
    lines = content.split(b"\r\n")
    assert all(len(line) <= 998 and line.isascii() and b"\r" not in line and b"\n" not in line for line in lines)


@pytest.mark.parametrize(
    "subject", ["=?utf-8?q?=0D=0ABcc:_eve@example.com?=", "a " * 300, "ñ " * 300, "日本語" * 50, "x" * 300, "", "Re: [A-1] 50% off, “today”"]
)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    """However long it is, in whatever script, and also when it looks like an encoded word."""
    mail = read(envelope(Message("1@faro.example", "ana@example.com", subject, "t", "h"), SENDER).content)
    assert str(mail["Subject"] or "").split() == subject.split()
    assert mail["Bcc"] is None


@pytest.mark.parametrize("name", ["Bcc: eve@example.com\r\nX", "To", "content-type", "", "X Y"])
def test_no_header_is_added_that_is_not_free(name: str) -> None:
    """Neither one that is written already nor what is no name."""
    with pytest.raises(ValueError, match="header"):
        envelope(Message("1@faro.example", "ana@example.com", "s", "t", "h", {name: "x"}), SENDER)


@pytest.mark.parametrize("id", ["", "1", "@", "1@", "1@a b", "1@a>\r\nBcc: eve@example.com", "<1@a>"])
def test_a_message_id_is_one(id: str) -> None:
    """What is none is refused."""
    with pytest.raises(ValueError, match="not a Message-ID"):
        envelope(Message(id, "ana@example.com", "s", "t", "h"), SENDER)
