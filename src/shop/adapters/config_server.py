"""Settings from a Spring Cloud Config Server."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
from msgspec import Struct

TRIES, FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 6, 1.0, 1.1, 2.0
TIMEOUT = httpx.Timeout(connect=2.0, read=5.0, write=2.0, pool=2.0)
UNREADABLE = "invalid."  # so the server names what it could not decrypt


class ConfigServerFailed(RuntimeError):
    """The config server does not answer, or answers with something that must not be used; the message is one line for people."""


class Source(Struct, frozen=True):
    """A config server, as SHOP_CONFIG_IMPORT names it; without an `optional` one a process does start."""

    url: str
    optional: bool

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `[optional:]configserver:http://user:password@host:8888`, which the settings have checked."""
        rest = text.removeprefix("optional:")
        return cls(rest.removeprefix("configserver:").rstrip("/"), rest != text)

    @property
    def shown(self) -> str:
        """Give the address without its password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class PropertySource(Struct):
    """One file of the server, flattened."""

    name: str
    source: dict[str, Any]


class Environment(Struct, rename="camel"):
    """What the server answers; the earlier source wins."""

    property_sources: list[PropertySource]


def merged(sources: list[PropertySource]) -> dict[str, Any]:
    """Merge key by key, the earlier source wins; a list is replaced as a whole. Raises ConfigServerFailed for what could not be decrypted."""
    values: dict[str, Any] = {}
    owner: dict[str, int] = {}
    for number, source in enumerate(sources):
        for key, value in source.source.items():
            if key.startswith(UNREADABLE):
                raise ConfigServerFailed(f"the config server could not decrypt {key.removeprefix(UNREADABLE)} of {source.name}")
            if owner.setdefault(key.partition("[")[0], number) == number:
                values[key] = value
    return values


def fetch(source: Source, application: str, profile: str) -> dict[str, Any]:
    """Ask once and give the flat map of what the server says; raises ConfigServerFailed."""
    where = f"the config server at {source.shown}"
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
            answer = client.get(f"{source.url}/{application}/{profile}", headers={"Accept": "application/json"})
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ConfigServerFailed(f"{where} does not answer") from error
    if answer.status_code != 200:
        raise ConfigServerFailed(f"{where} answers {answer.status_code} for {application}/{profile}")
    try:
        return merged(msgspec.json.decode(answer.content, type=Environment).property_sources)
    except msgspec.MsgspecError as error:
        raise ConfigServerFailed(f"{where} answers with something unreadable") from error


def insist(source: Source, application: str, profile: str, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Ask up to six times; then raises ConfigServerFailed."""
    pause = FIRST_PAUSE
    for _ in range(TRIES - 1):
        try:
            return fetch(source, application, profile)
        except ConfigServerFailed:
            sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
    return fetch(source, application, profile)
