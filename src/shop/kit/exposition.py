"""Prometheus' text form of what workers counted and modules measured."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import accumulate

from msgspec import Struct

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OUTCOMES = {1: "INFORMATIONAL", 2: "SUCCESS", 3: "REDIRECTION", 4: "CLIENT_ERROR", 5: "SERVER_ERROR"}


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


class Family(Struct, frozen=True):
    """A histogram and the names of its labels."""

    name: str
    help: str
    labels: tuple[str, ...]


REQUESTS = Family("http_server_requests_seconds", "Answered requests", ("method", "uri", "status", "outcome"))
CALLS = Family("shop_port_calls_seconds", "Calls to ports", ("port", "method", "adapter", "outcome"))


class Series(Struct, frozen=True):
    """What one kind of thing took: how many took how long (a count for each of BUCKETS and one for all above), their seconds and their number."""

    family: str
    labels: tuple[str, ...]
    counts: list[float]
    seconds: float
    number: int


class Snapshot(Struct, frozen=True):
    """What one worker has counted."""

    process: Process
    series: list[Series]


def write(workers: list[Snapshot], gauges: Iterable[Gauge]) -> str:
    """Write the sums over all workers, what each of them costs, and the gauges."""
    return "\n".join([*_of_processes(workers), *_of_family(REQUESTS, workers), *_of_family(CALLS, workers), *_of_gauges(gauges)]) + "\n"


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


def _of_family(family: Family, workers: list[Snapshot]) -> list[str]:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} histogram"]
    for series in _summed(series for worker in workers for series in worker.series if series.family == family.name):
        labels = dict(zip(family.labels, series.labels, strict=True))
        for bound, below in zip((*BUCKETS, "+Inf"), accumulate(series.counts), strict=True):
            lines.append(_line(f"{family.name}_bucket", labels | {"le": str(bound)}, below))
        lines += [_line(f"{family.name}_sum", labels, series.seconds), _line(f"{family.name}_count", labels, series.number)]
    return lines


def _summed(every: Iterable[Series]) -> list[Series]:
    found: dict[tuple[str, ...], Series] = {}
    for series in every:
        mine = found.get(series.labels)
        if mine is not None:
            counts = [left + right for left, right in zip(mine.counts, series.counts, strict=True)]
            series = Series(series.family, series.labels, counts, mine.seconds + series.seconds, mine.number + series.number)
        found[series.labels] = series
    return [found[labels] for labels in sorted(found)]


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
