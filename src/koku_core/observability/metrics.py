"""All figures in the text format of Prometheus: those of all processes from the database, those of requests from this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from koku_core.database.server import Connection
from koku_core.database.system import System
from koku_core.observability import counters, requests
from koku_core.observability.counters import FIGURES, Figure, bucket_name

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[tuple[str, str], ...]


def exposition(system: System) -> bytes:
    """What `/metrics` answers.

    Raises:
        ModuleNotFoundError: the extra `metrics` is not installed.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    with system.connection() as conn:
        found = [*_jobs(conn), *_counted(conn), _requests()]
    registry.register(_Ready(found))
    return generate_latest(registry)


class _Ready:
    """A collector of figures that are there already."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """The figures."""
        return self._found


def _jobs(conn: Connection) -> Iterator[Metric]:
    """How many jobs there are, and how long the oldest that is due has waited."""
    from prometheus_client.core import GaugeMetricFamily

    jobs = GaugeMetricFamily("koku_jobs", "Jobs of all tenants, by kind and state.", labels=("kind", "state"))
    for kind, state, count in conn.execute("SELECT kind, state, count(*) FROM job GROUP BY 1, 2 ORDER BY 1, 2"):
        jobs.add_metric((kind, state), count)
    yield jobs
    row = conn.execute(
        """SELECT coalesce(extract(epoch FROM clock_timestamp() - min(run_after)), 0)::float8 FROM job
           WHERE state = 'waiting' AND run_after <= clock_timestamp()"""
    ).fetchone()
    yield GaugeMetricFamily(
        "koku_jobs_waiting_seconds", "How long the oldest job that is due has waited.", value=row[0] if row else 0
    )


def _counted(conn: Connection) -> Iterator[Metric]:
    """The figures of the table `counter`."""
    from prometheus_client.core import CounterMetricFamily

    found: dict[str, dict[Labels, float]] = {}
    for name, labels, value in conn.execute("SELECT name, labels, value FROM counter ORDER BY name, labels"):
        found.setdefault(name, {})[tuple(sorted(labels.items()))] = value
    for figure in FIGURES:
        values = found.get(figure.name, {})
        if figure.histogram:
            yield _histogram(figure, values)
            continue
        counter = CounterMetricFamily(figure.name, figure.doc, labels=_names(values))
        for labels, value in values.items():
            counter.add_metric([v for _, v in labels], value)
        yield counter


def _names(values: Mapping[Labels, float]) -> list[str]:
    return [name for name, _ in next(iter(values), ())]


def _histogram(figure: Figure, values: Mapping[Labels, float]) -> Metric:
    """A histogram, whose sums have the labels alone, and whose counts have `le` too."""
    from prometheus_client.core import HistogramMetricFamily

    sums = {labels: value for labels, value in values.items() if "le" not in dict(labels)}
    family = HistogramMetricFamily(figure.name, figure.doc, labels=_names(sums))
    for labels, total in sums.items():
        ends = [bucket_name(b) for b in counters.BUCKETS]
        counts = accumulate(values.get(tuple(sorted((*labels, ("le", end)))), 0) for end in ends)
        family.add_metric([v for _, v in labels], list(zip(ends, counts, strict=True)), total)
    return family


def _requests() -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    names: Any = ("method", "resource", "status")
    family = HistogramMetricFamily(
        "koku_request_duration_seconds", "How long this process took to answer requests.", labels=names
    )
    for (method, resource, status), spread in requests.REQUESTS.spreads():
        ends = [bucket_name(b) for b in requests.BUCKETS]
        buckets = list(zip(ends, accumulate(spread.buckets), strict=True))
        family.add_metric((method, resource, str(status)), buckets, spread.seconds)
    return family
