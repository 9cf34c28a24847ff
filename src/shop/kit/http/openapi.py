"""How a route's failures stand in the OpenAPI document."""

from itertools import groupby

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import UNSET, Struct, UnsetType

from shop.kit.problems import FieldError, Problem

PROBLEM_JSON = "application/problem+json"


class ProblemDetails(Struct, frozen=True):
    """A failure as RFC 9457 problem details; some problems have members of their own."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldError] | UnsetType = UNSET


def problems(*kinds: type[Problem]) -> dict[int, ResponseSpec]:
    """Give the `responses` of a handler that may raise these; what policy and body bring along is added by the edge."""
    by_status = groupby(sorted(set(kinds), key=lambda kind: (kind.status, kind.code)), key=lambda kind: kind.status)
    return {status: _response(list(group)) for status, group in by_status}


def _response(kinds: list[type[Problem]]) -> ResponseSpec:
    examples = [Example(id=kind.code, summary=kind.title, value=_example(kind)) for kind in kinds]
    described = " ".join(f"`{kind.code}`: {kind.title}" for kind in kinds)
    return ResponseSpec(ProblemDetails, generate_examples=False, description=described, media_type=PROBLEM_JSON, examples=examples)


def _example(kind: type[Problem]) -> dict[str, object]:
    given: dict[str, object] = {"type": f"/problems/{kind.code}", "title": kind.title, "status": kind.status, "detail": kind.title}
    return given | {"instance": "/api/v1/...", "code": kind.code, "request_id": "0192f0c1d2e3"}
