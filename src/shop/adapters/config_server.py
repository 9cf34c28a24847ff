"""Settings from a Spring Cloud Config Server."""

import asyncio
import hashlib
import logging
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
from msgspec import Struct

TRIES, FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 6, 1.0, 1.1, 2.0
TIMEOUT = httpx.Timeout(connect=2.0, read=5.0, write=2.0, pool=2.0)
INDEXED = re.compile(r"^(?P<key>.+?)\[(?P<index>\d+)\]$")
log = logging.getLogger("shop.config")


class ConfigServerFailed(RuntimeError):
    """The config server does not answer, or answers with something that must not be used; the message is one line for people."""


class Import(Struct, frozen=True):
    """Where settings are imported from: `[optional:]configserver:http://user:password@host:8888`."""

    url: str
    optional: bool

    @classmethod
    def parse(cls, text: str) -> "Import":
        """Read SHOP_CONFIG_IMPORT; raises ValueError."""
        rest = text.removeprefix("optional:")
        url = rest.removeprefix("configserver:")
        if url == rest or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("must be [optional:]configserver:http://user:password@host:8888")
        return cls(url.rstrip("/"), text != rest)

    @property
    def shown(self) -> str:
        """Give the address without its password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class PropertySource(Struct):
    """One file of the server, flattened."""

    name: str
    source: dict[str, Any]


class Environment(Struct):
    """What the server answers; the earlier source wins."""

    property_sources: list[PropertySource] = msgspec.field(name="propertySources")


class Snapshot(Struct, frozen=True):
    """All settings of the server as one flat map, and a hash by which a change is seen."""

    values: dict[str, Any]
    hash: str


def merged(sources: list[PropertySource]) -> Snapshot:
    """Merge the sources: the earlier wins key by key, and replaces a list as a whole; raises ConfigServerFailed for what could not be decrypted."""
    values: dict[str, Any] = {}
    owner: dict[str, int] = {}
    for number, source in enumerate(sources):
        for key, value in source.source.items():
            if key.startswith("invalid."):
                raise ConfigServerFailed(f"the config server could not decrypt {key.removeprefix('invalid.')} of {source.name}")
            indexed = INDEXED.match(key)
            name = indexed["key"] if indexed else key
            if owner.setdefault(name, number) == number:
                values[key] = value
    return Snapshot(values, hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest())


async def fetch(source: Import, application: str, profile: str, client: httpx.AsyncClient) -> Snapshot:
    """Ask once; raises ConfigServerFailed."""
    try:
        answer = await client.get(f"{source.url}/{application}/{profile}", headers={"Accept": "application/json"}, timeout=TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ConfigServerFailed(f"the config server at {source.shown} does not answer") from error
    if answer.status_code != 200:
        raise ConfigServerFailed(f"the config server at {source.shown} answers {answer.status_code} for {application}/{profile}")
    try:
        return merged(msgspec.json.decode(answer.content, type=Environment).property_sources)
    except msgspec.MsgspecError as error:
        raise ConfigServerFailed(f"the config server at {source.shown} answers with something unreadable") from error


async def load(source: Import, application: str, profile: str, client: httpx.AsyncClient) -> Snapshot | None:
    """Ask up to six times; then raises ConfigServerFailed, or gives None with a warning where the import is optional."""
    pause = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        try:
            return await fetch(source, application, profile, client)
        except ConfigServerFailed as error:
            if left == 0 and not source.optional:
                raise
            if left == 0:
                log.warning("going on without it: %s", error)
                return None
        await asyncio.sleep(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)
    raise AssertionError("unreachable")
