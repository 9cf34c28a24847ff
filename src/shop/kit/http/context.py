"""What every log line, every call onward and every handler may know of the request under way."""

from contextvars import ContextVar

from shop.kit.http.exchange import Exchange

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
exchange: ContextVar[Exchange] = ContextVar("exchange")
