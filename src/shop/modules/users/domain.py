"""The rules of accounts, links, sessions and consents."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from shop.kit.address import Address
from shop.kit.identity import Role
from shop.kit.problems import Conflict, NotFound, Unauthenticated

REFRESH_LIFETIME = timedelta(days=30)
GRACE = timedelta(seconds=30)
ADDRESSES = 50
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 128
MARKETING = "marketing"
WORDING = "marketing-2026-11"
MAILS_PER_HOUR = 20


class InvalidCredentials(Unauthenticated):
    """The address or the password is wrong."""


class SessionEnded(Unauthenticated):
    """This refresh token is not valid, or no longer."""


class LinkNotFound(NotFound):
    """This link was used already, has expired, or never existed."""


class AddressNotFound(NotFound):
    """There is no such address in your address book."""


class AddressBookFull(Conflict):
    """The address book is full."""


class User(Struct, frozen=True):
    """Somebody with an account; without `password_hash` only a link from the shop lets them in."""

    id: UUID
    email: str
    password_hash: str | None
    name: str
    locale: str
    roles: list[str]
    verified_at: datetime | None
    created_at: datetime
    version: int

    @property
    def is_customer(self) -> bool:
        """Tell whether this user buys here."""
        return Role.CUSTOMER in self.roles


class Registration(Struct, frozen=True):
    """What somebody said who wants an account, the password aside."""

    email: str
    name: str
    locale: str
    marketing_consent: bool = False


class SavedAddress(Address, frozen=True, kw_only=True):
    """An entry of an address book."""

    id: UUID


class Consent(Struct, frozen=True):
    """What somebody said about being written to, when, and on which occasion."""

    granted: bool
    at: datetime
    source: str


class Source(StrEnum):
    """The occasions on which a consent is given or refused."""

    REGISTRATION = "registration"
    PROFILE = "profile"
    ADMINISTRATION = "administration"
    UNSUBSCRIBE = "unsubscribe"


class Purpose(StrEnum):
    """What a link in a mail does; a notice has none that does anything."""

    VERIFY = "verify"
    RESET = "reset"
    NOTICE = "notice"

    @property
    def lifetime(self) -> timedelta:
        """Give how long such a link works."""
        return timedelta(hours=48) if self is Purpose.VERIFY else timedelta(hours=2)


class LetterKind(StrEnum):
    """The mails about an account."""

    VERIFICATION = "verification"
    ALREADY_REGISTERED = "already_registered"
    PASSWORD_RESET = "password_reset"  # noqa: S105

    @property
    def purpose(self) -> Purpose:
        """Give what the link in this mail does."""
        return LETTER_PURPOSES[self]


LETTER_PURPOSES = {
    LetterKind.VERIFICATION: Purpose.VERIFY,
    LetterKind.ALREADY_REGISTERED: Purpose.NOTICE,
    LetterKind.PASSWORD_RESET: Purpose.RESET,
}


def link_token(key: bytes, id: UUID) -> str:
    """Derive the token of a link; nothing readable is stored."""
    return _base64(id.bytes + hmac.digest(key, b"link:" + id.bytes, "sha256"))


def linked(key: bytes, token: str) -> UUID | None:
    """Give the id of the link that a token opens, None if it is forged."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    id = UUID(bytes=raw[:16]) if len(raw) == 48 else None
    return id if id and hmac.compare_digest(link_token(key, id), token) else None


def new_refresh_token() -> str:
    """Make the first refresh token of a session."""
    return secrets.token_urlsafe(32)


def successor(key: bytes, token: str) -> str:
    """Derive the refresh token that follows this one; whoever uses a token twice gets the same."""
    return _base64(hmac.digest(key, b"refresh:" + token.encode(), "sha256"))


def fingerprint(token: str) -> bytes:
    """Give what is stored of a refresh token."""
    return hashlib.sha256(token.encode()).digest()


def spoken(accept_language: str | None, locales: Sequence[str]) -> str:
    """Give the shop's locale that a client likes best, the first one if it likes none."""
    wanted = sorted((_preference(part) for part in (accept_language or "").lower().split(",")), key=lambda preference: -preference[1])
    for language, quality in wanted:
        for locale in locales:
            if quality > 0 and language.partition("-")[0] == locale.lower().partition("-")[0]:
                return locale
    return locales[0]


def _preference(part: str) -> tuple[str, float]:
    language, _, quality = part.partition(";q=")
    try:
        return language.strip(), float(quality or 1)
    except ValueError:
        return language.strip(), 0.0


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
