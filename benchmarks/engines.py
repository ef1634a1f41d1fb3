"""Engines: `python -m benchmarks.engines [CASE …]` summarizes the same line items with PostgreSQL and with Trino.

The lake is on an object store. Each run has a process of its own; how many rows they make and a sum of them must be the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from benchmarks.line_items import MONTH, bill, cluster
from koku_core.devtools.object_store import object_store
from koku_core.devtools.trino_server import trino_server
from koku_core.embedded import EmbeddedServer

TENANT = "bench"
#: The provider, what its line items are made from, and what they stand for.
CASES: Mapping[str, tuple[str, tuple[int, ...], str]] = {
    "bill-1m": ("aws", (41_664, 1), "1 M hourly rows of a bill"),
    "bill-10m": ("aws", (416_640, 1), "10 M hourly rows of a bill"),
    **{
        f"bill-{alike}-alike": ("aws", (1_000_000, alike), f"1 M lines a month, {alike} in a row of the summary")
        for alike in (2, 4, 8, 25)
    },
    "perf150k-x10": ("ocp", (2_000, 100), "2,000 pods, 100 nodes (perf150k x 10)"),
}
_ENGINES = ("postgres", "trino")
_RUNS = 2
_TOTALS = {"aws": "unblended_cost", "ocp": "pod_request_memory_gigabyte_hours"}


def main(names: list[str]) -> None:
    """Measure these cases, each with both engines."""
    columns = (
        "line items",
        "engine",
        "runs, s",
        "CPU s of a run: Python, PostgreSQL, Trino",
        "rows to PostgreSQL",
        "peak MiB of each",
    )
    table = Table(*columns, title="line items to daily summary")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, ExitStack() as stack:
        place = Path(folder)
        server = stack.enter_context(EmbeddedServer(place / "postgres"))
        store = stack.enter_context(object_store(place / "store"))
        trino = stack.enter_context(trino_server(place / "trino"))
        environment = {**os.environ, **store.environment}
        for name in names or CASES:
            lake = f"s3://lake/{uuid.uuid4().hex}"
            filled = _child(environment, "fill", name, server.dsn, lake)
            catalog = f"bench_{uuid.uuid4().hex[:8]}"
            url = trino.add_catalog(catalog, server.dsn, lake, store)
            totals = set()
            for engine in _ENGINES:
                found = _child(environment, engine, name, server.dsn, lake, url, str(trino.process.pid()))
                about = f"{CASES[name][2]}: {filled['lines']:,} line items, {found['rows']:,} rows of the summary"
                runs = ", ".join(f"{seconds:.1f}" for seconds in found["seconds"])
                used = [
                    ", ".join(f"{value:.{digits}f}" for value in found[n].values())
                    for n, digits in (("cpu", 1), ("peak", 0))
                ]
                table.add_row(
                    about if engine == _ENGINES[0] else "", engine, runs, used[0], f"{found['fetched']:,}", used[1]
                )
                print(json.dumps({"case": name, "engine": engine, **found, "load": os.getloadavg()[0]}), flush=True)
                totals.add((found["rows"], found["total"]))
            if len(totals) > 1:
                raise SystemExit(f"{name}: the engines made different rows: {totals}")
            trino.drop_catalog(catalog)
    Console(width=150).print(table)


def _child(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.engines", "--child", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=dict(environment))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def child(what: str, name: str, dsn: str, lake: str, url: str = "", trino: str = "0") -> dict[str, Any]:
    """Fill the lake, or summarize what is in it with an engine."""
    from koku_core import Koku
    from koku_core.settings import Settings

    provider, size, _ = CASES[name]
    settings = Settings(
        database_url=SecretStr(dsn), lake_url=lake, plugins=(provider,), data_dir=Path(tempfile.gettempdir()),
        executor="postgres" if what == "fill" else what, trino_url=SecretStr(url) if url else None,
    )  # fmt: skip
    source = str(uuid.uuid5(uuid.NAMESPACE_OID, lake))
    with Koku.open(settings=settings, tenant=TENANT) as koku:
        koku.handle.ensure()
        if what == "fill":
            return {"lines": _fill(koku, provider, size, source)}
        return _measured(koku, provider, source, int(trino))


def _fill(koku: Any, provider: str, size: tuple[int, ...], source: str) -> int:
    tables = bill(source, *size) if provider == "aws" else cluster(source, *size)
    for dataset, rows in tables.items():
        koku.services.lake.replace(TENANT, dataset, source, set(rows["usage_start"].unique().to_pylist()), rows)
    return sum(rows.num_rows for rows in tables.values())


def _measured(koku: Any, provider: str, source: str, trino: int) -> dict[str, Any]:
    """Summarize twice, cold and warm: how long it took, what came to PostgreSQL, and what of processor and memory who needed."""
    from koku_core.clock import month_end
    from koku_core.summarize.publish import make_tables

    plugin, executor = koku.services.plugins.provider(provider), koku.services.executor
    seconds, rows, total = [], 0, None
    with koku.handle.connection() as conn:
        work = _work(conn, plugin, source)
        watched = {"python": os.getpid(), "postgres": conn.info.backend_pid}
        watched |= {"trino": trino} if koku.services.settings.executor == "trino" else {}
        for pid in watched.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak
        for _ in range(_RUNS):
            before = {name: _cpu(pid) for name, pid in watched.items()}
            with conn.transaction(force_rollback=True):
                make_tables(conn, plugin.summary, source)
                began = time.perf_counter()
                rows = sum(_step(executor, conn, plugin.summary, step, work) for step in plugin.summary.steps)
                seconds.append(time.perf_counter() - began)
                cpu = {name: _cpu(pid) - before[name] for name, pid in watched.items()}
                total = conn.execute(f"SELECT sum({_TOTALS[provider]}) FROM pg_temp.usage").fetchone()[0]
        peak = {name: _peak(pid) for name, pid in watched.items()}
    datasets = {d.name: d for step in plugin.summary.steps for d in step.reads}.values()
    span = (source, MONTH, month_end(MONTH), ["usage_start"])
    staged = sum(koku.services.lake.read(TENANT, d, *span).num_rows for d in datasets)
    fetched = rows if "trino" in watched else staged
    return {"seconds": seconds, "rows": rows, "total": str(total), "fetched": fetched, "cpu": cpu, "peak": peak}


def _work(conn: Any, plugin: Any, source: str) -> Any:
    import pyarrow as pa

    from koku_core.clock import month_end
    from koku_core.declare.summarize import Context
    from koku_core.executors.base import Work
    from koku_core.summarize.contexts import contexts

    values = {
        "source_uuid": source, "source_name": "bench", "source_key": "bench", "month_start": MONTH,
        "month_end": month_end(MONTH), "days_in_month": month_end(MONTH).day,
    }  # fmt: skip
    keys = {Context.ENABLED_TAG_KEYS: pa.table({"key": pa.array(["app", "tier"])})}
    return Work(TENANT, source, MONTH, values, {**contexts(conn, plugin), **keys})


def _step(executor: Any, conn: Any, summary: Any, step: Any, work: Any) -> int:
    from koku_core.summarize.publish import rows_of

    made: int = executor.summarize(conn, summary, step, work, rows_of(summary, step.into or summary.fact))
    return made


def _cpu(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(f) for f in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> float:
    """The largest resident memory of a process since it was forgotten, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(*sys.argv[2:])))
    else:
        main(sys.argv[1:])
