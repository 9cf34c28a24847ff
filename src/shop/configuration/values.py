"""How the text of a setting is read. A reader raises ValueError with what is wrong, without the value: it may be a secret."""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from shop.kit.secret import Secret
from shop.settings import MODULES

T = TypeVar("T")
Reader = Callable[[str], T]
UNITS = {"s": 1, "m": 60, "h": 3600}
EMAIL = re.compile(r"(?:[^<>@]*<)?[^\s<>@]+@[^\s<>@]+>?")
PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)


def text(value: str) -> str:
    """Take any text without line breaks."""
    if not value.isprintable():
        raise ValueError("has characters that cannot be printed")
    return value


def secret(value: str) -> Secret:
    """Take a secret."""
    return Secret(text(value))


def long_secret(value: str) -> Secret:
    """Take a secret of our own making, which must be hard to guess."""
    if len(value) < 32:
        raise ValueError("is shorter than 32 characters")
    return secret(value)


def prefixed(*prefixes: str) -> Reader[str]:
    """Take one of Stripe's keys by how it begins; a swapped one is the usual mistake."""

    def read(value: str) -> str:
        if not value.startswith(prefixes):
            raise ValueError(f"does not begin with {' or '.join(prefixes)}")
        return text(value)

    return read


def secret_prefixed(*prefixes: str) -> Reader[Secret]:
    """Take one of Stripe's secret keys by how it begins."""
    read = prefixed(*prefixes)
    return lambda value: Secret(read(value))


def one_of(*choices: str) -> Reader[str]:
    """Take one of a few words."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return value.lower()

    return read


def number(lowest: int, highest: int) -> Reader[int]:
    """Take a whole number between two bounds."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not lowest <= int(value) <= highest:
            raise ValueError(f"is not a number from {lowest} to {highest}{_blame_kubernetes(value)}")
        return int(value)

    return read


def _blame_kubernetes(value: str) -> str:
    return " (Kubernetes sets this for a Service named shop: say enableServiceLinks: false)" if value.startswith("tcp://") else ""


def duration(lowest: timedelta) -> Reader[timedelta]:
    """Take a duration such as 90s, 15m or 24h."""

    def read(value: str) -> timedelta:
        found = re.fullmatch(r"([0-9]{1,7})([smh])", value)
        if not found:
            raise ValueError("is not a duration such as 90s, 15m or 24h")
        given = timedelta(seconds=int(found[1]) * UNITS[found[2]])
        if given < lowest:
            raise ValueError(f"is shorter than {lowest.total_seconds():g}s")
        return given

    return read


def items(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """Take a list, comma separated, each item once."""

    def read_all(value: str) -> tuple[T, ...]:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not parts:
            raise ValueError("names nothing")
        if len(set(parts)) != len(parts):
            raise ValueError("names something twice")
        return tuple(read(part) for part in parts)

    return read_all


def module(value: str) -> str:
    """Take the name of a module."""
    if value not in MODULES:
        raise ValueError(f"names {value!r}, which is none of {', '.join(MODULES)}")
    return value


def host(value: str) -> str:
    """Take a host name or an address, without a port."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", value) or value.count(":") == 1:
        raise ValueError("is not a host name or address without a port")
    return value


def url(value: str) -> str:
    """Take an http(s) address; a slash at its end is dropped."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an address that begins with https:// or http://")
    return value.rstrip("/")


def secret_url(value: str) -> Secret:
    """Take an address that may carry credentials."""
    return Secret(url(value))


def config_source(value: str) -> Secret:
    """Take `[optional:]configserver:http://user:password@host:8888`."""
    address = value.removeprefix("optional:").removeprefix("configserver:")
    if value not in (f"configserver:{address}", f"optional:configserver:{address}"):
        raise ValueError("does not begin with configserver: or optional:configserver:")
    url(address)
    return Secret(value)


def word(value: str) -> str:
    """Take a name, or several with commas between them."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_,-]*", value):
        raise ValueError("is not a name of letters, digits, dashes and underscores")
    return value


def is_protected(address: str) -> bool:
    """Tell whether nobody on the way reads what is sent there: https, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1") or str(parts.hostname).startswith("127.")


def database_url(value: str) -> str:
    """Take `sqlite:///folder/` or `postgresql://user@host/name`."""
    if value.startswith("sqlite:///"):
        if value.endswith((".db", ".sqlite", ".sqlite3")):
            raise ValueError("names a file, but must be a folder: each module has a file of its own in it")
        return value
    parts = urlsplit(value)
    if parts.scheme != "postgresql" or not parts.hostname or not parts.path.strip("/"):
        raise ValueError("is neither sqlite:///folder/ nor postgresql://user:password@host/name")
    return value


def image_store(value: str) -> str:
    """Take a folder, or `s3://bucket` with or without a path in it."""
    if "://" in value and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?", value):
        raise ValueError("is neither a folder nor s3://bucket/path")
    return text(value)


def network(value: str) -> str:
    """Take an IP address or network."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError as error:
        raise ValueError(f"names {value!r}, which is not an IP address or network") from error


def sender(value: str) -> str:
    """Take the address mails come from, with or without a name before it."""
    if not EMAIL.fullmatch(value) or value.count("<") != value.count(">"):
        raise ValueError("is not a mail address")
    return text(value)


def signing_keys(value: str) -> tuple[Secret, ...]:
    """Take PEM texts, one after another; line breaks may be written as a backslash and an n."""
    from shop.configuration.signing import check  # cryptography is loaded only where a key is

    blocks = [block + "\n" for block in PEM.findall(value.replace("\\n", "\n"))]
    if not blocks:
        raise ValueError("is not a PEM text (-----BEGIN PRIVATE KEY-----)")
    for block in blocks:
        check(block)
    return tuple(Secret(block) for block in blocks)
