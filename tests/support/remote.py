"""Modules in other processes, without the processes: applications in this event loop that are reached over HTTP."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from typing import Any

import httpx
from dishka import make_async_container
from litestar import Litestar

from shop.adapters.balancer import Balancer, Instance
from shop.adapters.breaker import Breaker
from shop.adapters.feign_routes import routes
from shop.adapters.target import Target
from shop.kit.http.admission import Admission
from shop.kit.http.application import application, prepared
from shop.kit.http.clients import TrustedProxies
from shop.kit.http.limits import Limiter
from shop.kit.port import endpoints
from shop.kit.secret import Secret
from shop.kit.service_tokens import ServiceTokens

SECRET = Secret("a secret that all processes of the tests share")


class Network(httpx.AsyncBaseTransport):
    """Carries requests to applications in this loop, by host; each is answered in a context of its own, as in another process."""

    def __init__(self, apps: Mapping[str, Any]) -> None:
        """A host that is not among `apps` refuses connections; `apps` may change at any time."""
        self.apps = apps
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        self.sent.append(request)
        if request.url.host not in self.apps:
            raise httpx.ConnectError("connection refused", request=request)
        transport = httpx.ASGITransport(self.apps[request.url.host], raise_app_exceptions=False)
        return await asyncio.create_task(transport.handle_async_request(request), context=Context())


def serves(port: Any, adapter: Any) -> Litestar:
    """Give an application with nothing but the internal routes of a port."""

    class Nobody:
        async def verify(self, token: str) -> Any:
            raise NotImplementedError(token)

    module = endpoints(port)[0].module
    admission = Admission(Nobody(), TrustedProxies(()), Limiter(lambda: 0.0), ServiceTokens(SECRET))
    return application([prepared(handler, module) for handler in routes(port, adapter)], make_async_container(), admission)


def target(module: str, client: httpx.AsyncClient, *urls: str) -> Target:
    """Give the target of a module whose instances have these URLs."""
    instances = [Instance(url) for url in urls]
    return Target(Balancer(module, lambda: instances), Breaker(module), ServiceTokens(SECRET), client)
