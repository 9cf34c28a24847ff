"""A circuit breaker for asyncio: PyBreaker is the state machine, this module feeds it right.

PyBreaker alone would let every call probe a half-open circuit, count a cancelled call as a failure, and look at consecutive failures only.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pybreaker
from msgspec import Struct

from shop.kit.problems import Unavailable

STATES = (pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN)


class NotTried(Unavailable):
    """Nothing was sent: no instance is known, no slot came free, or no time is left. Looks like Unavailable from outside."""

    code, title = Unavailable.code, Unavailable.title


class CircuitOpen(NotTried):
    """A part of the shop failed too often; it is left alone for some seconds. Looks like Unavailable from outside."""

    code, title = Unavailable.code, Unavailable.title


class Limits(Struct, frozen=True):
    """When a circuit opens, and for how long; times in seconds, rates from 0 to 1."""

    calls: int = 20
    seconds: float = 30.0
    least_calls: int = 10
    failure_rate: float = 0.5
    failures_in_a_row: int = 5
    slow_after: float = 2.0
    slow_rate: float = 0.8
    open_for: float = 5.0
    open_spread: float = 0.2
    probes: int = 1


class Call(Struct, frozen=True):
    """How one call ended; `at` is the monotonic clock's time."""

    at: float
    failed: bool
    slow: bool


class Window(pybreaker.CircuitMemoryStorage):
    """PyBreaker's storage: the last calls, and whether they are too many bad ones."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """Begin closed and empty."""
        super().__init__(pybreaker.STATE_CLOSED)
        self.limits = limits
        self.clock = clock
        self.calls: deque[Call] = deque(maxlen=limits.calls)
        self.epoch = 0
        self.slow = False

    @property
    def state(self) -> str:
        """Name the state: closed, open or half-open."""
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        self.epoch += 1
        self.calls.clear()

    def increment_counter(self) -> None:
        """Note a failure."""
        self.calls.append(Call(self.clock(), failed=True, slow=self.slow))

    def reset_counter(self) -> None:
        """Note a success."""
        self.calls.append(Call(self.clock(), failed=False, slow=self.slow))

    @property
    def counter(self) -> int:
        """Give 1 when the circuit must open, else 0."""
        recent = [call for call in self.calls if call.at > self.clock() - self.limits.seconds]
        last = recent[-self.limits.failures_in_a_row :]
        in_a_row = len(last) == self.limits.failures_in_a_row and all(call.failed for call in last)
        if in_a_row or len(recent) < self.limits.least_calls:
            return int(in_a_row)
        failed = sum(call.failed for call in recent) / len(recent)
        slow = sum(call.slow for call in recent) / len(recent)
        return int(failed >= self.limits.failure_rate or slow >= self.limits.slow_rate)


class Breaker:
    """Guards the calls to one target."""

    def __init__(
        self,
        name: str,
        limits: Limits = Limits(),  # noqa: B008  frozen
        listeners: Sequence[pybreaker.CircuitBreakerListener] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is the target's; listeners hear of every change of state."""
        self.name = name
        self._limits = limits
        self._clock = clock
        self._window = Window(limits, clock)
        self._machine = pybreaker.CircuitBreaker(
            fail_max=1, success_threshold=limits.probes, throw_new_error_on_trip=False, state_storage=self._window, listeners=listeners, name=name
        )
        self._closed_again_at = 0.0
        self._probing = False

    @property
    def state(self) -> str:
        """Name the state: closed, open or half-open."""
        return self._window.state

    @asynccontextmanager
    async def guard(self) -> AsyncGenerator[None]:
        """Let a call pass or raise CircuitOpen.

        Unavailable counts as a failure, other problems are answers; a call that was cancelled, or not even tried, counts for nothing.
        """
        epoch, probe = self._admit()
        started = self._clock()
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit, NotTried):
            raise
        except Unavailable as error:
            self._record(epoch, started, error)
            raise
        except Exception:
            self._record(epoch, started, None)
            raise
        else:
            self._record(epoch, started, None)
        finally:
            self._probing = self._probing and not probe

    def _admit(self) -> tuple[int, bool]:
        if self._window.state == pybreaker.STATE_OPEN:
            left = self._closed_again_at - self._clock()
            if left > 0:
                raise CircuitOpen(f"{self.name} failed too often", retry_after=left)
            self._machine.half_open()
        if self._window.state != pybreaker.STATE_HALF_OPEN:
            return self._window.epoch, False
        if self._probing:
            raise CircuitOpen(f"{self.name} is being tried again")
        self._probing = True
        return self._window.epoch, True

    def _record(self, epoch: int, started: float, error: Unavailable | None) -> None:
        if epoch != self._window.epoch:
            return
        self._window.slow = self._clock() - started > self._limits.slow_after
        if error is None:
            self._machine.call(lambda: None)
            if self._window.state == pybreaker.STATE_CLOSED and self._window.counter:
                self._machine.open()
        else:
            self._fail(error)
        if self._window.state == pybreaker.STATE_OPEN:
            early = 1 - self._limits.open_spread * random.random()  # noqa: S311  no secret; never later, a service that is back must not wait
            self._closed_again_at = self._clock() + self._limits.open_for * early

    def _fail(self, error: Unavailable) -> None:
        def again() -> NoReturn:
            raise error

        try:
            self._machine.call(again)
        except Unavailable as same:
            same.__traceback__ = error.__traceback__


class StateListener(pybreaker.CircuitBreakerListener):
    """Tells a function about every change of a circuit's state."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        """`tell` gets the target's name and its new state."""
        self._tell = tell

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Pass it on."""
        self._tell(cb.name, new_state.name)
