"""Bills: `python -m benchmarks.bills [ROWS …]` ingests bills that it makes, and compares with bare pyarrow.

Without sizes there are two, of 250,000 and 1,000,000 rows, so that one sees how memory grows. Each step has a process of its own; processor
seconds are Python's, and tell more than the wall's where other programs run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet
from rich.console import Console
from rich.table import Table

from benchmarks.bill import write
from benchmarks.child import peak_mib, timed
from koku_core.embedded import EmbeddedServer

ROLE = "arn:aws:iam::100000000000:role/costs"
REPORTS = {
    "total": {},
    "by service, daily": {"group_by": "service", "resolution": "daily"},
    "by tag": {"group_by": "tag:app"},
}


def main(sizes: list[int]) -> None:
    """Measure bills of these sizes, each on a server of its own, each step in a process of its own."""
    names = (
        "rows",
        "MiB",
        "bare pyarrow: wall, CPU",
        "koku: wall, CPU",
        "ratios",
        "rows/s",
        "peak MiB",
        "of which",
        "reports, ms",
    )
    table = Table(*names, title="from a bill to costed answers, seconds")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for rows in sizes:
            table.add_row(*_row(rows, Path(folder) / str(rows)))
    Console(width=140).print(table)


def _row(rows: int, folder: Path) -> list[str]:
    total = write(folder / "bucket", rows)
    size = sum(p.stat().st_size for p in folder.rglob("*.gz")) / (1 << 20)
    bare = min((_child("bare", folder) for _ in range(2)), key=lambda b: float(b["wall"]))
    with EmbeddedServer(folder / "postgres") as server:
        found = _child("koku", folder, server.dsn)
    if Decimal(found["total"]) != total:
        raise SystemExit(f"{rows} rows cost {total}, but the report says {found['total']}")
    steps = ", ".join(f"{step} {spent:.1f}" for step, spent in found["timings"].items())
    reports = ", ".join(f"{name} {ms:.0f}" for name, ms in found["reports"].items())
    both = [f"{run['wall']:.2f}, {run['cpu']:.2f}" for run in (bare, found)]
    ratios = ", ".join(f"{found[clock] / bare[clock]:.2f}" for clock in ("wall", "cpu"))
    figures = (*both, ratios, f"{rows / found['wall']:,.0f}")
    return [f"{rows:,}", f"{size:.0f}", *figures, f"{found['peak_mib']:.0f}", steps, reports]


def _child(what: str, folder: Path, *more: str) -> dict[str, Any]:
    """Do something in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bills", what, str(folder), *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bare(folder: Path) -> dict[str, Any]:
    """The files to Parquet by pyarrow alone, all columns as texts."""
    files = sorted((folder / "bucket").rglob("*.gz"))
    with pa.input_stream(str(files[0]), compression="gzip") as stream:
        header = stream.read(1 << 16).split(b"\n")[0].decode().replace('"', "").split(",")
    options = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()))

    def convert() -> None:
        for number, file in enumerate(files):
            target = folder / f"{number}.parquet"
            with (
                csv.open_csv(file, convert_options=options) as reader,
                parquet.ParquetWriter(target, reader.schema) as writer,
            ):
                for batch in reader:
                    writer.write_batch(batch)

    return _run(convert)


def koku(folder: Path, dsn: str) -> dict[str, Any]:
    """The bill to published reports: fetched, kept, folded to the lake, summarized, marked up, rolled up."""
    from koku_core import Koku
    from koku_core.observability import collected
    from koku_core.settings import Settings

    settings = Settings(
        database_url=dsn, data_dir=folder / "data", clock=datetime(2026, 10, 31, 12, tzinfo=UTC), plugins=("aws",), local_sources=folder
    )  # fmt: skip
    with Koku.open(settings=settings, tenant="bench") as opened:
        opened.tags.enable("AWS", ["app", "environment"])
        source = opened.sources.add("AWS-local", name="bills", role_arn=ROLE, data_source={"bucket": "bucket"})
        opened.cost_models.add("markup", sources=[source], markup=10)
        with collected() as timings:
            run = _run(lambda: _brought(opened, source))
        peak = peak_mib()
        rows = list(opened.report("aws/costs", months=-1, resolution="monthly").rows())
        asked = {name: _best_ms(opened, **question) for name, question in REPORTS.items()}
        return {
            **run, "peak_mib": peak, "total": str(sum(r["cost_raw"] for r in rows)), "timings": dict(timings),
            "reports": asked,
        }  # fmt: skip


def _brought(opened: Any, source: Any) -> None:
    opened.refresh(source)
    opened.work()


def _run(work: Callable[[], None]) -> dict[str, float]:
    """The seconds on the wall and of this process's threads that something takes."""
    before = time.process_time()
    return {"wall": timed(work), "cpu": time.process_time() - before}


def _best_ms(opened: Any, **question: str) -> float:
    return min(timed(lambda: opened.report("aws/costs", months=-1, **question).to_json()) for _ in range(5)) * 1000


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        print(json.dumps(bare(Path(sys.argv[2]))))
    elif sys.argv[1:2] == ["koku"]:
        print(json.dumps(koku(Path(sys.argv[2]), sys.argv[3])))
    else:
        main([int(size) for size in sys.argv[1:]] or [250_000, 1_000_000])
