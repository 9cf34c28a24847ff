"""How a port is declared: a typed Protocol whose methods carry a verb and a path.

Everything else is derived from the declaration: the in-process adapter, the HTTP client and its routes, the recorded wire schema.
"""

import enum
import inspect
import re
import types
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Struct
from typing_extensions import TypeForm

from shop.kit.problems import Problem, Unavailable

P = TypeVar("P")
Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])
SCALARS = (str, int, bool, UUID)
PLACEHOLDER = re.compile(r"\{(\w+)\}")


class InvalidPort(TypeError):
    """A port's declaration breaks a rule; found when the module is imported."""


class Declaration(Struct, frozen=True):
    """What a verb decorator noted on a method."""

    verb: str
    path: str
    raises: tuple[type[Problem], ...]
    timeout: float


class Endpoint(Struct, frozen=True):
    """One method of a port, as every adapter needs it; `timeout` is in seconds."""

    port: str
    module: str
    name: str
    verb: str
    path: str
    timeout: float
    raises: tuple[type[Problem], ...]
    arguments: type[Struct]
    result: Any
    doc: str

    @property
    def in_path(self) -> tuple[str, ...]:
        """Name the arguments that stand in the path."""
        return tuple(PLACEHOLDER.findall(self.path))

    def problem(self, code: str) -> type[Problem] | None:
        """Find the declared problem of this code; Unavailable is always declared."""
        declared: tuple[type[Problem], ...] = (*self.raises, Unavailable)
        return next((kind for kind in declared if kind.code == code), None)


def _verb(verb: str) -> Callable[..., Callable[[Method], Method]]:
    def declare(path: str, *, raises: tuple[type[Problem], ...] = (), timeout: float = 1.0) -> Callable[[Method], Method]:
        def mark(method: Method) -> Method:
            method.__dict__["declaration"] = Declaration(verb, path, raises, timeout)
            return method

        return mark

    return declare


get, post, put, delete = _verb("GET"), _verb("POST"), _verb("PUT"), _verb("DELETE")


class Port(Protocol):
    """The base of every port; a Protocol derived from it is checked when it is imported."""

    def __init_subclass__(cls) -> None:
        """Check the declaration of a new port; adapters and fakes that inherit one are not looked at."""
        super().__init_subclass__()
        if Protocol in cls.__bases__:
            endpoints(cls)


def endpoints(port: TypeForm[P]) -> tuple[Endpoint, ...]:
    """Give the endpoints of a port in the order of their declaration; raises InvalidPort."""
    declared: Any = port
    if "__endpoints__" not in declared.__dict__:
        declared.__endpoints__ = _read(declared)
    found: tuple[Endpoint, ...] = declared.__endpoints__
    return found


def _read(port: type) -> tuple[Endpoint, ...]:
    methods = {name: member for name, member in vars(port).items() if not name.startswith("_") and inspect.isfunction(member)}
    found = tuple(_endpoint(port, name, method) for name, method in methods.items())
    routes = [(endpoint.verb, PLACEHOLDER.sub("{}", endpoint.path)) for endpoint in found]
    if not found or len(set(routes)) != len(routes):
        raise InvalidPort(f"{port.__name__}: a port declares methods, each with a verb and a path of its own")
    return found


def _endpoint(port: type, name: str, method: Callable[..., Any]) -> Endpoint:
    where = f"{port.__name__}.{name}"
    declaration = method.__dict__.get("declaration")
    if not isinstance(declaration, Declaration) or not inspect.iscoroutinefunction(method):
        raise InvalidPort(f"{where}: a port method is async and has a verb decorator")
    if not (method.__doc__ and method.__doc__.strip()):
        raise InvalidPort(f"{where}: a port method has a docstring")
    hints = get_type_hints(method, include_extras=True)
    result = hints.pop("return", inspect.Parameter.empty)
    _check_arguments(where, method, hints, declaration)
    _check_result(where, result)
    codes = [problem.code for problem in declaration.raises]
    if len(set(codes)) != len(codes):
        raise InvalidPort(f"{where}: two problems have the same code")
    arguments = msgspec.defstruct(
        f"{port.__name__}{name.title().replace('_', '')}", _fields(method, hints), frozen=True, kw_only=True, module=port.__module__
    )
    module = port.__module__.rpartition(".")[2]
    doc = inspect.cleandoc(method.__doc__)
    return Endpoint(port.__name__, module, name, declaration.verb, declaration.path, declaration.timeout, declaration.raises, arguments, result, doc)


def _fields(method: Callable[..., Any], hints: dict[str, Any]) -> list[Any]:
    defaults = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
    return [(name, hint) if defaults[name] is inspect.Parameter.empty else (name, hint, defaults[name]) for name, hint in hints.items()]


def _check_arguments(where: str, method: Callable[..., Any], hints: dict[str, Any], declaration: Declaration) -> None:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.name not in hints:
            raise InvalidPort(f"{where}: argument {parameter.name} must be keyword-only and typed")
        in_path = f"{{{parameter.name}}}" in declaration.path
        if (in_path or declaration.verb in ("GET", "DELETE")) and not _is_scalar(hints[parameter.name], optional=not in_path):
            raise InvalidPort(f"{where}: argument {parameter.name} travels in the URL and must be a string, number, flag or UUID")
    missing = set(PLACEHOLDER.findall(declaration.path)) - {parameter.name for parameter in parameters}
    if missing or not declaration.path.startswith("/") or declaration.timeout <= 0:
        raise InvalidPort(f"{where}: path {declaration.path} names {sorted(missing)}, starts without a slash, or the timeout is not positive")


def _is_scalar(hint: Any, *, optional: bool) -> bool:
    if get_origin(hint) is not None and hasattr(hint, "__metadata__"):
        return _is_scalar(get_args(hint)[0], optional=optional)
    if get_origin(hint) in (Union, types.UnionType):
        return optional and all(part is type(None) or _is_scalar(part, optional=False) for part in get_args(hint))
    return isinstance(hint, type) and (issubclass(hint, (*SCALARS, enum.Enum)))


def _check_result(where: str, result: Any) -> None:
    plain = result is None or result is type(None)
    listed = get_origin(result) is list
    struct = isinstance(result, type) and issubclass(result, Struct)
    if not (plain or listed or struct):
        raise InvalidPort(f"{where}: a port method gives a Struct, a list or None")
    try:
        msgspec.json.schema(result)
    except TypeError as error:
        raise InvalidPort(f"{where}: its result cannot be written as JSON: {error}") from error
