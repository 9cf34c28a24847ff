"""Registration and discovery at a Spring Cloud Eureka server, over its REST API."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct, field

from shop.adapters.balancer import Instance

RENEWAL, LEASE, FETCH = 10.0, 30, 5.0
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
            await asyncio.sleep(_jittered(FETCH))


def _by_module(applications: Applications) -> dict[str, tuple[Instance, ...]]:
    found: dict[str, list[Instance]] = {}
    for registered in (instance for application in applications.application for instance in application.instance):
        if registered.status == "UP":
            url = f"http://{registered.host_name}:{registered.port.number}"
            found.setdefault(registered.vip_address, []).append(Instance(url, str(registered.metadata.get("zone", ""))))
    return {module: tuple(sorted(instances, key=lambda instance: instance.url)) for module, instances in found.items()}


class Enrolment(Struct, frozen=True):
    """How this process wants to be found for one module."""

    module: str
    host: str
    port: int
    zone: str = "defaultZone"

    @property
    def id(self) -> str:
        """Give the instance id, the same after every restart."""
        return f"{self.host}:{self.module}:{self.port}"

    def payload(self, status: str, dirty: int) -> bytes:
        """Write what Eureka wants to know; it takes nothing less."""
        url = f"http://{self.host}:{self.port}"
        instance = {
            "instanceId": self.id,
            "hostName": self.host,
            "app": self.module.upper(),
            "ipAddr": self.host,
            "status": status,
            "overriddenStatus": "UNKNOWN",
            "port": {"$": self.port, "@enabled": "true"},
            "securePort": {"$": 443, "@enabled": "false"},
            "countryId": 1,
            "dataCenterInfo": {"@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"},
            "leaseInfo": {"renewalIntervalInSecs": int(RENEWAL), "durationInSecs": LEASE},
            "metadata": {"management.port": str(self.port), "zone": self.zone},
            "homePageUrl": f"{url}/",
            "statusPageUrl": f"{url}/actuator/info",
            "healthCheckUrl": f"{url}/actuator/health",
            "vipAddress": self.module,
            "secureVipAddress": self.module,
            "isCoordinatingDiscoveryServer": "false",
            "lastUpdatedTimestamp": str(dirty),
            "lastDirtyTimestamp": str(dirty),
        }
        return msgspec.json.encode({"instance": instance})


class Registration:
    """Keeps one module of this process in the registry: STARTING, UP, DOWN, gone. A server that is away never stops anything."""

    def __init__(self, server: Server, enrolment: Enrolment) -> None:
        """Begin unregistered."""
        self._server = server
        self._enrolment = enrolment
        self._status = "STARTING"
        self._dirty = 0
        self._is_registered = False
        self._turn = asyncio.Lock()

    async def announce(self, status: str) -> bool:
        """Register with this status; gives whether the server took it. A later heartbeat tries again if not."""
        async with self._turn:
            return await self._announce(status)

    async def _announce(self, status: str) -> bool:
        self._status = status
        self._dirty = max(int(time.time() * 1000), self._dirty + 1)
        path = f"apps/{self._enrolment.module.upper()}"
        try:
            answer = await self._server.request("POST", path, self._enrolment.payload(status, self._dirty))
            self._is_registered = answer.status_code == 204
            if not self._is_registered:
                log.error("Eureka refuses the registration of %s with %d", self._enrolment.id, answer.status_code)
        except RegistryDown as error:
            self._is_registered = False
            log.warning("%s is not registered yet: %s", self._enrolment.id, error)
        return self._is_registered

    async def beat(self) -> None:
        """Renew the lease; register again when the server does not know this instance."""
        async with self._turn:
            if not self._is_registered:
                await self._announce(self._status)
                return
            try:
                answer = await self._server.request("PUT", f"{self._path}?status={self._status}&lastDirtyTimestamp={self._dirty}")
            except RegistryDown as error:
                log.warning("no heartbeat for %s: %s", self._enrolment.id, error)
                return
            if answer.status_code == 404:
                await self._announce(self._status)

    async def keep(self) -> None:
        """Renew the lease every ten seconds, until cancelled."""
        while True:
            await asyncio.sleep(_jittered(RENEWAL))
            await self.beat()

    async def leave(self) -> None:
        """Take this instance out of the registry."""
        async with self._turn:
            self._is_registered = False
            try:
                await self._server.request("DELETE", self._path)
            except RegistryDown as error:
                log.warning("%s could not be deregistered, its lease will run out: %s", self._enrolment.id, error)

    @property
    def _path(self) -> str:
        return f"apps/{self._enrolment.module.upper()}/{quote(self._enrolment.id, safe=':')}"


def _jittered(seconds: float) -> float:
    return seconds * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311  no secret
