"""The kinds of adapters that every case of a contract suite runs against."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from typing_extensions import TypeForm

from shop.adapters import in_process

P = TypeVar("P")
KINDS = ("fake", "in_process", "rehearsed")


def adapted(kind: str, port: TypeForm[P], fake: P, open_scope: Callable[[], AbstractAsyncContextManager[P]]) -> P:
    """Give the port behind the adapter of this kind: the fake itself, or the real module behind an adapter."""
    if kind == "fake":
        return fake
    return in_process.adapter(port, open_scope, rehearse=kind == "rehearsed")
