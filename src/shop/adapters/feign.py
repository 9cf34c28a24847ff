"""A port over HTTP: the client and the routes, both derived from the port's declaration."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgspec
from typing_extensions import TypeForm

from shop.adapters.target import Call, Target
from shop.kit.port import Endpoint, endpoints
from shop.kit.problems import Unavailable
from shop.kit.transactions import assert_no_transaction

P = TypeVar("P")
Method = Callable[..., Awaitable[Any]]
log = logging.getLogger("shop.ports")


def client(port: TypeForm[P], target: Target) -> P:
    """Give a port whose module runs in other processes."""
    methods = {endpoint.name: _method(endpoint, target) for endpoint in endpoints(port)}
    return cast(P, type(f"Remote{cast(Any, port).__name__}", (), methods)())


def _method(endpoint: Endpoint, target: Target) -> Method:
    answers = msgspec.json.Decoder(endpoint.result)

    def decode(status: int, body: bytes) -> Any:
        return _decoded(endpoint, answers, status, body)

    async def call(_self: object, **arguments: Any) -> Any:
        assert_no_transaction(f"{endpoint.port}.{endpoint.name}")
        return await target.call(_call(endpoint, endpoint.arguments(**arguments)), decode)

    call.__name__, call.__doc__ = endpoint.name, endpoint.doc
    return call


def _call(endpoint: Endpoint, arguments: msgspec.Struct) -> Call:
    given: dict[str, Any] = msgspec.to_builtins(arguments)
    path = endpoint.path.format(**{name: quote(str(given.pop(name)), safe="") for name in endpoint.in_path})
    if endpoint.verb in ("POST", "PUT"):
        return Call(endpoint.verb, f"/{endpoint.module}{path}", {}, msgspec.json.encode(given), endpoint.timeout)
    query = {name: _text(value) for name, value in given.items() if value is not None}
    return Call(endpoint.verb, f"/{endpoint.module}{path}", query, None, endpoint.timeout)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(endpoint: Endpoint, answers: msgspec.json.Decoder[Any], status: int, body: bytes) -> Any:
    """Give the result, or raise the problem that the port declares; whatever else was answered means that the outcome is unknown."""
    try:
        if status == 204 and endpoint.result in (None, type(None)):
            return None
        if status == 200:
            return answers.decode(body)
        document = msgspec.json.decode(body, type=dict[str, Any])
        declared = endpoint.problem(str(document.get("code")))
        problem = declared.from_members(document) if declared is not None and declared.status == status else None
    except (msgspec.MsgspecError, TypeError) as error:
        log.warning("%s.%s was answered with %d and something unreadable: %s", endpoint.port, endpoint.name, status, error)
        raise Unavailable(f"{endpoint.module} failed") from error
    if problem is None:
        log.warning("%s.%s was answered with %d %s, which it does not declare", endpoint.port, endpoint.name, status, document.get("code"))
        raise Unavailable(f"{endpoint.module} failed")
    raise problem
