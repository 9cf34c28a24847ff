"""The composition root: puts hosted modules, adapters and the edge together. The only file that knows what is local and what is remote."""

import importlib
import importlib.util
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from dishka import AsyncContainer, Provider, Scope, make_async_container
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from shop import openapi
from shop.adapters import feign, feign_routes, in_process, jwks
from shop.adapters.neighbours import Neighbours
from shop.adapters.watched import watched
from shop.kit.clock import Clock
from shop.kit.http.admission import Admission
from shop.kit.http.application import Lifespan, application, prepared
from shop.kit.http.clients import TrustedProxies
from shop.kit.http.limits import Limiter
from shop.kit.identity import Verifier
from shop.kit.jobs import Runner
from shop.kit.metrics import Metrics
from shop.kit.module import DatabaseUrls, Module
from shop.kit.port import endpoints
from shop.kit.problems import Unavailable
from shop.kit.tokens import KeySource, LocalKeys
from shop.kit.tokens import Verifier as TokenVerifier
from shop.ports.images import ImageStore
from shop.ports.mail import Mail
from shop.ports.payments import Payments, WebhookVerifier
from shop.settings import MODULES, Settings

Replacement = tuple[Any, Any]


class CannotAssemble(RuntimeError):
    """The shop cannot start like this; the message is one line for people."""


def assemble(
    modules: Sequence[str | Module], settings: Settings, *replacements: Replacement, rehearse: bool = False, run_jobs: bool = True
) -> Litestar:
    """Host these modules: every port that they need stands on its adapter, every route behind the edge, every job in the lifespan.

    `replacements` are pairs of a port (or Clock, Verifier, Metrics, httpx.AsyncBaseTransport) and what stands in for it. `rehearse` sends what passes
    through local ports through JSON.
    `app.state.jobs` runs a job by name also when `run_jobs` is off. Raises CannotAssemble.
    """
    hosted = [module if isinstance(module, Module) else _load(module) for module in modules]
    names = tuple(module.name for module in hosted)
    replaced = dict(replacements)
    clock: Clock = replaced.pop(Clock, None) or Clock()
    metrics: Metrics = replaced.pop(Metrics, None) or Metrics()
    neighbours = Neighbours(settings, names, replaced.pop(httpx.AsyncBaseTransport, None))
    verifier: Verifier = replaced.pop(Verifier, None) or _verifier(settings, clock, neighbours)
    world = World(hosted, settings, clock, replaced, neighbours, metrics, rehearse=rehearse)
    container = make_async_container(world, *(module.provider() for module in hosted))
    world.container = container
    now = lambda: time.monotonic() + clock.offset.total_seconds()  # noqa: E731
    admission = Admission(verifier, TrustedProxies(settings.runtime.trusted_proxies), Limiter(now), neighbours.tokens)
    handlers = [*_routes(hosted), *openapi.ROUTES, *(_internal(hosted, world) if _is_split(settings, names) else [])]
    app = application(handlers, container, admission, [_open(container, neighbours), _work(hosted, container, run_jobs)])
    app.state.modules, app.state.neighbours, app.state.metrics = names, neighbours, metrics
    return app


class World(Provider):
    """What every module may ask for in the default component: the settings' parts, the clock, the ports that hosted modules need or offer."""

    scope = Scope.APP

    def __init__(
        self,
        hosted: Sequence[Module],
        settings: Settings,
        clock: Clock,
        replaced: dict[Any, Any],
        neighbours: Neighbours,
        metrics: Metrics,
        *,
        rehearse: bool,
    ) -> None:
        """`container` is set afterwards: local adapters open their scopes in it, call by call, so that no cycle can arise."""
        super().__init__()
        self.container: AsyncContainer
        self._settings = settings
        self._neighbours = neighbours
        self._metrics = metrics
        self._offered = {port: module.name for module in hosted for port in module.offers}
        self.local = {port: in_process.adapter(port, self._open_scope(port), rehearse=rehearse) for port in self._offered}
        parts = (settings, *(part for name in settings.__struct_fields__ if (part := getattr(settings, name)) is not None))
        urls = DatabaseUrls({module.name: settings.databases.of(module.name) for module in hosted})
        for value in (*parts, clock, urls):
            self.provide(_giving(value), provides=type(value))
        for port in dict.fromkeys((*(need for module in hosted for need in module.needs), *self._offered)):
            self.provide(_giving(replaced[port]) if port in replaced else self._adapter(port), provides=port)
        if any(Payments in module.needs for module in hosted):
            self.provide(_giving(replaced[WebhookVerifier]) if WebhookVerifier in replaced else self._webhooks, provides=WebhookVerifier)

    def _adapter(self, port: Any) -> Any:
        """Choose what stands behind a port: local if its module is hosted here; Stripe and SMTP for the outside world; else remote."""
        if port is Payments:
            return self._payments()
        if port is Mail:
            return self._mail()
        if port is ImageStore:
            return self._images
        if port in self.local and self._offered[port] not in self._settings.remote.forced:
            return _giving(watched(port, self.local[port], "in_process", self._metrics))
        return _giving(watched(port, feign.client(port, self._target(port)), "http", self._metrics))

    def _target(self, port: Any) -> Any:
        module = endpoints(port)[0].module
        if self._neighbours.source(module) is None:
            raise CannotAssemble(
                f"{port.__name__} is needed, but {module} is not hosted here and cannot be reached elsewhere: "
                f"set SHOP_PEERS_{module.upper()}_URL or SHOP_EUREKA_URL, or add it to SHOP_MODULES"
            )
        if self._neighbours.tokens is None:
            raise CannotAssemble(f"{module} is reached over HTTP, but SHOP_INTERNAL_SECRET is not set: every process needs the same one")
        return self._neighbours.target(module)

    def _open_scope(self, port: Any) -> Any:
        module = self._offered[port]

        @asynccontextmanager
        async def open_scope() -> AsyncGenerator[Any]:
            async with self.container() as scope:
                yield await scope.get(port, component=module)

        return open_scope

    def _payments(self) -> Any:
        if self._settings.stripe is None:
            raise CannotAssemble("payments are needed, but Stripe is not set: SHOP_STRIPE_SECRET_KEY, _PUBLISHABLE_KEY and _WEBHOOK_SECRET")
        return self._outside(Payments, "stripe", self._settings.stripe)

    def _webhooks(self) -> Any:
        if self._settings.stripe is None:
            raise CannotAssemble("webhooks of Stripe cannot be verified: SHOP_STRIPE_WEBHOOK_SECRET is not set")
        return importlib.import_module("shop.adapters.stripe").webhooks(self._settings.stripe)

    def _images(self) -> Any:
        images = self._settings.images
        return importlib.import_module("shop.adapters.image_bucket" if images.store.startswith("s3://") else "shop.adapters.image_folder").adapter(
            images
        )

    def _mail(self) -> Any:
        if self._settings.smtp is None:
            raise CannotAssemble("mail is needed, but no mail server is set: SHOP_SMTP_HOST, _PORT and _SENDER")
        return self._outside(Mail, "smtp", self._settings.smtp)

    def _outside(self, port: Any, name: str, settings: Any) -> Any:
        async def opened() -> AsyncIterator[Any]:
            adapter = importlib.import_module(f"shop.adapters.{name}").adapter(settings)
            yield watched(port, adapter, name, self._metrics)
            await adapter.aclose()

        return opened


def _load(name: str) -> Module:
    try:
        found: Module = importlib.import_module(f"shop.modules.{name}.module").MODULE
    except ModuleNotFoundError as error:
        if error.name and f"shop.modules.{name}.module".startswith(error.name):
            raise CannotAssemble(f"there is no module {name!r}: see SHOP_MODULES") from error
        raise
    return found


def _giving(value: Any) -> Any:
    return lambda: value


class NoKeys:
    """The keys of a process that was told none: whoever sends a token is asked to try again."""

    async def key(self, kid: str) -> Any:
        """Refuse, for nothing is known; raises Unavailable."""
        raise Unavailable("this process knows no keys of access tokens")


def _verifier(settings: Settings, clock: Clock, neighbours: Neighbours) -> Verifier:
    return TokenVerifier(_keys(settings, neighbours), settings.auth.issuer, clock)


def _keys(settings: Settings, neighbours: Neighbours) -> KeySource:
    if settings.auth.signing_keys:
        return LocalKeys(settings.auth.signing_keys)
    if settings.auth.jwks_url:
        return jwks.RemoteKeys(jwks.from_url(settings.auth.jwks_url, neighbours.client))
    users = neighbours.balancer("users")
    return jwks.RemoteKeys(jwks.from_users(users, neighbours.client)) if users else NoKeys()


def _routes(hosted: Sequence[Module]) -> list[HTTPRouteHandler]:
    operations = importlib.import_module("shop.operations").routes() if importlib.util.find_spec("shop.operations") else []
    return [*operations, *(prepared(handler, module.name) for module in hosted for handler in module.routes)]


def _is_split(settings: Settings, hosted: Sequence[str]) -> bool:
    """Tell whether processes speak to each other: they have a secret, and not everything is here."""
    remote = settings.remote
    return remote.internal_secret is not None and bool(set(MODULES) - set(hosted) or remote.forced or remote.peers or settings.eureka.urls)


def _internal(hosted: Sequence[Module], world: "World") -> list[HTTPRouteHandler]:
    offered = [
        prepared(handler, module.name) for module in hosted for port in module.offers for handler in feign_routes.routes(port, world.local[port])
    ]
    return [*offered, openapi.of_ports(offered)]


def _open(container: AsyncContainer, neighbours: Neighbours) -> Lifespan:
    """Open the way to the neighbours first of all; close what was opened, last of all."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncGenerator[None]:
        async with neighbours.open():
            try:
                yield
            finally:
                await container.close()

    return opened


def _work(hosted: Sequence[Module], container: AsyncContainer, run_jobs: bool) -> Lifespan:
    """Run the jobs of the hosted modules while the application is up."""

    @asynccontextmanager
    async def working(app: Litestar) -> AsyncGenerator[None]:
        runner = Runner([job for module in hosted for job in await module.jobs(container)])
        app.state.jobs = runner
        if run_jobs:
            runner.start()
        try:
            yield
        finally:
            await runner.stop()

    return working
