"""Who is let in: every route has a policy, and the verified token alone says who calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Litestar
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from shop.kit.http import context
from shop.kit.http.clients import TrustedProxies, client_network
from shop.kit.http.exchange import Exchange, exchange_of
from shop.kit.http.limits import Limiter
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, Policy, Token, Verifier
from shop.kit.problems import Problem, Unauthenticated
from shop.kit.service_tokens import ServiceTokens

Hook = Callable[[Any], Awaitable[Any]]


class UndeclaredPolicy(RuntimeError):
    """A route does not say whom it answers, so the application does not start."""


class Admission:
    """Guards every route: rate limit, then identity, then policy; all of it before the body is read.

    It is a `before_request` hook and not one of Litestar's guards, because those copy the whole handler at every request.
    """

    def __init__(self, verifier: Verifier, proxies: TrustedProxies, limiter: Limiter, services: ServiceTokens | None = None) -> None:
        """Check users' tokens with this verifier, those of other processes with `services`; without them no process is let in."""
        self._verifier = verifier
        self._services = services
        self._proxies = proxies
        self._limiter = limiter

    def then(self, hook: Hook | None) -> Hook:
        """Give the hook of a route: admission first, then the route's own one, if it has one."""
        if hook is None:
            return self.__call__

        async def admitted(request: Any) -> Any:
            await self(request)
            return await hook(request)

        return admitted

    async def __call__(self, request: Any) -> None:
        """Note in the exchange who calls; raises TooManyRequests, Unauthenticated, Forbidden."""
        scope = request.scope
        handler = scope["route_handler"]
        policy: Policy | None = handler.opt.get("policy")
        if policy is None:
            return  # Litestar's own answer to OPTIONS; check_policies has seen every other route
        exchange = exchange_of(scope)
        peer = scope.get("client")
        address = self._proxies.client(peer[0] if peer else "", scope["headers"])
        if limit := handler.opt.get("limit"):
            self._limiter.take(str(handler), client_network(address), *limit)
        if policy.token is Token.SERVICE:
            self._admit_service(exchange, handler.opt.get("module", ""))
            return
        exchange.caller = await self._caller(exchange, address, policy.token)
        policy.admit(exchange.caller)

    def _admit_service(self, exchange: Exchange, module: str) -> None:
        authorization = exchange.header(b"authorization")
        if self._services is None or authorization is None:
            raise Unauthenticated
        self._services.verify(_bearer(authorization), module)

    async def _caller(self, exchange: Exchange, address: str, token: Token) -> Caller:
        cart_token, order_token = exchange.header(b"x-cart-token"), exchange.header(b"x-order-token")
        authorization = exchange.header(b"authorization")
        if authorization is None:
            return Caller(cart_token=cart_token, order_token=order_token, address=address)
        try:
            user_id, roles = await self._verifier.verify(_bearer(authorization))
        except Problem:
            if token is not Token.LENIENT:
                raise
            return Caller(cart_token=cart_token, order_token=order_token, address=address)
        return Caller(user_id, roles, cart_token, order_token, address)


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return token.strip()


def check_policies(app: Litestar) -> None:
    """Refuse to start an application with a route that declares no policy; raises UndeclaredPolicy, which names it."""
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [getattr(route, "route_handler", None)]
        for handler in handlers:
            if not _is_options_of_litestar(handler) and not isinstance(getattr(handler, "opt", {}).get("policy"), Policy):
                methods = " ".join(sorted(getattr(handler, "http_methods", ()))) or type(route).__name__
                raise UndeclaredPolicy(f"{methods} {route.path} declares no policy (handler {handler})")


def _is_options_of_litestar(handler: Any) -> bool:
    return isinstance(handler, HTTPRouteHandler) and handler.fn.__module__ == HTTPRoute.__module__


def caller() -> Caller:
    """Give handlers who calls (a dependency)."""
    return context.exchange.get().caller


def once(caller: NamedDependency[Caller]) -> Once:
    """Give handlers the right to make an effect once (a dependency); needing `caller` keeps Litestar from starting a task group for the two."""
    return context.exchange.get().once or Once()
