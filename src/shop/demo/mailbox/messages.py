"""A stored mail, read for people and programs; whatever is malformed is shown as well as it can be."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

from msgspec import Struct, field

_URL = re.compile(r"https?://[^\s<>\"'`\\^{}|]+")


class Message(Struct, frozen=True):
    """A mail as programs read it; `to` are the recipients of the envelope, `date` is when it arrived (RFC 3339)."""

    id: str
    sender: str = field(name="from")
    to: list[str]
    subject: str
    date: str
    message_id: str
    text: str
    html: str
    links: list[str]
    headers: dict[str, str]
    attachments: list[str]


def read(id: str, content: bytes, arrived: str) -> Message:
    """Read the content of an .eml file."""
    mail: EmailMessage = message_from_bytes(content, policy=policy.default)
    text, html = _body(mail, "plain"), _body(mail, "html")
    headers = {name: _clean(str(value)) for name, value in _headers(mail)}
    return Message(
        id=id,
        sender=headers.get("From", ""),
        to=[_clean(str(address)) for name, address in _headers(mail) if name == "X-Original-To"],
        subject=headers.get("Subject", ""),
        date=arrived,
        message_id=headers.get("Message-ID", ""),
        text=text,
        html=html,
        links=_links(text, html),
        headers=headers,
        attachments=[part.get_filename() or part.get_content_type() for part in mail.iter_attachments()] if mail.is_multipart() else [],
    )


def sent_at(message: Message) -> str:
    """Give the Date header for people, or nothing if it cannot be read."""
    try:
        return parsedate_to_datetime(message.headers.get("Date", "")).strftime("%a %d %b %Y, %H:%M %Z")
    except ValueError:
        return ""


def _headers(mail: EmailMessage) -> list[tuple[str, object]]:
    try:
        return list(mail.items())
    except (ValueError, IndexError, AttributeError):  # the parser of the standard library trips over some malformed headers
        return [(name, str(value)) for name, value in mail.raw_items()]


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    try:
        return _sound(str(part.get_content()))
    except (LookupError, ValueError):  # an unknown or a wrong charset
        raw = part.get_payload(decode=True)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _clean(value: str) -> str:
    return " ".join(_sound(value).split())


def _sound(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _links(text: str, html: str) -> list[str]:
    finder = _Hrefs()
    finder.feed(html)
    written = (found.rstrip(".,;:!?)]") for found in _URL.findall(text))
    return list(dict.fromkeys([*written, *finder.found]))


class _Hrefs(HTMLParser):
    def __init__(self) -> None:
        """Begin with no link found."""
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") if tag == "a" else None
        if href and href.startswith(("http://", "https://")):
            self.found.append(href)
