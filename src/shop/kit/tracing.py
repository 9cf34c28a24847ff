"""Traces by OpenTelemetry, sent to a collector; without an endpoint nothing is imported and a span costs next to nothing."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from shop.kit.problems import Problem

SERVER_FAULT = 500
_tracer: Any = None
_api: Any = None
_propagator: Any = None


def start(endpoint: str, service: str, version: str) -> Callable[[], None]:
    """Send spans to an OTLP/HTTP collector from now on; what this gives sends the rest and ends it."""
    global _tracer, _api, _propagator
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    _api, _propagator, _tracer = trace, TraceContextTextMapPropagator(), provider.get_tracer("shop", version)

    def stop() -> None:
        global _tracer
        _tracer = None
        provider.shutdown()

    return stop


def is_on() -> bool:
    """Tell whether spans are recorded."""
    return _tracer is not None


def current() -> str | None:
    """Give the W3C traceparent of the span under way, or None."""
    if _tracer is None:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, kind: str = "INTERNAL", parent: str | None = None, **attributes: str) -> Generator[Any]:
    """Record what happens in the block; a declared problem is an answer, any other exception a failure. Gives None when nothing is recorded.

    `kind` is INTERNAL, SERVER or CLIENT; `parent` a W3C traceparent, else the span under way is the parent; `_` in an attribute's name is a dot.
    """
    if _tracer is None:
        yield None
        return
    context = _propagator.extract({"traceparent": parent}) if parent else None
    named = {name.replace("_", "."): value for name, value in attributes.items()}
    options = {"kind": _api.SpanKind[kind], "attributes": named, "record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(name, context, **options) as started:
        try:
            yield started
        except BaseException as error:
            started.set_attribute("error.type", error.code if isinstance(error, Problem) else type(error).__name__)
            if not isinstance(error, Problem) or error.status >= SERVER_FAULT:
                fail(started)
            raise


def begin(name: str, **attributes: str) -> Any:
    """Begin a span of the block under way, to be ended by whoever gets it; gives None when there is no such block."""
    if _tracer is None or not _api.get_current_span().is_recording():
        return None
    return _tracer.start_span(name, kind=_api.SpanKind.CLIENT, attributes={name.replace("_", "."): value for name, value in attributes.items()})


def fail(started: Any) -> None:
    """Mark a span as failed."""
    started.set_status(_api.StatusCode.ERROR)
