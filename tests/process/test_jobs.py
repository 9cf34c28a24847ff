"""Background jobs run again and again, survive their own failures and stop in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from shop.kit.jobs import Job, Runner, pause
from shop.kit.problems import Unavailable

HOUR = 3600.0


class Work:
    """A job that notes its runs; `outcomes` says how each ends, an exception is raised, the last one repeats."""

    def __init__(self, *outcomes: bool | Exception, hold: Callable[[], Awaitable[object]] | None = None) -> None:
        """Begin without a run; `hold` is awaited in the middle of every run."""
        self.outcomes = list(outcomes) or [False]
        self.hold = hold
        self.runs = 0
        self.finished = 0
        self.ran = asyncio.Event()

    async def __call__(self) -> bool:
        """Run once."""
        outcome = self.outcomes[min(self.runs, len(self.outcomes) - 1)]
        self.runs += 1
        self.ran.set()
        if self.hold:
            await self.hold()
        self.finished += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def runs_again(self) -> None:
        """Wait for the next run."""
        self.ran.clear()
        async with asyncio.timeout(2):
            await self.ran.wait()


async def test_a_job_runs_again_at_once_while_it_finds_work() -> None:
    """Three runs find work, so a fourth follows without waiting an hour."""
    work = Work(True, True, True, False)
    runner = Runner([Job("mail", HOUR, work)])
    runner.start()
    while work.runs < 4:
        await work.runs_again()
    await asyncio.sleep(0.01)
    await runner.stop()
    assert work.runs == 4


async def test_a_failing_job_never_dies(caplog: pytest.LogCaptureFixture) -> None:
    """A job that raises is logged with its traceback and woken again by a nudge."""
    work = Work(ValueError("boom"), False)
    runner = Runner([Job("mail", HOUR, work)])
    with caplog.at_level(logging.WARNING, "shop.jobs"):
        runner.start()
        await work.runs_again()
        await asyncio.sleep(0)
        runner.nudge("mail")
        await work.runs_again()
        await runner.stop()
    assert work.runs == 2
    assert [(record.getMessage(), record.exc_info is not None) for record in caplog.records] == [("job mail failed", True)]


async def test_an_expected_failure_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A neighbour that does not answer is no bug, so no traceback is written."""
    work = Work(Unavailable("products did not answer in 1 s"))
    runner = Runner([Job("sweep", HOUR, work)])
    with caplog.at_level(logging.WARNING, "shop.jobs"):
        runner.start()
        await work.runs_again()
        await asyncio.sleep(0)
        await runner.stop()
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [("job sweep failed: products did not answer in 1 s", None)]


async def test_one_failing_job_does_not_hold_up_another() -> None:
    """Jobs run side by side."""
    failing, working = Work(ValueError("boom")), Work(True, True, False)
    runner = Runner([Job("failing", HOUR, failing), Job("working", HOUR, working)])
    runner.start()
    while working.runs < 3:
        await working.runs_again()
    await runner.stop()
    assert (failing.runs, working.runs) == (1, 3)


async def test_stopping_ends_an_idle_wait_at_once() -> None:
    """A job that would next run in an hour does not hold up the end of the process."""
    work = Work(False)
    runner = Runner([Job("purge", HOUR, work)])
    runner.start()
    await work.runs_again()
    async with asyncio.timeout(1):
        await runner.stop()
    assert work.runs == 1


async def test_stopping_lets_a_running_job_finish() -> None:
    """What is in the middle of its work is not cut off within the grace."""
    gate = asyncio.Event()
    work = Work(True, hold=gate.wait)
    runner = Runner([Job("mail", HOUR, work)], grace=5)
    runner.start()
    await work.runs_again()
    stopping = asyncio.create_task(runner.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    gate.set()
    async with asyncio.timeout(1):
        await stopping
    assert (work.runs, work.finished) == (1, 1)


async def test_a_job_that_will_not_finish_is_cancelled() -> None:
    """The grace is a bound."""
    work = Work(False, hold=asyncio.Event().wait)
    runner = Runner([Job("stuck", HOUR, work)], grace=0.02)
    runner.start()
    await work.runs_again()
    async with asyncio.timeout(1):
        await runner.stop()
    assert (work.runs, work.finished) == (1, 0)


async def test_a_nudge_during_a_run_is_not_lost() -> None:
    """Work that arrives while the job is looking gives one more look."""
    gate = asyncio.Event()
    work = Work(False, hold=gate.wait)
    runner = Runner([Job("mail", HOUR, work)])
    runner.start()
    await work.runs_again()
    runner.nudge("mail")
    gate.set()
    await work.runs_again()
    await runner.stop()
    assert work.runs == 2


async def test_now_runs_a_job_in_the_callers_task() -> None:
    """A test runs one job without starting any, and sees its exception."""
    runner = Runner([Job("mail", HOUR, Work(True, ValueError("boom")))])
    assert await runner.now("mail") is True
    with pytest.raises(ValueError, match="boom"):
        await runner.now("mail")


async def test_two_jobs_of_one_name_are_refused() -> None:
    """A nudge must know which job it means."""
    with pytest.raises(ValueError, match="same name"):
        Runner([Job("mail", 1, Work()), Job("mail", 1, Work())])


def test_waiting_doubles_with_failures_up_to_a_minute_and_is_jittered() -> None:
    """Workers that failed together do not come back together, and an hourly job is not tried more often than that."""
    assert {1.6 <= pause(1, 1) <= 2.4 for _ in range(50)} == {True}
    assert {48 <= pause(1, 20) <= 72 for _ in range(50)} == {True}
    assert {2880 <= pause(HOUR, 3) <= 4320 for _ in range(50)} == {True}
    assert len({pause(1, 0) for _ in range(10)}) == 10
