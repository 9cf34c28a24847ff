"""Writes a message as the bytes that go over the wire: seven-bit MIME with UTF-8 headers, a text and an HTML alternative."""

import re
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from msgspec import Struct

from shop.ports.mail import Message

SEVEN_BIT = policy.SMTP.clone(cte_type="7bit")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Envelope(Struct, frozen=True):
    """What is handed to the server; `international` says that the server must know SMTPUTF8."""

    sender: str
    recipient: str
    content: bytes
    international: bool


def envelope(message: Message, sender: str) -> Envelope:
    """Write a message in the name of a sender such as `Shop <orders@example.com>`; raises ValueError for an address or header that cannot be."""
    name, address = parseaddr(sender)
    from_, to = _address(address, name), _address(message.recipient)
    international = not (from_.addr_spec + to.addr_spec).isascii()
    mail = EmailMessage(policy=SEVEN_BIT.clone(utf8=international))
    mail["From"], mail["To"] = from_, to
    mail["Subject"] = _line(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{_line(message.message_id)}>"
    mail.set_content(_body(message.text))
    mail.add_alternative(_body(message.html), subtype="html")
    for header, value in message.headers.items():  # after the content, which would take those that begin with Content- along into its part
        mail[_line(header)] = _line(value)
    return Envelope(from_.addr_spec, to.addr_spec, mail.as_bytes(), international)


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    if not local or not domain or UNPRINTABLE.search(address) or " " in address:
        raise ValueError("not an address")
    return Address(_line(name), local, domain if domain.isascii() else domain.encode("idna").decode())


def _line(text: str) -> str:
    return UNPRINTABLE.sub(" ", _body(text)).strip()


def _body(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
