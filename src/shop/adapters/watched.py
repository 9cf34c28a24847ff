"""Counts and traces the calls to a port, whatever adapter stands behind it."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from typing_extensions import TypeForm

from shop.kit import tracing
from shop.kit.metrics import Metrics
from shop.kit.port import Endpoint, endpoints
from shop.kit.problems import Problem, Unavailable

P = TypeVar("P")


def watched(port: TypeForm[P], inner: P, adapter: str, metrics: Metrics) -> P:
    """Give a port that calls `inner`; `adapter` says in metrics and traces what that is: in_process, http, stripe or smtp."""
    methods = {endpoint.name: _method(endpoint, getattr(inner, endpoint.name), adapter, metrics) for endpoint in endpoints(port)}
    return cast(P, type(f"Watched{cast(Any, port).__name__}", (), methods)())


def _method(endpoint: Endpoint, inner: Callable[..., Awaitable[Any]], adapter: str, metrics: Metrics) -> Callable[..., Awaitable[Any]]:
    name = f"{endpoint.port}.{endpoint.name}"
    kind = "INTERNAL" if adapter == "in_process" else "CLIENT"

    async def call(_self: object, **arguments: Any) -> Any:
        started, outcome = time.perf_counter(), "cancelled"
        try:
            with tracing.span(name, kind, shop_adapter=adapter, rpc_service=endpoint.port, rpc_method=endpoint.name):
                result = await inner(**arguments)
            outcome = "ok"
            return result
        except Unavailable:
            outcome = "unavailable"
            raise
        except Problem:
            outcome = "refused"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            metrics.called(endpoint.port, endpoint.name, adapter, outcome, time.perf_counter() - started)

    call.__name__, call.__doc__ = endpoint.name, endpoint.doc
    return call
