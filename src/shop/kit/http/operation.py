"""One operation of the public API, as its handler and the edge declare it."""

import inspect
import re
from collections.abc import Iterable
from copy import copy
from types import NoneType
from typing import Any, Union, get_args, get_origin

from litestar import Response
from litestar.di import Dependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import ParameterKwarg

from shop.kit.http.openapi import problems
from shop.kit.identity import Policy, Token
from shop.kit.problems import (
    Forbidden,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InternalError,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

PLACEHOLDER = re.compile(r"\{(\w+):(\w+)\}")


class Operation:
    """One method of one path."""

    def __init__(self, path: str, method: str, handler: HTTPRouteHandler) -> None:
        """Read the handler's signature."""
        self.path, self.method = path, method
        self.shown_path = PLACEHOLDER.sub(r"{\1}", path)
        self.opt = handler.opt
        self.tags = handler.tags or []
        self.status = handler.status_code
        self.media_type = str(getattr(handler.media_type, "value", handler.media_type) or "application/json")
        self.responses: dict[int, ResponseSpec] = dict(handler.responses or {})
        unowned = copy(handler)
        self.name = unowned.handler_name
        self.doc = inspect.cleandoc(unowned.fn.__doc__ or "")
        self.parameters = {name: field for name, field in unowned.parsed_fn_signature.parameters.items() if is_sent(field)}
        self.body = None if unowned.parsed_data_field is None else unowned.parsed_data_field.annotation
        self.result = content_of(unowned.parsed_fn_signature.return_type.annotation)
        self.policy: Policy = handler.opt["policy"]

    def types(self) -> list[Any]:
        """Name the types whose schemas it needs."""
        return [kind for kind in (self.body, self.result, *(field.annotation for field in self.parameters.values())) if kind is not None]

    def sends(self, header: str) -> bool:
        """Tell whether a header is one of its parameters."""
        return any(sent_as(name, field) == header for name, field in self.parameters.items())

    def failures_by_status(self) -> dict[int, dict[str, Example]]:
        """Give an example of every problem by its status and code: the handler's own ones, and what the edge adds."""
        found: dict[int, dict[str, Example]] = {}
        for specs in (problems(*self._failures_of_the_edge()), self.responses):
            for status, spec in specs.items():
                found.setdefault(status, {}).update({str(example.id): example for example in spec.examples or ()})
        return found

    def _failures_of_the_edge(self) -> Iterable[type[Problem]]:
        yield from (Invalid, InternalError, Unavailable)
        if PLACEHOLDER.search(self.path):
            yield NotFound
        if self.policy.token is not Token.LENIENT:
            yield Unauthenticated
        if self.policy.role is not None:
            yield Forbidden
        if self.method in ("POST", "PUT", "PATCH"):
            yield TooLarge
            if not self.opt.get("raw"):
                yield UnsupportedMediaType
        if "idempotency" in self.opt:
            yield from (IdempotencyKeyInUse, IdempotencyKeyReused)
        if "limit" in self.opt:
            yield TooManyRequests
        if self.sends("If-Match"):
            yield PreconditionFailed


def is_sent(field: Any) -> bool:
    """Tell whether a parameter of a handler comes with the request, and is not injected."""
    return isinstance(field.kwarg_definition, ParameterKwarg) and not any(isinstance(mark, Dependency) for mark in field.metadata)


def sent_as(name: str, field: Any) -> str:
    """Give the name that a parameter has in the request."""
    return field.kwarg_definition.name or name


def content_of(annotation: Any) -> Any:
    """Unwrap `Response[T]` and leave out None; what has no content is None."""
    if get_origin(annotation) is Response or annotation is Response:
        annotation = (get_args(annotation) or (None,))[0]
    if NoneType in get_args(annotation):
        annotation = Union[tuple(part for part in get_args(annotation) if part is not NoneType)]  # noqa: UP007 made at run time
    return None if annotation in (None, NoneType, Any, bytes) else annotation
