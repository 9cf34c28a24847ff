"""How this process reaches the modules that run elsewhere, and what it knows about them."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import httpx
from msgspec import Struct

from shop.adapters.balancer import Balancer, Instance
from shop.adapters.breaker import Breaker, StateListener
from shop.adapters.eureka import Registry, Server
from shop.adapters.http_client import http_client
from shop.adapters.target import Target
from shop.kit.service_tokens import ServiceTokens
from shop.settings import Settings

FIRST_LOOK = 2.0  # seconds that a start waits for the registry at most
log = logging.getLogger("shop.neighbours")


class Circuit(Struct, frozen=True):
    """A circuit breaker's state, closed, open or half-open, and how often it opened."""

    state: str
    openings: int


class Neighbours:
    """One HTTP client, one registry and one target per module, shared by every port of the process."""

    def __init__(self, settings: Settings, hosted: Sequence[str], transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Nothing is sent before somebody calls; `transport` stands in for the network."""
        self._settings = settings
        self._hosted = hosted
        self.client = http_client(transport)
        self.tokens = ServiceTokens(settings.remote.internal_secret) if settings.remote.internal_secret else None
        self.server = Server([url.reveal() for url in settings.eureka.urls], self.client) if settings.eureka.urls else None
        self.registry = Registry(self.server) if self.server else None
        self._targets: dict[str, Target] = {}
        self._openings: Counter[str] = Counter()

    def source(self, module: str) -> Callable[[], Sequence[Instance]] | None:
        """Give where the instances of a module are looked up: static peers, this process itself, the registry; None when nowhere."""
        if peers := self._settings.remote.peers.get(module):
            static = tuple(map(Instance, peers))
            return lambda: static
        if module in self._hosted:
            return lambda: (Instance(own_address(self._settings)),)
        registry = self.registry
        return (lambda: registry.instances(module)) if registry else None

    def balancer(self, module: str) -> Balancer | None:
        """Give what chooses an instance of a module; None when it cannot be reached."""
        source = self.source(module)
        zone = "" if module in self._settings.remote.peers or self.registry is None else self._settings.eureka.zone
        return Balancer(module, source, zone) if source else None

    def target(self, module: str) -> Target | None:
        """Give the target of a module, always the same one; None when it cannot be reached, or not be spoken to for want of a secret."""
        if module not in self._targets:
            balancer = self.balancer(module)
            if balancer is None or self.tokens is None:
                return None
            breaker = Breaker(module, listeners=[StateListener(self._heard)])
            self._targets[module] = Target(balancer, breaker, self.tokens, self.client)
        return self._targets[module]

    def circuits(self) -> dict[str, Circuit]:
        """Tell how the circuits to the modules are that this process calls."""
        return {module: Circuit(target.breaker.state, self._openings[module]) for module, target in self._targets.items()}

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Follow the registry for the length of the block; closes the client."""
        following = None
        if self.registry:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK):
                    await self.registry.refresh()
            following = asyncio.create_task(self.registry.follow(), name="follow the registry")
        try:
            yield
        finally:
            if following:
                following.cancel()
                await asyncio.wait({following})
            await self.client.aclose()

    def _heard(self, module: str, state: str) -> None:
        self._openings[module] += state == "open"
        log.warning("the circuit to %s is %s", module, state)


def own_address(settings: Settings) -> str:
    """Give the URL under which this process reaches itself."""
    host = settings.runtime.host
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 compared, not bound
    return f"http://{shown}:{settings.runtime.port}"
