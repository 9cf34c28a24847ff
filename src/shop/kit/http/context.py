"""What every log line and every call onward knows of the request under way."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
