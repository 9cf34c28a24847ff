"""The twin as a web application."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Response
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.enums import MediaType, ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shop.demo import refuse_in_production
from shop.demo.images import show_image
from shop.demo.page import page
from shop.demo.serving import serve
from shop.demo.stripe_twin import api_account, api_payments
from shop.demo.stripe_twin.call import AnyRequest
from shop.demo.stripe_twin.control import control_routes
from shop.demo.stripe_twin.gate import LOST
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.index_page import revision, show_all
from shop.demo.stripe_twin.pay_page import show_payment, take_step
from shop.demo.stripe_twin.problems import StripeProblem
from shop.demo.stripe_twin.settings import TwinSettings
from shop.demo.stripe_twin.twin import Twin

log = logging.getLogger(__name__)

_LOCAL_PAGES = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


class LostAnswers(ASGIMiddleware):
    """Breaks the connection in the middle of an answer whose loss was asked for: it promises a byte that never comes."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on; cut the answer if the gate says so."""

        async def cut(message: Message) -> None:
            if not scope["state"].get(LOST):
                await send(message)
            elif message["type"] == "http.response.start":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
                await send({"type": "http.response.body", "body": b"", "more_body": True})

        await next_app(scope, receive, cut)


def create_app(settings: TwinSettings, *, clock: Callable[[], float] = time.time) -> Litestar:
    """Build a twin; its state opens with the application's lifespan and survives kill -9. Refuses production."""
    refuse_in_production(settings.env)
    opened: list[Twin] = []

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        opened[:] = [Twin(settings, clock)]
        async with opened[0].alive():
            yield

    payments = [getattr(api_payments, name) for name in ("create_intent", "retrieve_intent", "list_intents", "search_intents")]
    steps = [api_payments.confirm_intent, api_payments.capture_intent, api_payments.cancel_intent]
    refunds = [api_account.retrieve_charge, api_account.create_refund, api_account.retrieve_refund, api_account.list_refunds]
    events = [api_account.retrieve_event, api_account.list_events, api_account.balance, api_account.account]
    endpoints = [api_account.create_endpoint, api_account.list_endpoints, api_account.retrieve_endpoint, api_account.delete_endpoint]
    pages = [show_all, revision, show_payment, take_step, show_image]
    return Litestar(
        [*payments, *steps, *refunds, *events, *endpoints, *pages, control_routes(settings)],
        dependencies={"twin": Provide(lambda: opened[0], sync_to_thread=False, use_cache=False)},
        lifespan=[lifespan],
        middleware=[LostAnswers()],
        exception_handlers={StripeProblem: answer_problem, HTTPException: answer_http, Exception: answer_bug},
        cors_config=CORSConfig(allow_origin_regex=_LOCAL_PAGES, allow_origins=[], allow_headers=["authorization", "content-type", "idempotency-key"]),
        openapi_config=None,
        logging_config=None,
    )


async def serve_twin(settings: TwinSettings, *, host: str = "127.0.0.1", port: int, ready: asyncio.Event | None = None) -> None:
    """Serve a twin until cancelled; `ready` is set as soon as it answers. Refuses production and a taken port."""
    refuse_in_production(settings.env)
    await serve(create_app(settings), host=host, port=port, ready=ready)


def answer_problem(_: AnyRequest, problem: StripeProblem) -> Response[dict[str, Any]]:
    """Answer an error as Stripe does."""
    id = new_id("req")
    headers = {"Request-Id": id}
    if problem.status == 409:
        headers["Stripe-Should-Retry"] = "true"
    if problem.status in {429, 503}:
        headers["Retry-After"] = "1"
    return Response(problem.body(), status_code=problem.status, media_type=MediaType.JSON, headers=headers)


def answer_http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """Answer what the framework refused: in Stripe's shape for programs, as a page for people."""
    path = request.url.path
    if path.startswith(("/v1", "/twin")):
        unknown = f"Unrecognized request URL ({request.method}: {path})."
        detail = unknown if error.status_code in {404, 405} else f"{error.detail} {getattr(error, 'extra', None) or ''}".strip()
        return answer_problem(request, StripeProblem(detail, status=error.status_code))
    return page("problem.html", status=error.status_code, brand="Stripe twin", title="This does not work", detail=error.detail)


def answer_bug(request: AnyRequest, error: Exception) -> Response[Any]:
    """Answer what nobody expected, and write it down."""
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return answer_problem(request, StripeProblem("An unknown error occurred", status=500, type="api_error"))
