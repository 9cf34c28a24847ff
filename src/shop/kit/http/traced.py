"""A span for every request, below the one that the caller named in `traceparent`."""

from typing import Any

from shop.kit import tracing
from shop.kit.http.watch import METHODS, OPERATIONS


class Traced:
    """ASGI middleware around the whole application; it notes the route, never what was sent."""

    def __init__(self, app: Any) -> None:
        """Record what this application answers."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let one request pass; probes are not recorded."""
        if scope["type"] != "http" or scope["path"].startswith(OPERATIONS):
            await self._app(scope, receive, send)
            return
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        with tracing.span(method, "SERVER", parent, http_request_method=method) as span:

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    _note(span, method, scope.get("path_template") or "UNKNOWN", message["status"])
                await send(message)

            await self._app(scope, receive, sending)


def _note(span: Any, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= tracing.SERVER_FAULT:
        tracing.fail(span)
