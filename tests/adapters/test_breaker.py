"""The circuit breaker opens, probes and closes as it should under asyncio."""

import asyncio
from contextlib import suppress

import pytest

from shop.adapters.breaker import Breaker, CircuitOpen, StateListener
from shop.kit.problems import NotFound, Unavailable


class Time:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at some moment."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Give the time in seconds."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Give a clock."""
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    """Give a closed breaker."""
    return Breaker("products", clock=time)


async def fail(breaker: Breaker) -> None:
    """Make a call that nobody answers."""
    with suppress(Unavailable):
        async with breaker.guard():
            raise Unavailable


async def succeed(breaker: Breaker) -> None:
    """Make a call that is answered."""
    async with breaker.guard():
        pass


async def opened(breaker: Breaker) -> Breaker:
    """Fail until it is open."""
    for _ in range(5):
        await fail(breaker)
    assert breaker.state == "open"
    return breaker


async def test_five_failures_in_a_row_open_it_and_it_says_when_to_come_back(breaker: Breaker) -> None:
    """An open circuit refuses at once, with the seconds that are left."""
    await opened(breaker)
    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)
    assert refused.value.retry_after is not None
    assert 4.0 <= refused.value.retry_after <= 5.0


async def test_half_of_the_calls_failing_open_it(breaker: Breaker) -> None:
    """Failures that are never consecutive are counted by rate, within twenty calls."""
    for call in range(20):
        if breaker.state == "open":
            break
        await (fail if call % 2 else succeed)(breaker)
    assert breaker.state == "open"


async def test_a_quarter_of_the_calls_failing_do_not(breaker: Breaker) -> None:
    """A service with some failures stays in use."""
    for call in range(100):
        await (succeed if call % 4 else fail)(breaker)
    assert breaker.state == "closed"


async def test_old_failures_are_forgotten(breaker: Breaker, time: Time) -> None:
    """What happened more than thirty seconds ago does not count."""
    for _ in range(4):
        await fail(breaker)
    time.now += 31
    await fail(breaker)
    assert breaker.state == "closed"


async def test_slow_answers_open_it(breaker: Breaker, time: Time) -> None:
    """A service that answers after more than two seconds, ten times, is left alone."""
    for _ in range(10):
        async with breaker.guard():
            time.now += 2.5
    assert breaker.state == "open"


async def test_problems_of_the_domain_are_answers(breaker: Breaker) -> None:
    """A service that says 404 is well."""
    for _ in range(30):
        with suppress(NotFound):
            async with breaker.guard():
                raise NotFound
    assert breaker.state == "closed"


async def test_a_cancelled_call_counts_for_nothing(breaker: Breaker) -> None:
    """A client that goes away says nothing about the service, and stays cancelled."""

    async def hang() -> None:
        async with breaker.guard():
            await asyncio.sleep(60)

    for _ in range(30):
        task = asyncio.create_task(hang())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert breaker.state == "closed"


async def test_one_probe_at_a_time_closes_it(breaker: Breaker, time: Time) -> None:
    """After its time an open circuit lets one call try; the others are refused meanwhile."""
    await opened(breaker)
    time.now += 7
    answer = asyncio.Event()

    async def probe() -> None:
        async with breaker.guard():
            await answer.wait()

    first = asyncio.create_task(probe())
    await asyncio.sleep(0)
    assert breaker.state == "half-open"
    for _ in range(10):
        with pytest.raises(CircuitOpen):
            await succeed(breaker)
    answer.set()
    await first
    assert breaker.state == "closed"


async def test_a_failed_probe_opens_it_again(breaker: Breaker, time: Time) -> None:
    """The service is left alone for another while."""
    await opened(breaker)
    time.now += 7
    await fail(breaker)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen):
        await succeed(breaker)


async def test_a_cancelled_probe_lets_the_next_one_try(breaker: Breaker, time: Time) -> None:
    """A probe whose client went away neither closes nor blocks the circuit."""
    await opened(breaker)
    time.now += 7

    async def hang() -> None:
        async with breaker.guard():
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert breaker.state == "half-open"
    await succeed(breaker)
    assert breaker.state == "closed"


async def test_late_results_of_an_earlier_epoch_are_dropped(breaker: Breaker, time: Time) -> None:
    """A call that began before the circuit opened says nothing about now."""
    late = asyncio.Event()

    async def slow_success() -> None:
        async with breaker.guard():
            await late.wait()

    task = asyncio.create_task(slow_success())
    await asyncio.sleep(0)
    await opened(breaker)
    time.now += 7
    late.set()
    await task
    assert breaker.state == "open"


async def test_listeners_hear_every_change(time: Time) -> None:
    """Metrics see the circuit open, be tried and close."""
    heard: list[tuple[str, str]] = []
    breaker = Breaker("cart", listeners=[StateListener(lambda name, state: heard.append((name, state)))], clock=time)
    await opened(breaker)
    time.now += 7
    await succeed(breaker)
    assert heard == [("cart", "open"), ("cart", "half-open"), ("cart", "closed")]
