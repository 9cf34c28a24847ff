"""A name is only ever a name, whatever people call themselves."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.outbox.writing import LANGUAGES, LETTERS, ORDER, SENDER, Reader, written

from shop.adapters.mime import address, envelope
from shop.kit.letters import mailbox, salutation
from shop.modules.sales.letters import OrderLetter, ShipmentLetter
from shop.modules.users.letters import AccountLetter


class Names:
    """Names that people have, and that people try."""

    ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
    NASTY = st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "Ana\r\nBcc: eve@example.com",
            "Ana\n\n<html>",
            "{{ 7 * 7 }} {% raw %}",
            "{name.__class__} {0} {}",
            "%s %(name)s",
            "=?utf-8?q?=0D=0ABcc:_eve?=",
            "\u202eevil\u202c",
            "a" * 60,
            "日本語の名前" * 10,
            ".\r\n.\r\nQUIT",
        ]
    )


EXPECTED_HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type"}


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(list(LETTERS)), locale=st.sampled_from(LANGUAGES), name=Names.ANY | Names.NASTY, title=Names.ANY | Names.NASTY)
async def test_a_name_is_only_ever_a_name(kind: str, locale: str, name: str, title: str) -> None:
    """It adds no tag, no header, no line and no part, in no letter."""
    name, title = f"x{name}", f"x{title}"  # an empty one leaves its line out
    mail, usual = await written(kind, locale, renamed(LETTERS[kind], name, title)), await written(kind, locale)
    assert Reader(mail.html).tags == Reader(usual.html).tags
    assert Reader(mail.html).links == Reader(usual.html).links
    assert "\n" not in mail.subject
    read = message_from_bytes(envelope(mail, address(*reversed(mailbox(SENDER)))).content, EmailMessage, policy=policy.default)
    assert set(read.keys()) == EXPECTED_HEADERS
    assert len(list(read.walk())) == 3
    assert all(len(line) <= 998 and line.isascii() for line in envelope(mail, address(*reversed(mailbox(SENDER)))).content.split(b"\r\n"))
    assert str(read["Subject"]) == mail.subject


async def test_a_name_of_many_lines_is_written_in_one() -> None:
    """Nobody writes paragraphs of his own into the plain text."""
    spam = "Ana\r\n\r\nBuy\u2028pills\u202e"
    mail = await written("order_confirmed", data=renamed(ORDER, spam, spam))
    assert "Hello Ana Buy pills," in mail.text
    assert "    Ana Buy pills\n" in mail.text
    assert "2 × Ana Buy pills " in mail.text


def renamed(letter: Any, name: str, title: str) -> Any:
    """Put these names wherever a person's words come into a letter."""
    if isinstance(letter, AccountLetter):
        return replace(letter, name=name)
    changes: dict[str, Any] = {"name": name, "number": letter.number}
    if isinstance(letter, (OrderLetter, ShipmentLetter)):
        changes["lines"] = [replace(line, title=title) for line in letter.lines]
        changes["shipping_address"] = replace(letter.shipping_address, name=name, line1=title, city=name)
    if isinstance(letter, ShipmentLetter):
        changes |= {"carrier": title, "tracking": name}
    return replace(letter, **changes)


@pytest.mark.parametrize("name", ["Ana", "María José", "O'Brien-Smith", "J. R. Ewing", "李小龙", "Ana, hija"])
def test_people_are_greeted_by_their_name(name: str) -> None:
    """As they wrote it."""
    assert salutation(name) == name


@pytest.mark.parametrize(
    "name", ["Win at www.evil.example", "http://evil.example", "evil.example/x", "ana@evil.example", "<b>", "x" * 81, "click evil。example/"]
)
def test_nobody_speaks_through_the_shop_to_a_stranger(name: str) -> None:
    """Anybody can register a stranger's address under a name that is an advertisement: then the letter greets nobody."""
    assert salutation(name) == ""
