"""Failures that carry their HTTP status.

    Problem
    ├── Invalid                 400  one FieldError per bad field
    ├── Unauthenticated         401
    ├── Forbidden               403
    ├── NotFound                404
    ├── MethodNotAllowed        405
    ├── Conflict                409  the state forbids it; ports and modules derive theirs from it
    ├── Gone                    410  the operation's id was released before
    ├── PreconditionFailed      412
    ├── TooLarge                413
    ├── UnsupportedMediaType    415
    ├── IdempotencyKeyReused    422
    ├── TooManyRequests         429  always with retry_after
    ├── InternalError           500  a bug
    └── Unavailable             503  a neighbour did not answer: the outcome is unknown

A problem's code is its class name in snake_case, its title the first sentence of its docstring.
"""

import re
from typing import Any, ClassVar, Self

import msgspec
from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One bad field of a request, by its path, such as `lines[0].quantity`."""

    field: str
    message: str


class Problem(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Something went wrong."

    def __init_subclass__(cls) -> None:
        """Derive code and title from the class's name and docstring; a class that sets both itself looks like another one from outside."""
        if not cls.__doc__:
            raise TypeError(f"{cls.__qualname__} is a problem without a docstring, which is its title")
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
            cls.title = cls.__doc__.strip().splitlines()[0]

    def __init__(self, detail: str = "", *, retry_after: float | None = None, errors: tuple[FieldError, ...] = (), **extra: Any) -> None:
        """`extra` become members of the problem document and must be JSON values or Structs; `retry_after` is in seconds."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.errors = errors
        self.extra: dict[str, Any] = msgspec.to_builtins(extra)

    def members(self) -> dict[str, Any]:
        """Give the members of the problem document that do not depend on the request."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [msgspec.to_builtins(error) for error in self.errors]
        if self.retry_after is not None:
            document["retry_after"] = self.retry_after
        return document | self.extra

    @classmethod
    def from_members(cls, document: dict[str, Any]) -> Self:
        """Build the exception again from what `members` gave on the other side of a wire."""
        known = {"type", "title", "status", "code", "detail", "instance", "request_id", "errors", "retry_after"}
        errors = msgspec.convert(document.get("errors", []), tuple[FieldError, ...])
        extra = {name: value for name, value in document.items() if name not in known}
        return cls(document.get("detail", ""), retry_after=document.get("retry_after"), errors=errors, **extra)


class Invalid(Problem):
    """The request is malformed or has invalid values."""

    status = 400

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """Name the one field that is wrong."""
        return cls(f"{field}: {message}", errors=(FieldError(field, message),))


class Unauthenticated(Problem):
    """A valid access token is needed."""

    status = 401


class Forbidden(Problem):
    """You are known, but this is not allowed to you."""

    status = 403


class NotFound(Problem):
    """There is nothing here, or it is not yours."""

    status = 404


class MethodNotAllowed(Problem):
    """This address does not answer this method."""

    status = 405


class Conflict(Problem):
    """The present state forbids it."""

    status = 409


class Gone(Problem):
    """This operation was released and cannot come back."""

    status = 410


class PreconditionFailed(Problem):
    """The resource has changed since it was read."""

    status = 412


class TooLarge(Problem):
    """The request is too large."""

    status = 413


class UnsupportedMediaType(Problem):
    """The body must be JSON, sent as application/json."""

    status = 415


class IdempotencyKeyReused(Problem):
    """This idempotency key was used with another body."""

    status = 422


class IdempotencyKeyInUse(Conflict):
    """A request with this idempotency key is still being answered."""


class TooManyRequests(Problem):
    """Too many requests; wait a little."""

    status = 429


class InternalError(Problem):
    """Something went wrong on our side."""

    status = 500


class Unavailable(Problem):
    """A part of the shop does not answer; try again."""

    status = 503

    def __init__(self, detail: str = "", *, retry_after: float | None = 1.0, errors: tuple[FieldError, ...] = (), **extra: Any) -> None:
        """Always carries a Retry-After, one second unless told otherwise."""
        super().__init__(detail, retry_after=1.0 if retry_after is None else retry_after, errors=errors, **extra)
