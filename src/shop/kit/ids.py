"""Identifiers and the capability tokens derived from them."""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from uuid import UUID


def uuid7() -> UUID:
    """Make a UUID version 7 (RFC 9562): a millisecond timestamp, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def derived_id(*parts: object) -> UUID:
    """Make the one UUID (version 8 bits) that these parts always give, so that a repeated command names the same thing."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()[:16]
    value = int.from_bytes(digest) & ~(0xF << 76) | 0x8 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def capability_token(key: bytes, kind: str, subject: object) -> str:
    """Derive the unguessable token of a guest's cart or order; it is never stored."""
    digest = hmac.digest(key, f"{kind}:{subject}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_capability(key: bytes, kind: str, subject: object, token: str | None) -> bool:
    """Tell in constant time whether a token is the subject's."""
    return token is not None and hmac.compare_digest(capability_token(key, kind, subject).encode(), token.encode("utf-8", "replace"))
