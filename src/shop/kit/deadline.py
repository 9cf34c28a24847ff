"""How much time is left for the request under way, and whether it is a second try; both travel with every call onward."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

MARGIN = 0.05

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)
is_retry: ContextVar[bool] = ContextVar("is_retry", default=False)


def time_for(seconds: float) -> float:
    """Give the seconds that a call may take: its own limit, or less where the caller waits no longer than that; never negative."""
    ends = _ends.get()
    return seconds if ends is None else max(0.0, min(seconds, ends - time.monotonic() - MARGIN))


def remaining(seconds: float) -> float:
    """Give the seconds until the caller's deadline; `seconds` where there is none."""
    ends = _ends.get()
    return seconds if ends is None else max(0.0, ends - time.monotonic())


@contextmanager
def deadline(seconds: float) -> Generator[None]:
    """Let whatever happens in the block end by then, at the latest."""
    ends = _ends.get()
    mine = time.monotonic() + seconds
    token = _ends.set(mine if ends is None else min(ends, mine))
    try:
        yield
    finally:
        _ends.reset(token)
