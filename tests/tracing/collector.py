"""A collector of traces that speaks OTLP over HTTP, on a loopback port."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span(Struct, frozen=True):
    """One span that arrived."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, str]


class Caller:
    """Somebody who asks for something to be traced."""

    def __init__(self) -> None:
        """Begin a trace; `traceparent` is the header that says so."""
        self.trace, self.span = secrets.token_hex(16), secrets.token_hex(8)
        self.traceparent = f"00-{self.trace}-{self.span}-01"

    def spans(self, collector: "Collector") -> list[Span]:
        """Give what has arrived of the trace."""
        return [span for span in collector.spans if span.trace == self.trace]

    def paths(self, collector: "Collector") -> dict[str, Span]:
        """Give the spans that hang on the caller's, by services and names from the top down."""
        known = {span.id: span for span in self.spans(collector)}
        return {" > ".join(names): span for span in known.values() if (names := self._path(span, known))}

    def _path(self, span: Span, known: dict[str, Span]) -> list[str]:
        name = f"{span.service}: {span.name}"
        if span.parent == self.span:
            return [name]
        above = self._path(known[span.parent], known) if span.parent in known else []
        return [*above, name] if above else []


class Collector:
    """What has arrived so far."""

    def __init__(self, url: str) -> None:
        """Spans are sent to this URL."""
        self.url = url
        self.spans: list[Span] = []

    def take(self, body: bytes) -> None:
        """Take in what one request brought."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                attributes = {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}
                ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                self.spans.append(Span(service, span.name, *ids, failed=span.status.code == 2, attributes=attributes))


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
