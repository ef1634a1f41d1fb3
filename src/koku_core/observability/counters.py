"""Figures that only grow, counted across all processes in the table `koku.counter`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from koku_core.database.server import Connection

#: Upper ends of a histogram's buckets, in seconds.
BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, math.inf)


@dataclass(frozen=True, slots=True)
class Figure:
    """What is counted: its name for Prometheus, what it means, and whether its values are spread over `BUCKETS`."""

    name: str
    doc: str
    histogram: bool = False


JOB_SECONDS = Figure("koku_job_duration_seconds", "How long jobs run, by kind and how they ended.", histogram=True)
STEP_SECONDS = Figure("koku_step_seconds", "Time spent in each step of jobs.")
ROWS = Figure("koku_rows_ingested", "Rows of report files that were ingested.")
LATENCY = Figure("koku_report_latency_seconds", "From a report's acceptance to its publication.", histogram=True)
FIGURES = (JOB_SECONDS, STEP_SECONDS, ROWS, LATENCY)


def add(conn: Connection, figure: Figure, value: float, **labels: Any) -> None:
    """Count `value` more; of a histogram, one more observation of it."""
    counted = [(figure.name, labels, value)]
    if figure.histogram:
        bucket = next(b for b in BUCKETS if value <= b)
        counted.append((figure.name, {**labels, "le": bucket_name(bucket)}, 1))
    for name, labelled, amount in counted:
        conn.execute(
            """INSERT INTO koku.counter (name, labels, value) VALUES (%s, %s, %s)
               ON CONFLICT (name, labels) DO UPDATE SET value = counter.value + excluded.value""",
            (name, Jsonb(labelled), amount),
        )


def bucket_name(end: float) -> str:
    """A bucket's upper end as Prometheus writes it."""
    return "+Inf" if math.isinf(end) else str(end)
