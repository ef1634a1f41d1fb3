"""The measured process: ingests one payload, from its upload to a costed answer, then asks eight reports; prints JSON."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from benchmarks.payload import write
from benchmarks.questions import QUESTIONS, Question
from koku_core import Koku, Rate
from koku_core.access import EVERYTHING
from koku_core.reports.service import Reports
from koku_core.settings import Settings
from koku_core.sources.model import Source

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"
RATES = (
    Rate("cpu_core_usage_per_hour", "0.007"), Rate("cpu_core_request_per_hour", "0.2"),
    Rate("memory_gb_usage_per_hour", "0.009"), Rate("memory_gb_request_per_hour", "0.05"),
    Rate("storage_gb_usage_per_month", "0.01"), Rate("storage_gb_request_per_month", "0.01"),
    Rate("node_cost_per_month", 1000), Rate("cluster_cost_per_month", 10000),
)  # fmt: skip


def main(dsn: str, data: Path, payload: Path, cluster: str, counter: Path) -> None:
    """Measure one payload of the cluster on a server of its own."""
    settings = Settings(
        database_url=dsn, data_dir=data, clock=datetime.fromisoformat("2026-10-31T12:00+00:00"), plugins=("ocp",)
    )
    with Koku.open(settings=settings, tenant="bench") as koku:
        koku.tags.enable("OCP", ["app", "environment", "version", "tier"])
        _ingest(koku, _small(data), _source(koku, "warm"))
        source = _source(koku, cluster)
        before = resource.getrusage(resource.RUSAGE_SELF)
        counter.write_text("begin")
        steps = _ingest(koku, payload, source)
        counter.write_text("end")
        peak = peak_mib()
        after = resource.getrusage(resource.RUSAGE_SELF)
        steps["price again"] = timed(lambda: _price(koku, source))
        print(json.dumps({
            "steps": steps, "peak_mib": peak,
            "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "summary_rows": koku.daily_summary(source, date(2026, 10, 1)).num_rows,
            "reports": [_ask(koku, q) for q in QUESTIONS],
        }))  # fmt: skip


def _small(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    write(data / "warm.tar.gz", "warm", month=date(2026, 10, 1), days=2, pods=20, nodes=2, namespaces=4)
    return data / "warm.tar.gz"


def _source(koku: Koku, cluster: str) -> Source:
    source = koku.sources.add("ocp", name=cluster, cluster_id=cluster)
    koku.cost_models.add(f"prices of {cluster}", sources=[source], rates=list(RATES))
    return source


def _ingest(koku: Koku, payload: Path, source: Source) -> dict[str, float]:
    steps = {"upload": timed(lambda: koku.receive(payload, MEDIA_TYPE)), "jobs": timed(koku.work)}
    failed = koku.jobs.list(("failed",))
    if failed:
        raise SystemExit(f"{source.name}: {failed[0].error}")
    steps["first answer"] = timed(lambda: koku.report("openshift/costs", months=-1, resolution="monthly").to_json())
    return steps


def _price(koku: Koku, source: Source) -> None:
    from koku_core.summarize.publish import publish

    publish(koku.services, koku.handle, source, date(2026, 10, 1), from_lake=False)


def peak_mib() -> float:
    """The largest resident set of this process; `ru_maxrss` would count that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def timed(work: Callable[[], Any]) -> float:
    """The seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ask(koku: Koku, question: Question) -> dict[str, Any]:
    """The median time of the question as a report, as JSON bytes made of the answer alone, and as bare SQL."""
    import orjson

    reports = Reports(koku.services, koku.handle)
    body = reports.answer("openshift/costs", question.query, EVERYTHING).body()

    def bare() -> None:
        with koku.handle.connection() as conn:
            conn.execute(question.sql.encode()).fetchall()

    def whole() -> None:
        orjson.dumps(reports.answer("openshift/costs", question.query, EVERYTHING).body())

    return {
        "name": question.name, "report_ms": _median_ms(whole), "sql_ms": _median_ms(bare),
        "json_ms": _median_ms(lambda: orjson.dumps(body)), "bytes": len(orjson.dumps(body)),
    }  # fmt: skip


def _median_ms(work: Callable[[], Any], times: int = 15) -> float:
    work()
    return statistics.median(timed(work) for _ in range(times)) * 1000


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))
