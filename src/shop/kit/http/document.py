"""The OpenAPI document of a set of handlers."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from msgspec import Struct

from shop.kit.http.openapi import PROBLEM_JSON, ProblemDetails
from shop.kit.http.operation import PLACEHOLDER, Operation, sent_as
from shop.kit.identity import Policy, Token

REFERENCE = "#/components/schemas/{name}"
CONSTRAINTS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "max_length": "maxLength",
               "min_length": "minLength", "pattern": "pattern"}  # fmt: skip
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token of a session."},
    "cart": {"type": "apiKey", "in": "header", "name": "X-Cart-Token", "description": "The `cart_token` of a guest's cart."},
    "order": {"type": "apiKey", "in": "header", "name": "X-Order-Token", "description": "The `order_token` of a guest's order."},
}
SERVICE = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A service token: one minute, for the module that is called."}
IDEMPOTENCY_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"}
PHRASES = {
    200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done; there is nothing to say.", 304: "The client's copy is still good.",
    400: "The request is malformed or has invalid values.", 401: "A valid access token is needed.", 403: "Known, but not allowed.",
    404: "Absent, or somebody else's.", 409: "The present state forbids it.", 410: "It is gone.", 412: "If-Match failed.", 413: "Too large.",
    415: "The body is not JSON.", 422: "The idempotency key was used with another body.", 429: "Too many requests.", 500: "A bug.",
    503: "A part of the shop does not answer.",
}  # fmt: skip


def document(handlers: Sequence[HTTPRouteHandler], *, title: str, version: str, description: str) -> dict[str, Any]:
    """Describe these handlers; the same ones always give the same document."""
    shown = [handler for handler in handlers if handler.include_in_schema is not False]
    operations = [Operation(path, method, handler) for handler in shown for path in handler.paths for method in handler.http_methods]
    operations.sort(key=lambda operation: (operation.shown_path, operation.method))
    kinds = [ProblemDetails, *(kind for operation in operations for kind in operation.types())]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    found = Schemas(dict(zip(map(_key, kinds), schemas, strict=True)))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.shown_path, {})[operation.method.lower()] = _operation(operation, found)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(tag for operation in operations for tag in operation.tags)],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "examples": _examples(operations), "securitySchemes": _schemes(operations)},
    }


def _schemes(operations: Sequence[Operation]) -> dict[str, Any]:
    is_internal = any(operation.policy.token is Token.SERVICE for operation in operations)
    return {"service": SERVICE} if is_internal else SECURITY


def _examples(operations: Sequence[Operation]) -> dict[str, Any]:
    found = {code: example for operation in operations for codes in operation.failures_by_status().values() for code, example in codes.items()}
    return {code: {"summary": example.summary, "value": example.value} for code, example in sorted(found.items())}


class Schemas(Struct, frozen=True):
    """The schema of every type that the document speaks of."""

    by_type: dict[Any, dict[str, Any]]

    def of(self, kind: Any) -> dict[str, Any]:
        """Give a type's schema, mostly a reference."""
        return deepcopy(self.by_type[_key(kind)])


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    summary, _, description = operation.doc.partition("\n")
    parameters = [_parameter(name, field, schemas) for name, field in operation.parameters.items()]
    parameters += _undeclared(operation)
    described: dict[str, Any] = {
        "operationId": f"{'_'.join(operation.tags)}_{operation.name}",
        "tags": operation.tags,
        "summary": summary,
        "description": description.strip(),
        "parameters": parameters,
        "requestBody": _body(operation, schemas),
        "responses": _responses(operation, schemas),
        "security": _security(operation.policy),
    }
    return {name: value for name, value in described.items() if value}


def _parameter(name: str, field: Any, schemas: Schemas) -> dict[str, Any]:
    kwarg: ParameterKwarg = field.kwarg_definition
    schema = schemas.of(field.annotation)
    limits = {says: getattr(kwarg, given) for given, says in CONSTRAINTS.items() if getattr(kwarg, given) is not None}
    for part in schema.get("anyOf", [schema]):
        if part.get("type") != "null":
            part.update(limits)
    in_path = kwarg.param_type.value == "path"
    described = {"name": sent_as(name, field), "in": kwarg.param_type.value, "required": in_path or not field.has_default, "schema": schema}
    if kwarg.description:
        described["description"] = kwarg.description
    if field.has_default and field.default is not None:
        described["schema"] = schema | {"default": msgspec.to_builtins(field.default)}
    return described


def _undeclared(operation: Operation) -> list[dict[str, Any]]:
    """Give the parameters that the edge reads, and those of the path that the handler does not name."""
    found = []
    if idempotency := operation.opt.get("idempotency"):
        says = "Repeating a request under the same key within 24 hours gives the first answer again."
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": idempotency == "required", "schema": IDEMPOTENCY_KEY, "description": says}
        )
    for name, kind in PLACEHOLDER.findall(operation.path):
        if name not in operation.parameters:
            schema = {"type": "string", "format": "uuid"} if kind == "uuid" else {"type": "string"}
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _body(operation: Operation, schemas: Schemas) -> dict[str, Any] | None:
    if accepted := operation.opt.get("accepts"):
        return {"required": True, "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in accepted}}
    if operation.body is None:
        return None
    return {"required": not _may_be_absent(operation), "content": {"application/json": {"schema": schemas.of(operation.body)}}}


def _may_be_absent(operation: Operation) -> bool:
    try:
        msgspec.json.decode(b"{}", type=operation.body)
    except msgspec.ValidationError:
        return False
    return operation.method == "POST"


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": PHRASES[operation.status]}
    if operation.result is not None:
        success["content"] = {operation.media_type: {"schema": schemas.of(operation.result)}}
    elif "gives" in operation.opt:
        success["content"] = {operation.opt["gives"]: {"schema": {"type": "string", "format": "binary"}}}
    if "idempotency" in operation.opt:
        success["headers"] = {"Idempotent-Replayed": {"schema": {"const": "true"}, "description": "There on a repeated answer."}}
    answers: dict[int, dict[str, Any]] = {operation.status: success}
    if operation.sends("If-None-Match"):
        success.setdefault("headers", {})["ETag"] = {"schema": {"type": "string"}}
        answers[304] = {"description": PHRASES[304]}
    for status, codes in operation.failures_by_status().items():
        answers[status] = _failure(status, codes, schemas)
    return {str(status): answers[status] for status in sorted(answers)}


def _failure(status: int, codes: Iterable[str], schemas: Schemas) -> dict[str, Any]:
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in sorted(codes)}
    content = {PROBLEM_JSON: {"schema": schemas.of(ProblemDetails), "examples": examples}}
    described: dict[str, Any] = {"description": PHRASES[status], "content": content}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}}
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"const": "Bearer"}}}
    return described


def _security(policy: Policy) -> list[dict[str, list[str]]]:
    if policy.token is Token.SERVICE:
        return [{"service": []}]
    if policy.token is Token.REQUIRED:
        return [{"bearer": []}]
    return [{"bearer": []}, {policy.capability: []} if policy.capability else {}]


def _key(kind: Any) -> Any:
    try:
        hash(kind)
    except TypeError:
        return repr(kind)
    return kind
