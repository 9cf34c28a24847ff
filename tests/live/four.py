"""The shop's processes in a live system: registered in Eureka, configured by the config server, reached through nginx and the gateway."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx
from tests.live.servers import Servers
from tests.support.loopback import free_port
from tests.support.outside import Places
from tests.support.process import ShopProcess
from tests.support.remote import SECRET
from tests.support.shop import eventually

from shop.adapters.balancer import Instance
from shop.adapters.eureka import Registry, Server
from shop.settings import MODULES

PATIENCE = 60.0  # seconds for what takes ten on a quiet machine: two caches of five seconds lie between a registration and the first request
ADDRESSES = {
    "products": "/api/v1/products",
    "cart": "/api/v1/carts/01890000-0000-7000-8000-000000000000",
    "sales": "/api/v1/shipping-methods",
    "users": "/.well-known/jwks.json",
}


class Member(ShopProcess):
    """One instance of one module."""

    def __init__(self, module: str, port: int, folder: Path, servers: Servers, database_url: str, places: Places) -> None:
        """It has a folder of its own below `folder`."""
        self.module = module
        self.id = f"127.0.0.1:{module}:{port}"
        own = folder / f"{module}-{port}"
        own.mkdir(parents=True)
        keyless = {} if module == "users" else {"AUTH_SIGNING_KEY_FILE": ""}
        found = {"EUREKA_URL": servers.eureka_url, "EUREKA_HOSTNAME": "127.0.0.1", "CONFIG_IMPORT": servers.config_import}
        shared = {"INTERNAL_SECRET": SECRET.reveal(), "TRUSTED_PROXIES": "127.0.0.1", "OTEL_ENDPOINT": servers.collector_url}
        super().__init__(own, port, database_url, places, MODULES=module, **shared, **found, **keyless)

    async def served(self) -> int:
        """Count the requests that it has answered, probes aside."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            lines = (await client.get(f"{self.url}/actuator/prometheus")).text.splitlines()
        counts = [line for line in lines if line.startswith("http_server_requests_seconds_count{") and 'uri="/actuator' not in line]
        return sum(int(float(line.rpartition(" ")[2])) for line in counts)

    @property
    def pid(self) -> int:
        """Give its process id."""
        assert self._process is not None
        return self._process.pid

    async def drain(self) -> int:
        """Ask it to end, wait until it has, and give its exit code."""
        return await asyncio.to_thread(self.stop)


class Four:
    """All instances; each is remembered until it has left."""

    def __init__(self, folder: Path, servers: Servers, database_url: str, places: Places) -> None:
        """Begin with nobody."""
        self.servers = servers
        self.database_url = database_url
        self.places = places
        self.members: list[Member] = []
        self._folder = folder

    def launch(self, module: str) -> Member:
        """Start one more instance of a module."""
        member = Member(module, free_port(), self._folder, self.servers, self.database_url, self.places)
        member.launch()
        self.members.append(member)
        return member

    async def join(self, module: str) -> Member:
        """Start one more instance of a module, and wait until it is ready and the registry says that it is up."""
        member = self.launch(module)
        await member.ready()
        await eventually(lambda: self._is_up(member), PATIENCE)
        return member

    async def leave(self, member: Member) -> int:
        """Let an instance end in an orderly way; gives its exit code."""
        self.members.remove(member)
        return await member.drain()

    async def lose(self, member: Member) -> None:
        """Forget one that was killed, and make the registry forget it at once."""
        self.members.remove(member)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            await client.delete(f"{self.servers.eureka_url}apps/{member.module.upper()}/{member.id}")

    def only(self, module: str) -> Member:
        """Give the only instance of a module."""
        (found,) = [member for member in self.members if member.module == module]
        return found

    async def settled(self) -> None:
        """Wait until everybody is ready, the registry knows exactly these instances, and the gateway reaches every module."""
        await asyncio.gather(*(member.ready() for member in self.members))
        await eventually(self._is_known, PATIENCE)
        async with httpx.AsyncClient(base_url=self.servers.url, trust_env=False, timeout=10, headers={"Cache-Control": "no-cache"}) as client:
            for path in ADDRESSES.values():
                await eventually(partial(reaches, client, path), PATIENCE)

    async def instances(self) -> Mapping[str, tuple[Instance, ...]]:
        """Give who is up, as the registry says; nobody while it does not answer."""
        async with httpx.AsyncClient(trust_env=False) as client:
            registry = Registry(Server([self.servers.eureka_url], client))
            await registry.refresh()
            return {module: registry.instances(module) for module in MODULES}

    async def _is_known(self) -> bool:
        return sorted(url for found in (await self.instances()).values() for url in map(_url, found)) == sorted(map(_url, self.members))

    async def _is_up(self, member: Member) -> bool:
        return member.url in map(_url, (await self.instances())[member.module])


def _url(instance: Instance | Member) -> str:
    return instance.url


async def reaches(client: httpx.AsyncClient, path: str) -> bool:
    """Tell whether a service answers there, and not the gateway in its place."""
    return (await client.get(path)).status_code < 500
