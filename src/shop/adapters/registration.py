"""This process in a Eureka registry: STARTING, UP, DOWN, gone."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

import msgspec
from msgspec import Struct

from shop.adapters.eureka import RegistryDown, Server, jittered
from shop.settings import Settings

RENEWAL, LEASE = 10.0, 30
LOOK = 0.25  # seconds between two looks whether the process is ready
NOWHERE = ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost")  # noqa: S104 compared, not bound
log = logging.getLogger("shop.eureka")


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
            await asyncio.sleep(jittered(RENEWAL))
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


class Presence:
    """All modules of this process in the registry, for as long as it runs."""

    def __init__(self, server: Server, enrolments: Sequence[Enrolment]) -> None:
        """Begin unregistered."""
        self._registrations = [Registration(server, enrolment) for enrolment in enrolments]
        self._beating: list[asyncio.Task[None]] = []
        self._rising: asyncio.Task[None] | None = None

    def begin(self, is_ready: Callable[[], Awaitable[bool]]) -> None:
        """Register as STARTING, as UP as soon as the process is ready, and renew the leases; nobody waits for any of it."""
        self._rising = asyncio.create_task(self._rise(is_ready), name="register")
        self._beating = [asyncio.create_task(registration.keep(), name="heartbeat") for registration in self._registrations]

    async def down(self) -> None:
        """Say that no further calls should come; the leases are renewed all the same, because calls still do."""
        await _ended(self._rising)
        await self._announce("DOWN")

    async def leave(self) -> None:
        """Take this process out of the registry, after the last heartbeat: one that came later would bring it back."""
        await _ended(self._rising, *self._beating)
        await asyncio.gather(*(registration.leave() for registration in self._registrations))

    async def _rise(self, is_ready: Callable[[], Awaitable[bool]]) -> None:
        await self._announce("STARTING")
        while not await is_ready():  # noqa: ASYNC110
            await asyncio.sleep(LOOK)  # nothing tells when a database is there
        await self._announce("UP")

    async def _announce(self, status: str) -> None:
        await asyncio.gather(*(registration.announce(status) for registration in self._registrations))


async def _ended(*tasks: asyncio.Task[None] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


def enrolments(settings: Settings) -> list[Enrolment]:
    """Give how the hosted modules want to be found: under the name that is set, the address that is listened on, or the machine's name."""
    runtime, eureka = settings.runtime, settings.eureka
    host = eureka.hostname or (socket.gethostname() if runtime.host in NOWHERE else runtime.host)
    return [Enrolment(module, host, runtime.port, eureka.zone) for module in runtime.modules]
