"""One log line and one count for every answer."""

import logging
import time
from typing import Any

from litestar import Litestar

from shop.kit import logs
from shop.kit.http import context
from shop.kit.http.exchange import Exchange
from shop.kit.metrics import Metrics

OPERATIONS = "/actuator"  # probes come every few seconds: their lines are for debugging
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
CLIENT_WENT_AWAY = 499  # as nginx says


class Watch:
    """ASGI middleware around the whole application; it notes the route, never what was sent."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        """Count in these metrics."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let one request pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "OTHER"  # read now: the edge serves HEAD as GET
        status = CLIENT_WENT_AWAY

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._note(method, scope, status, time.perf_counter() - started)

    def _note(self, method: str, scope: Any, status: int, seconds: float) -> None:
        route = scope.get("path_template") or "UNKNOWN"
        self._metrics.observe(method, route, status, seconds)
        level = logging.DEBUG if route.startswith(OPERATIONS) else logging.INFO
        if not logs.access.isEnabledFor(level):
            return
        exchange: Exchange | None = scope.get("shop.exchange")
        ms = round(seconds * 1000, 1)
        fields = {"method": method, "route": route, "status": status, "ms": ms, "request_id": exchange.request_id if exchange else ""}
        logs.access.log(level, f"{method} {route} {status} {ms} ms", extra={"fields": fields})


def watch(app: Litestar) -> None:
    """Count and log every request of an application in its own metrics."""
    app.asgi_handler = Watch(app.asgi_handler, app.state.metrics)


def _of_request() -> dict[str, str]:
    found = {"request_id": request_id} if (request_id := context.request_id.get()) else {}
    if parent := context.traceparent.get():
        found["trace_id"] = parent.split("-")[1]
    return found


logs.tell_also(_of_request)
