"""Background work of a module, and what runs it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from shop.kit.problems import Problem

LONGEST_BACKOFF = 60.0
JITTER = 0.2
log = logging.getLogger("shop.jobs")


class Job(Struct, frozen=True):
    """Something that runs again and again; `run` gives whether it found work, and is then called again at once. `every` is in seconds."""

    name: str
    every: float
    run: Callable[[], Awaitable[bool]]


class Runner:
    """Runs jobs side by side until it is stopped; a job that fails is tried again later and never dies.

    Several workers run the same jobs, so each job must be safe beside itself.
    """

    def __init__(self, jobs: Sequence[Job], *, grace: float = 10.0) -> None:
        """Take the jobs, each under a name of its own; `grace` is how many seconds `stop` lets a running one go on."""
        self._jobs = {job.name: job for job in jobs}
        if len(self._jobs) != len(jobs):
            raise ValueError(f"two jobs have the same name: {sorted(job.name for job in jobs)}")
        self._nudges = {name: asyncio.Event() for name in self._jobs}
        self._grace = grace
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Name the jobs."""
        return tuple(self._jobs)

    def start(self) -> None:
        """Begin with a first run of every job; needs a running event loop."""
        self._stopping = False
        self._tasks = [asyncio.create_task(self._keep_running(job), name=f"job {name}") for name, job in self._jobs.items()]

    async def stop(self) -> None:
        """End idle waits at once, let what is running finish within the grace, cancel the rest."""
        self._stopping = True
        for nudge in self._nudges.values():
            nudge.set()
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._grace)
        for task in late:
            log.warning("%s did not finish in %g s and is cancelled", task.get_name(), self._grace)
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self._grace)

    async def now(self, name: str) -> bool:
        """Run one job right away in the caller's task; gives whether it found work and raises what it raises."""
        return await self._jobs[name].run()

    def nudge(self, name: str) -> None:
        """Wake a job at once, for example after a commit gave it work; a name that does not run here is ignored."""
        if name in self._nudges:
            self._nudges[name].set()

    async def _keep_running(self, job: Job) -> None:
        nudge = self._nudges[job.name]
        failures = 0
        while not self._stopping:
            nudge.clear()
            found, failures = await _attempt(job, failures)
            if found:
                await asyncio.sleep(0)
                continue
            if not self._stopping:
                await _wait(nudge, pause(job.every, failures))


async def _attempt(job: Job, failures: int) -> tuple[bool, int]:
    try:
        return await job.run(), 0
    except Problem as problem:
        log.warning("job %s failed: %s", job.name, problem.detail)
    except Exception:
        log.exception("job %s failed", job.name)
    return False, failures + 1


def pause(every: float, failures: int) -> float:
    """Give the seconds until the next run; doubled by every failure in a row up to a minute, unless `every` is longer."""
    seconds = every if not failures else max(every, min(LONGEST_BACKOFF, max(every, 1.0) * 2.0 ** min(failures, 10)))
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 no secret depends on it


async def _wait(nudge: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await nudge.wait()
    except TimeoutError:
        return
