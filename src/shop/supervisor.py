"""A parent and its workers: they share one listening socket, die with their parent, and are replaced when they fall."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from shop.configuration.refreshing import Refresher
from shop.kit.board import Board
from shop.kit.metrics import Metrics
from shop.process import work
from shop.settings import Settings

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
TOO_SOON = 5.0
TOO_OFTEN = 3
MARGIN = 15.0  # for jobs and databases to close, beyond the limit for requests
log = logging.getLogger("shop.process")


class WorkerFailed(RuntimeError):
    """A worker ended as soon as it had begun; it has said why."""


def supervise(settings: Settings, opened: socket.socket, refresher: Refresher | None = None) -> None:
    """Keep `workers` workers serving until SIGTERM or SIGINT; raises WorkerFailed."""
    board = Board(settings.runtime.workers)
    alive, held = os.pipe()  # nobody writes: when the parent is gone, however it went, its end closes

    def serve(index: int) -> None:
        os.close(held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        work(settings, opened, Metrics(board, index), alive, registers=index == 0, refresher=refresher)

    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    crew = Crew(serve, patience=(settings.drain.wait + settings.drain.limit).total_seconds() + MARGIN)
    crew.hire(range(settings.runtime.workers))
    while crew.on_duty:
        received = signal.sigtimedwait(WATCHED, crew.waits())
        if received is None:
            crew.dismiss()
        elif received.si_signo == signal.SIGCHLD:
            crew.mourn()
        else:
            opened.close()
            crew.end()
    if crew.failed:
        raise WorkerFailed("a worker could not start")


class Crew:
    """The workers by process id."""

    def __init__(self, serve: Callable[[int], None], patience: float) -> None:
        """Let every worker run `serve` with its index; at the end wait so many seconds for them."""
        self._serve = serve
        self._patience = patience
        self._deadline: float | None = None
        self.on_duty: dict[int, tuple[int, float]] = {}
        self.failed = False
        self._early = 0

    def hire(self, indices: range) -> None:
        """Start workers."""
        for index in indices:
            process = os.fork()
            if process == 0:
                _be_worker(self._serve, index)
            self.on_duty[process] = (index, time.monotonic())

    def waits(self) -> float:
        """Give the seconds after which patience is over."""
        return 3600.0 if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def mourn(self) -> None:
        """Take leave of those that ended; put others in their place, unless one failed as it began, they fall again and again, or it is the end."""
        for process in list(self.on_duty):
            done, status = os.waitpid(process, os.WNOHANG)
            if not done:
                continue
            index, since = self.on_duty.pop(process)
            if self._deadline is not None:
                continue
            code = os.waitstatus_to_exitcode(status)
            log.error("worker %d (process %d) ended with %d", index + 1, process, code)
            self._early = self._early + 1 if time.monotonic() - since < TOO_SOON else 0
            if self._early and (code > 0 or self._early > TOO_OFTEN):
                self.failed = True
                self.end()
            else:
                self.hire(range(index, index + 1))

    def end(self) -> None:
        """Ask all to end; asked again they hurry."""
        self._deadline = self._deadline or time.monotonic() + self._patience
        for process in self.on_duty:
            os.kill(process, signal.SIGTERM)

    def dismiss(self) -> None:
        """Kill those who do not end."""
        if self._deadline is None:
            return
        for process in self.on_duty:
            log.error("process %d did not end and is killed", process)
            os.kill(process, signal.SIGKILL)
        self._deadline = time.monotonic() + self._patience


def _be_worker(serve: Callable[[int], None], index: int) -> None:
    """Never return into the parent's code."""
    code = 1
    try:
        serve(index)
        code = 0
    except Exception:
        log.exception("worker %d failed", index + 1)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
