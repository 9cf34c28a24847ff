"""What sales and users ask of the mail server."""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from shop.kit.port import Port, get, post


class Outcome(StrEnum):
    """How a delivery ended. Unknown: the connection broke after the mail may have been accepted."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CONFIGURATION = "configuration"
    UNKNOWN = "unknown"


class Message(Struct, frozen=True):
    """One mail to one recipient; `message_id` is the stable Message-ID without its brackets; `headers` are added as they are.

    `bulk` mail goes to many: it never makes other mail wait.
    """

    message_id: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: dict[str, str] = {}
    bulk: bool = False


class Delivery(Struct, frozen=True):
    """The outcome of a delivery and what the server said, without personal data; `gone`: nobody will ever be reached at this address."""

    outcome: Outcome
    answer: str
    gone: bool = False


class Mail(Port, Protocol):
    """The mail server."""

    @post("/messages", timeout=660.0)
    async def send(self, *, message: Message) -> Delivery:
        """Hand one message over; every SMTP result is an outcome, none an exception."""
        ...

    @get("/server", timeout=15.0)
    async def check(self) -> list[str]:
        """Connect and log in; gives what is wrong, one sentence each."""
        ...
