"""Entity tags and the conditions that name them (RFC 9110, section 13)."""

import hashlib

from shop.kit.problems import PreconditionFailed


def etag_of(*parts: object) -> str:
    """Make a strong, quoted entity tag of whatever the representation depends on."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f'"{digest[:32]}"'


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the client's copy is still good, by weak comparison: the answer is then 304."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in {_opaque(tag) for tag in if_none_match.split(",")})


def require_match(if_match: str | None, etag: str) -> None:
    """Let a write pass that names the present version, or none; raises PreconditionFailed. The comparison is strong."""
    if if_match is None or if_match.strip() == "*" or etag in {tag.strip() for tag in if_match.split(",")}:
        return
    raise PreconditionFailed


def _opaque(tag: str) -> str:
    return tag.strip().removeprefix("W/")
