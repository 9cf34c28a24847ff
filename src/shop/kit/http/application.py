"""Handlers and the edge around them make an application."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import Any

from dishka import AsyncContainer
from litestar import Litestar
from litestar.di import Provide
from litestar.events import BaseEventEmitterBackend
from litestar.handlers import HTTPRouteHandler

from shop.kit.http.admission import Admission, caller, check_policies, once
from shop.kit.http.answers import answer_problem
from shop.kit.http.edge import Edge, Traffic
from shop.kit.http.idempotent import KeepAnswers, begin
from shop.kit.http.requests import StrictRequest, check_no_body

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def application(handlers: Sequence[HTTPRouteHandler], container: AsyncContainer, admission: Admission, lifespan: Sequence[Lifespan] = ()) -> Litestar:
    """Serve these handlers behind the edge; raises UndeclaredPolicy. `app.state.traffic` says what is under way."""
    app = Litestar(
        route_handlers=[_admitting(handler, admission) for handler in handlers],
        request_class=StrictRequest,
        request_max_body_size=None,
        before_request=admission,
        dependencies={"caller": Provide(caller, sync_to_thread=False), "once": Provide(once, sync_to_thread=False)},
        exception_handlers={Exception: answer_problem},
        lifespan=list(lifespan),
        openapi_config=None,
        logging_config=None,
        event_emitter_backend=NoEvents,
    )
    check_policies(app)
    app.state.dishka_container = container
    app.state.traffic = Traffic()
    app.asgi_handler = Edge(app.asgi_handler, app.state.traffic, container)
    return app


class NoEvents(BaseEventEmitterBackend):
    """Litestar's events, which nobody uses here: its own emitter would tie the lifespan to the task that entered it."""

    async def __aexit__(self, *failure: object) -> None:
        """End with nothing to wait for."""

    def emit(self, event_id: str, *args: Any, **kwargs: Any) -> None:
        """Refuse, for nobody listens."""
        raise RuntimeError(f"nobody listens to {event_id}")


def prepared(handler: HTTPRouteHandler, module: str) -> HTTPRouteHandler:
    """Give a module's handler with the parts of the edge that it asks for, and no others."""
    made = copy(handler)
    made.opt = {**handler.opt, "module": module}
    made.tags = [*(handler.tags or []), module]
    if "idempotency" in handler.opt:
        made.middleware = [*(handler.middleware or []), KeepAnswers]
        made.before_request = begin
    elif handler.http_methods & {"POST", "PUT", "PATCH"} and copy(handler).parsed_data_field is None and not handler.opt.get("raw"):
        made.before_request = check_no_body
    return made


def _admitting(handler: HTTPRouteHandler, admission: Admission) -> HTTPRouteHandler:
    made = copy(handler)
    made.before_request = admission.then(handler.before_request)
    return made
