"""What every result of SMTP means, and how it is told without naming the person.

| what happened | outcome |
|---|---|
| 250 after the content | accepted |
| no connection, time-out or break before the content; any 4xx | transient |
| 5xx to RCPT or to the content; an address that no mail can have or this server cannot take | permanent |
| 5xx to the greeting, EHLO, AUTH or MAIL; RCPT refused because we may not relay; TLS fails or is missing; unknown host | configuration |
| break or time-out from DATA on, or an answer that is none | unknown |
"""

import re
import socket
import ssl
from enum import IntEnum

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from shop.ports.mail import Outcome

NO_RELAY = re.compile(r"relay|authenticat", re.IGNORECASE)
OF_POLICY = re.compile(r"\s*5\.7\.")  # the server minds who sends, not who receives
NEEDS_LOGIN = (530, 534, 535, 538)
ADDRESS = re.compile(r"\S*@\S*")


class Stage(IntEnum):
    """How far a delivery got."""

    CONNECT = 1
    SENDER = 2
    RECIPIENT = 3
    CONTENT = 4


def outcome(stage: Stage, error: Exception) -> Outcome:
    """Say what a failure at this stage means; see the table above."""
    if isinstance(error, SMTPResponseException) and 400 <= error.code < 600:
        return _of_answer(stage, error)
    if stage is Stage.CONTENT:
        return Outcome.UNKNOWN
    if isinstance(error, (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError)):
        return Outcome.CONFIGURATION if _is_ours(error.__cause__) else Outcome.TRANSIENT
    if isinstance(error, SMTPResponseException):
        return Outcome.TRANSIENT
    if isinstance(error, SMTPException):  # what aiosmtplib raises itself: no STARTTLS or AUTH on offer
        return Outcome.CONFIGURATION
    return Outcome.CONFIGURATION if _is_ours(error) else Outcome.TRANSIENT


def gone(stage: Stage, error: Exception) -> bool:
    """Tell whether a failure says that nobody will ever be reached at this address: a permanent refusal of the recipient itself."""
    if stage is not Stage.RECIPIENT or outcome(stage, error) is not Outcome.PERMANENT:
        return False
    return not OF_POLICY.match(getattr(error, "message", ""))


def _of_answer(stage: Stage, error: SMTPResponseException) -> Outcome:
    if error.code < 500:
        return Outcome.TRANSIENT
    if stage in (Stage.CONNECT, Stage.SENDER) or error.code in NEEDS_LOGIN:
        return Outcome.CONFIGURATION
    if stage is Stage.RECIPIENT and NO_RELAY.search(error.message):
        return Outcome.CONFIGURATION
    return Outcome.PERMANENT


def _is_ours(error: BaseException | None) -> bool:
    return isinstance(error, ssl.SSLError) or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME)


def answer(error: Exception, recipient: str = "") -> str:
    """Say in a few words what went wrong."""
    if isinstance(error, SMTPResponseException) and error.code > 0:
        return shown(error.code, error.message, recipient)
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({cause.verify_message})"
    if isinstance(error, SMTPException) and not error.__cause__ and "@" not in error.message:
        return error.message.rstrip(".")
    return cause.strerror or type(cause).__name__ if isinstance(cause, OSError) else type(cause).__name__


def shown(code: int, text: str, recipient: str) -> str:
    """Give code, status and words of an answer without the person's address in them."""
    line = ADDRESS.sub("<address>", " ".join(text.split()))
    local = recipient.rpartition("@")[0]
    if len(local) > 1:
        line = re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "<address>", line, flags=re.IGNORECASE)
    return f"{code} {line}"[:200].rstrip()
