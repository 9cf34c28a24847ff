"""Writes a message as the bytes that go over the wire: seven-bit MIME with UTF-8 headers, a text and an HTML alternative.

The headers are written here and not by `email.message`, which reads what it is given: an encoded word in a subject, `=?utf-8?q?=0D=0ABcc:...?=`,
would become a header of its own.
"""

import re
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from msgspec import Struct

from shop.ports.mail import Message

SEVEN_BIT = policy.SMTP.clone(cte_type="7bit")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
MESSAGE_ID = re.compile(r"[\w.+-]+@[\w.-]+", re.ASCII)
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
URI = re.compile(
    r"<[a-z]+:[\x21-\x3b\x3d\x3f-\x7e]{1,900}>"
)  # of a List-Unsubscribe: never encoded, never folded, within the 998 characters of a line
LONGEST_WORD = 76
OURS = frozenset(["from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"])


class Envelope(Struct, frozen=True):
    """What is handed to the server; `international` says that the server must know SMTPUTF8."""

    sender: str
    recipient: str
    content: bytes
    international: bool


def address(text: str, name: str = "") -> Address:
    """Read an address, its domain as punycode; raises ValueError for what is none."""
    local, _, domain = text.rpartition("@")
    if not local or not domain or UNPRINTABLE.search(text) or " " in text:
        raise ValueError("not an address")
    return Address(_line(name), local, domain if domain.isascii() else domain.encode("idna").decode())


def envelope(message: Message, from_: Address) -> Envelope:
    """Write a message in the name of a sender; raises ValueError for a recipient, a Message-ID or a header's name that cannot be."""
    to = address(message.recipient)
    if not MESSAGE_ID.fullmatch(message.message_id):
        raise ValueError("not a Message-ID")
    head = {
        "From": _person(from_),
        "To": _person(to),
        "Subject": _encoded("Subject", message.subject),
        "Date": format_datetime(datetime.now(UTC)),
        "Message-ID": f"<{message.message_id}>",
        **{name: value if URI.fullmatch(value) else _encoded(name, value) for name, value in message.headers.items()},
    }
    if any(name.lower() in OURS or not HEADER.fullmatch(name) for name in message.headers):
        raise ValueError("not a header that may be added")
    written = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode()
    return Envelope(from_.addr_spec, to.addr_spec, written + _alternatives(message), not (from_.addr_spec + to.addr_spec).isascii())


def _alternatives(message: Message) -> bytes:
    body = EmailMessage(policy=SEVEN_BIT)
    body.set_content(_text(message.text))
    body.add_alternative(_text(message.html), subtype="html")
    return body.as_bytes()


def _person(of: Address) -> str:
    return f"{_encoded('From', of.display_name, quoted=True)} <{of.addr_spec}>" if of.display_name else of.addr_spec


def _encoded(name: str, text: str, *, quoted: bool = False) -> str:
    """Give a header's value: as it is where it is plain, otherwise as encoded words; folded in both cases."""
    line = _line(text)
    plain = line.isascii() and "=?" not in line and max(map(len, line.split()), default=0) <= LONGEST_WORD
    if plain and quoted:
        return '"' + re.sub(r'(["\\])', r"\\\1", line) + '"'
    return Header(line, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep="\r\n")


def _line(text: str) -> str:
    return UNPRINTABLE.sub(" ", _text(text)).strip()


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
