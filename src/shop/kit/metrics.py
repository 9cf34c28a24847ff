"""Counts what a process does, in Prometheus' text form; several workers share a board, so that a scrape of one tells of all."""

import mmap
import os
import resource
import struct
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOT = 1 << 18
HEAD = struct.Struct("<QI")
OUTCOMES = {1: "INFORMATIONAL", 2: "SUCCESS", 3: "REDIRECTION", 4: "CLIENT_ERROR", 5: "SERVER_ERROR"}
STARTED = time.time()

Series = tuple[str, str, int]  # method, route, status


class Sample(Struct, frozen=True):
    """One value of a gauge with its labels."""

    value: float
    labels: dict[str, str] = {}


class Gauge(Struct, frozen=True):
    """A gauge that is read when somebody scrapes."""

    name: str
    help: str
    samples: list[Sample]


class Gauges(Struct, frozen=True):
    """A module may provide this in its component; `read` is called at every scrape."""

    read: Callable[[], Awaitable[list[Gauge]]]


class Process(Struct, frozen=True):
    """What a worker costs."""

    cpu_seconds: float
    resident_bytes: int
    open_files: int
    started: float


class Snapshot(Struct):
    """What one worker has counted: per series the buckets, the sum of seconds, and the count."""

    process: Process
    requests: dict[str, list[float]]


class Board:
    """Memory shared by the workers of one parent, made before they are forked; each writes its own slot and reads all."""

    def __init__(self, workers: int) -> None:
        """Make a slot for each worker."""
        self.workers = workers
        self._memory = mmap.mmap(-1, workers * SLOT)

    def write(self, worker: int, data: bytes) -> None:
        """Publish a worker's snapshot; what is too large is left out. Readers see the one before or this one, never a mixture."""
        if len(data) > SLOT - HEAD.size:
            return
        start = worker * SLOT
        turn = HEAD.unpack_from(self._memory, start)[0]
        HEAD.pack_into(self._memory, start, turn + 1, len(data))
        self._memory[start + HEAD.size : start + HEAD.size + len(data)] = data
        HEAD.pack_into(self._memory, start, turn + 2, len(data))

    def read(self, worker: int) -> bytes:
        """Give what a worker published last, or nothing."""
        start = worker * SLOT
        for _ in range(100):
            before = HEAD.unpack_from(self._memory, start)
            data = bytes(self._memory[start + HEAD.size : start + HEAD.size + before[1]])
            if before[0] % 2 == 0 and before == HEAD.unpack_from(self._memory, start):
                return data
            time.sleep(0)
        return b""


class Metrics:
    """What this worker counts. With a board, a worker that took another's place counts on from where that one was."""

    def __init__(self, board: Board | None = None, worker: int = 0) -> None:
        """Count alone, or on a board beside others."""
        self._board, self._worker = board, worker
        self._requests: dict[Series, list[float]] = {}
        if board and (before := board.read(worker)):
            self._requests = _series(msgspec.msgpack.decode(before, type=Snapshot))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        counts = self._requests.get((method, route, status))
        if counts is None:
            counts = self._requests[method, route, status] = [0.0] * (len(BUCKETS) + 3)
        counts[bisect_left(BUCKETS, seconds)] += 1
        counts[-2] += seconds
        counts[-1] += 1

    def publish(self) -> None:
        """Let the other workers know; called every second and before a scrape is answered."""
        if self._board:
            self._board.write(self._worker, msgspec.msgpack.encode(self._snapshot()))

    def text(self, gauges: Iterable[Gauge] = ()) -> str:
        """Write everything, of all workers, in Prometheus' text form."""
        self.publish()
        boards = range(self._board.workers) if self._board else ()
        published = [self._board.read(worker) for worker in boards] if self._board else []
        workers = [msgspec.msgpack.decode(data, type=Snapshot) for data in published if data] or [self._snapshot()]
        return "\n".join([*_of_processes(workers), *_of_requests(workers), *_of_gauges(gauges)]) + "\n"

    def _snapshot(self) -> Snapshot:
        return Snapshot(_process(), {"\0".join((method, route, str(status))): counts for (method, route, status), counts in self._requests.items()})


def _series(snapshot: Snapshot) -> dict[Series, list[float]]:
    found: dict[Series, list[float]] = {}
    for name, counts in snapshot.requests.items():
        method, route, status = name.split("\0")
        found[method, route, int(status)] = counts
    return found


def _process() -> Process:
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        files = len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux: the largest it ever was
        resident, files = used.ru_maxrss * 1024, 0
    return Process(used.ru_utime + used.ru_stime, resident, files, STARTED)


def _of_processes(workers: list[Snapshot]) -> list[str]:
    described = (
        ("process_cpu_seconds_total", "counter", "CPU time", "cpu_seconds"),
        ("process_resident_memory_bytes", "gauge", "Resident memory", "resident_bytes"),
        ("process_open_fds", "gauge", "Open file descriptors", "open_files"),
        ("process_start_time_seconds", "gauge", "Start since the epoch", "started"),
    )
    lines = []
    for name, kind, help, field in described:
        values = (Sample(getattr(worker.process, field), {"worker": str(index)}) for index, worker in enumerate(workers))
        lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}", *(_line(name, value.labels, value.value) for value in values)]
    return lines


def _of_requests(workers: list[Snapshot]) -> list[str]:
    total: dict[Series, list[float]] = {}
    for worker in workers:
        for series, counts in _series(worker).items():
            total[series] = [mine + theirs for mine, theirs in zip(total.get(series, [0.0] * len(counts)), counts, strict=True)]
    name = "http_server_requests_seconds"
    lines = [f"# HELP {name} Answered requests", f"# TYPE {name} histogram"]
    for (method, route, status), counts in sorted(total.items()):
        labels = {"method": method, "uri": route, "status": str(status), "outcome": OUTCOMES.get(status // 100, "UNKNOWN")}
        below = 0.0
        for bound, count in zip((*BUCKETS, "+Inf"), counts[:-2], strict=True):
            below += count
            lines.append(_line(f"{name}_bucket", labels | {"le": str(bound)}, below))
        lines += [_line(f"{name}_sum", labels, counts[-2]), _line(f"{name}_count", labels, counts[-1])]
    return lines


def _of_gauges(gauges: Iterable[Gauge]) -> list[str]:
    lines = []
    for gauge in gauges:
        lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
        lines += [_line(gauge.name, sample.labels, sample.value) for sample in gauge.samples]
    return lines


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value:.10g}" if shown else f"{name} {value:.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
