"""Counts what a process does; several workers share a board, so that a scrape of one tells of all."""

import os
import resource
import time
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import msgspec

from shop.kit.board import Board
from shop.kit.exposition import BUCKETS, CALLS, OUTCOMES, REQUESTS, Gauge, Process, Series, Snapshot, write

STARTED = time.time()


class Counted:
    """What took how long, of one kind, so far."""

    __slots__ = ("counts", "number", "seconds")

    def __init__(self, counts: list[float], seconds: float, number: int) -> None:
        """Go on from these numbers."""
        self.counts, self.seconds, self.number = counts, seconds, number


class Metrics:
    """What this worker counts. With a board, a worker that took another's place counts on from where that one was."""

    def __init__(self, board: Board | None = None, worker: int = 0) -> None:
        """Count alone, or on a board beside others."""
        self._board, self._worker = board, worker
        self._counted: dict[tuple[str, tuple[str, ...]], Counted] = {}
        for series in _read(board, worker).series if board and board.read(worker) else ():
            self._counted[series.family, series.labels] = Counted(series.counts, series.seconds, series.number)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._count(REQUESTS.name, (method, route, str(status), OUTCOMES.get(status // 100, "UNKNOWN")), seconds)

    def called(self, port: str, method: str, adapter: str, outcome: str, seconds: float) -> None:
        """Count one call to a port; `outcome` is ok, refused, unavailable, failed or cancelled."""
        self._count(CALLS.name, (port, method, adapter, outcome), seconds)

    def _count(self, family: str, labels: tuple[str, ...], seconds: float) -> None:
        counted = self._counted.get((family, labels))
        if counted is None:
            counted = self._counted[family, labels] = Counted([0.0] * (len(BUCKETS) + 1), 0.0, 0)
        counted.counts[bisect_left(BUCKETS, seconds)] += 1
        counted.seconds += seconds
        counted.number += 1

    def publish(self) -> None:
        """Let the other workers know; called every second and before a scrape is answered."""
        if self._board:
            self._board.write(self._worker, msgspec.msgpack.encode(self._snapshot()))

    def text(self, gauges: Iterable[Gauge] = ()) -> str:
        """Write everything, of all workers, in Prometheus' text form."""
        return write(self._all(), gauges)

    def _all(self) -> list[Snapshot]:
        if self._board is None:
            return [self._snapshot()]
        self.publish()
        return [_read(self._board, worker) for worker in range(self._board.workers) if self._board.read(worker)]

    def _snapshot(self) -> Snapshot:
        return Snapshot(_process(), [Series(*kind, counted.counts, counted.seconds, counted.number) for kind, counted in self._counted.items()])


def _read(board: Board, worker: int) -> Snapshot:
    return msgspec.msgpack.decode(board.read(worker), type=Snapshot)


def _process() -> Process:
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        files = len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux: the largest it ever was
        resident, files = used.ru_maxrss * 1024, 0
    return Process(used.ru_utime + used.ru_stime, resident, files, STARTED)
