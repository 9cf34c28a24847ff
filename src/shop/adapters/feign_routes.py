"""The internal routes of a port: what `feign.client` calls, derived from the same declaration."""

import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, HeaderParameter, PathParameter, QueryParameter
from typing_extensions import TypeForm

from shop.adapters.target import ATTEMPT, DEADLINE
from shop.kit.deadline import deadline, is_retry
from shop.kit.http.openapi import problems
from shop.kit.identity import service
from shop.kit.port import Endpoint, endpoints
from shop.kit.problems import Invalid

P = TypeVar("P")
BODY_LIMIT = 1024 * 1024
PATH_KINDS = {UUID: "uuid", int: "int"}
OF_THE_CALL = {
    "x_internal_deadline": Annotated[int | None, HeaderParameter(name=DEADLINE, ge=0, description="Milliseconds that the caller waits.")],
    "x_internal_attempt": Annotated[int | None, HeaderParameter(name=ATTEMPT, ge=1, description="2 when this is a second try.")],
}


def routes(port: TypeForm[P], adapter: P) -> list[HTTPRouteHandler]:
    """Give the internal routes of a port, served by the adapter of the module that is hosted here."""
    return [_route(endpoint, getattr(adapter, endpoint.name)) for endpoint in endpoints(port)]


def _route(endpoint: Endpoint, call: Callable[..., Awaitable[Any]]) -> HTTPRouteHandler:
    in_body = _in_body(endpoint)

    async def answer(*, x_internal_deadline: int | None = None, x_internal_attempt: int | None = None, **given: Any) -> Any:
        body = given.pop("data", None)
        given |= {name: getattr(body, name) for name in in_body} if body is not None else {}
        arguments = _checked(endpoint, given)
        with _as_the_caller_says(x_internal_deadline, x_internal_attempt):
            return await call(**arguments)

    answer.__name__, answer.__doc__ = f"{endpoint.port}_{endpoint.name}", endpoint.doc
    _sign(answer, endpoint, _parameters(endpoint, in_body))
    status = 204 if endpoint.result in (None, type(None)) else 200
    return HTTPRouteHandler(
        _path(endpoint),
        http_method=cast(Any, endpoint.verb),
        status_code=status,
        responses=problems(*endpoint.raises),
        policy=service,
        body_limit=BODY_LIMIT,
    )(cast(Any, answer))


@contextmanager
def _as_the_caller_says(milliseconds: int | None, attempt: int | None) -> Generator[None]:
    """Take over how long the caller waits, and whether it tries for the second time."""
    token = is_retry.set((attempt or 1) > 1)
    try:
        if milliseconds is None:
            yield
        else:
            with deadline(milliseconds / 1000):
                yield
    finally:
        is_retry.reset(token)


def _checked(endpoint: Endpoint, given: dict[str, Any]) -> dict[str, Any]:
    """Check what came in the URL against the declared types, too: Litestar overlooks their limits."""
    try:
        arguments = msgspec.convert(given, endpoint.arguments)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    return {name: getattr(arguments, name) for name in arguments.__struct_fields__}


def _sign(answer: Any, endpoint: Endpoint, parameters: dict[str, Any]) -> None:
    """Give the handler a real signature: Litestar reads bodies and parameters by it, and documents them."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(endpoint.arguments) if field.default is not msgspec.NODEFAULT}
    defaults |= dict.fromkeys(OF_THE_CALL)
    answer.__annotations__ = parameters | {"return": endpoint.result}
    answer.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=defaults.get(name, inspect.Parameter.empty))
            for name, kind in parameters.items()
        ],
        return_annotation=endpoint.result,
    )


def _parameters(endpoint: Endpoint, in_body: tuple[str, ...]) -> dict[str, Any]:
    kinds = {field.name: field.type for field in msgspec.structs.fields(endpoint.arguments)}
    found: dict[str, Any] = {name: Annotated[kinds[name], PathParameter()] for name in endpoint.in_path}
    if in_body:
        found["data"] = Annotated[_body(endpoint, in_body), BodyKwarg()]
    else:
        found |= {name: Annotated[kind, QueryParameter()] for name, kind in kinds.items() if name not in endpoint.in_path}
    return found | OF_THE_CALL


def _in_body(endpoint: Endpoint) -> tuple[str, ...]:
    if endpoint.verb not in ("POST", "PUT"):
        return ()
    return tuple(name for name in endpoint.arguments.__struct_fields__ if name not in endpoint.in_path)


def _body(endpoint: Endpoint, names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Make the type of the body; fields that only a newer caller knows are ignored, so that containers can be upgraded one at a time."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(endpoint.arguments):
        if field.name in names:
            fields.append((field.name, field.type) if field.default is msgspec.NODEFAULT else (field.name, field.type, field.default))
    return msgspec.defstruct(f"{endpoint.arguments.__name__}Body", fields, frozen=True, kw_only=True, module=__name__)


def _path(endpoint: Endpoint) -> str:
    path = f"/internal/{endpoint.module}{endpoint.path}"
    for field in msgspec.structs.fields(endpoint.arguments):
        path = path.replace(f"{{{field.name}}}", f"{{{field.name}:{PATH_KINDS.get(field.type, 'str')}}}")
    return path
