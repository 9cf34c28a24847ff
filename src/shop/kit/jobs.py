"""Background work of a module."""

from collections.abc import Awaitable, Callable

from msgspec import Struct


class Job(Struct, frozen=True):
    """Something that runs again and again; `run` gives whether it found work, and is then called again at once. `every` is in seconds."""

    name: str
    every: float
    run: Callable[[], Awaitable[bool]]
