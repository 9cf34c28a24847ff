"""Every failure becomes RFC 9457 problem details."""

import logging
import math
import re
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from shop.kit.http.exchange import Exchange, exchange_of
from shop.kit.http.openapi import PROBLEM_JSON
from shop.kit.http.strict_json import parameter_errors
from shop.kit.problems import InternalError, Invalid, MethodNotAllowed, NotFound, Problem, TooLarge, TooManyRequests

log = logging.getLogger("shop.http")
_MISSING = re.compile(r"Missing required (?P<source>\w+) parameter '(?P<name>[^']*)'")


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Give the answer to a failed request (Litestar's exception handler for everything)."""
    exchange = exchange_of(request.scope)
    problem = problem_of(error, request.scope)
    return Response(body_of(problem, exchange), status_code=problem.status, headers=dict(headers_of(problem, error)), media_type=PROBLEM_JSON)


def problem_of(error: Exception, scope: Any) -> Problem:
    """Say as a problem what went wrong; what nobody foresaw is logged and becomes an InternalError that tells nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotFoundException):
        return NotFound()
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed()
    if isinstance(error, ValidationException):
        return _bad_parameters(error, scope)
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge()
    if isinstance(error, HTTPException) and error.status_code < 500:
        return Invalid.field("request", error.detail)
    log.error("%s %s failed", scope.get("method"), exchange_of(scope).path, exc_info=error)
    return InternalError()


def body_of(problem: Problem, exchange: Exchange) -> bytes:
    """Write a problem document."""
    return msgspec.json.encode(problem.members() | {"instance": exchange.path, "request_id": exchange.request_id})


def headers_of(problem: Problem, cause: Exception) -> list[tuple[str, str]]:
    """Give the headers that a problem brings along."""
    headers: list[tuple[str, str]] = []
    if problem.retry_after is not None or problem.status in (TooManyRequests.status, 503):
        headers.append(("retry-after", str(max(1, math.ceil(problem.retry_after or 1)))))
    if problem.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    if isinstance(cause, MethodNotAllowedException):
        headers.append(("allow", (cause.headers or {}).get("allow", "")))
    return headers


def _bad_parameters(error: ValidationException, scope: Any) -> Problem:
    if missing := _MISSING.search(error.detail):
        return parameter_errors([(missing["name"], "is missing")])
    found: Any = error.extra if isinstance(error.extra, list) else []
    if any(entry.get("source") == "path" for entry in found):
        return NotFound()
    handler = scope.get("route_handler")
    return parameter_errors([(_sent_name(handler, entry.get("key", "")), entry["message"]) for entry in found] or [("request", error.detail)])


def _sent_name(handler: Any, name: str) -> str:
    parameter = handler.parsed_fn_signature.parameters.get(name) if handler else None
    return getattr(parameter and parameter.kwarg_definition, "name", None) or name or "request"
