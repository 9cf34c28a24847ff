"""Discovery at a Spring Cloud Eureka server, over its REST API."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import msgspec
from msgspec import Struct, field

from shop.adapters.balancer import Instance

FETCH = 5.0  # seconds between two looks
JITTER = 0.1
TIMEOUT = httpx.Timeout(connect=1.0, read=3.0, write=2.0, pool=1.0)
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
log = logging.getLogger("shop.eureka")


class RegistryDown(Exception):
    """No Eureka server answers."""


class Server:
    """The Eureka servers of this system; the one that answered last is asked first."""

    def __init__(self, urls: Sequence[str], client: httpx.AsyncClient) -> None:
        """`urls` end in /eureka/ and may carry user and password."""
        self._urls = [url.rstrip("/") + "/" for url in urls]
        self._client = client

    async def request(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        """Give the first answer that is none of 5xx; raises RegistryDown."""
        for url in list(self._urls):
            with suppress(httpx.TransportError):
                answer = await self._client.request(method, url + path, content=content, headers=JSON, timeout=TIMEOUT)
                if answer.status_code < 500:
                    self._urls.remove(url)
                    self._urls.insert(0, url)
                    return answer
        raise RegistryDown(f"no Eureka server answers {method} {path.partition('?')[0]}")


class Port(Struct):
    """Eureka's way to write a port."""

    number: int = field(name="$")


class Registered(Struct, rename="camel"):
    """What is read of an instance in the registry."""

    host_name: str
    status: str
    port: Port
    vip_address: str = ""
    metadata: dict[str, Any] = {}


class Application(Struct):
    """The instances of one name."""

    instance: list[Registered] = []


class Applications(Struct):
    """All names."""

    application: list[Application] = []


class Fetched(Struct):
    """The answer to a fetch."""

    applications: Applications


class Registry:
    """Who is up, as Eureka last said; a server that is away or still warming up never takes a known instance away."""

    def __init__(self, server: Server) -> None:
        """Begin knowing nobody."""
        self._server = server
        self._known: dict[str, tuple[Instance, ...]] = {}
        self._fetched_at: float | None = None

    def instances(self, module: str) -> tuple[Instance, ...]:
        """Give the instances of a module that are up."""
        return self._known.get(module, ())

    @property
    def age(self) -> float | None:
        """Give how many seconds ago the registry was read; None when it never was."""
        return None if self._fetched_at is None else time.monotonic() - self._fetched_at

    async def refresh(self) -> bool:
        """Read the registry; gives whether that worked, and keeps the last good snapshot if not."""
        try:
            answer = await self._server.request("GET", "apps/")
            if answer.status_code != 200:
                log.warning("the registry answers %d, the last snapshot stays", answer.status_code)
                return False
            fetched = msgspec.json.decode(answer.content, type=Fetched)
        except (RegistryDown, msgspec.MsgspecError) as error:
            log.warning("the registry cannot be read, the last snapshot stays: %s", error)
            return False
        self._known = _by_module(fetched.applications)
        self._fetched_at = time.monotonic()
        return True

    async def follow(self) -> None:
        """Read the registry every five seconds, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(jittered(FETCH))


def _by_module(applications: Applications) -> dict[str, tuple[Instance, ...]]:
    found: dict[str, list[Instance]] = {}
    for registered in (instance for application in applications.application for instance in application.instance):
        if registered.status == "UP":
            url = f"http://{registered.host_name}:{registered.port.number}"
            found.setdefault(registered.vip_address, []).append(Instance(url, str(registered.metadata.get("zone", ""))))
    return {module: tuple(sorted(instances, key=lambda instance: instance.url)) for module, instances in found.items()}


def jittered(seconds: float) -> float:
    """Give a pause that differs by up to a tenth, so that processes do not all come at once."""
    return seconds * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311  no secret
