"""Four real processes, each reached by the others through a proxy that breaks calls."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
from tests.support.faults import Proxy
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.process import ShopProcess
from tests.support.shop import ISSUER, SIGNING_KEY, Buyer, Shop, eventually
from tests.support.topologies import Gateway, Upstream, process

from shop.demo.serving import serving
from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.tokens import LocalKeys, Signer
from shop.settings import MODULES

PROBES = 40
LIVE = ("pending", "awaiting_payment", "cancelling")
NOTHING = {"subtotal": {"amount": 0}, "discount": {"amount": 0}}


def signed_in(id: UUID | str, role: str = "customer") -> dict[str, str]:
    """Give the headers of a user, as fresh as if they had logged in this moment."""
    token = Signer(LocalKeys([SIGNING_KEY]), ISSUER, Clock()).sign(UUID(str(id)), frozenset({role}), uuid7())
    return {"Authorization": f"Bearer {token}"}


class Four:
    """The shop in four processes."""

    def __init__(
        self, shop: Shop, processes: Mapping[str, ShopProcess], proxies: Mapping[str, Proxy], client: httpx.AsyncClient, database_url: str
    ) -> None:
        """`shop` is reached through a gateway; `client` calls the processes directly."""
        self._database_url = database_url
        self.shop = shop
        self.processes = processes
        self.proxies = proxies
        self._client = client
        self._probe: UUID | None = None

    async def call(self, module: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request to a module's process, once."""
        try:
            return await self._client.request(method, f"{self.processes[module].url}{path}", **options)
        except httpx.TransportError as error:
            error.add_note(f"{method} {path} of {module}, which wrote: {self.processes[module].log()[-2000:]}")
            raise

    def another(self, module: str, folder: Path) -> ShopProcess:
        """Give a second process of a module, not started."""
        urls = {name: proxy.url for name, proxy in self.proxies.items()}
        return process(folder, module, free_port(), urls, self._database_url, self.shop.outside)

    async def circuits(self, module: str) -> dict[str, str]:
        """Give the circuits of a process to the others, as its health tells them."""
        components = (await self.call(module, "GET", "/actuator/health")).json()["components"]
        return {name: part["details"]["state"] for name, part in components.get("circuitBreakers", {}).get("details", {}).items()}

    async def heals(self) -> None:
        """Stop every fault and wait until every circuit is closed."""
        for proxy in self.proxies.values():
            await proxy.heals()
        for _ in range(PROBES):
            if await self._is_well():
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"still not well: {[await self.circuits(module) for module in MODULES]}")

    async def _is_well(self) -> bool:
        """Make a call through every port: the order of a cart that is none asks users and cart and, as it is released, products."""
        if self._probe is None:
            profile = await (await self.shop.customer("probe@example.com")).call("GET", "/users/me")
            self._probe = UUID(profile.json()["id"])
        somebody = Buyer(self.shop, "")
        somebody.session = {"customer": "who has no cart"}
        somebody.cart = NOTHING | {"id": str(uuid7())}
        headers = signed_in(self._probe)
        order = await self.call("sales", "POST", "/api/v1/orders", json=somebody.order_body(), headers=headers | {"Idempotency-Key": str(uuid7())})
        history = await self.call("users", "GET", "/api/v1/users/me/purchases", headers=headers)
        states = [state for module in MODULES for state in (await self.circuits(module)).values()]
        return (order.status_code, history.status_code) == (404, 200) and set(states) == {"CLOSED"}

    async def ends(self) -> None:
        """Cancel what nobody has paid; then every order comes to an end, and all books agree."""
        await self.settles()
        await self.shop.balances()

    async def settles(self) -> None:
        """Cancel what nobody has paid, and wait for the end of every order."""
        await eventually(self._nothing_is_live, 60)

    async def _nothing_is_live(self) -> bool:
        found = []
        for status in LIVE:
            answer = await self.shop.call("GET", f"/orders?status={status}&limit=100", headers=self.shop.staff())
            found += [item["id"] for item in answer.json()["items"]]
        for id in found:
            await self.shop.call("POST", f"/orders/{id}/cancel", headers=self.shop.staff())
        return not found


@asynccontextmanager
async def running(folder: Path, database_url: str) -> AsyncGenerator[Four]:
    """Run four processes, their proxies, a gateway and the outside world for the length of the block."""
    ports = {module: free_port() for module in MODULES}
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(folder, f"http://127.0.0.1:{ports['sales']}"))
        proxies = {module: await stack.enter_async_context(Proxy(free_port(), port).running()) for module, port in ports.items()}
        urls = {module: proxy.url for module, proxy in proxies.items()}
        processes = {module: process(folder, module, port, urls, database_url, world) for module, port in ports.items()}
        for started in processes.values():
            started.launch()
            stack.callback(started.kill)
        for started in processes.values():
            await started.ready()
        limits = httpx.Limits(max_connections=None)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=60, trust_env=False, limits=limits))
        gateway = Gateway({module: Upstream(started.url, client) for module, started in processes.items()})
        address = await stack.enter_async_context(serving(cast(Any, gateway), port=free_port()))
        visitor = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=60, trust_env=False, limits=limits))
        yield Four(Shop(visitor, world, database_url), processes, proxies, client, database_url)
