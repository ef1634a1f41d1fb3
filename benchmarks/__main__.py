"""Runs the benchmark and prints its tables: `python -m benchmarks [PAYLOAD.tar.gz …]`; without a payload, one is made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.payload import write
from koku_core.embedded import EmbeddedServer

TICKS = os.sysconf("SC_CLK_TCK")


def main(payloads: list[str]) -> None:
    """Measure each payload on an embedded server of its own."""
    console = Console()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        made = Path(folder) / "made.tar.gz"
        if not payloads:
            write(made, "made", month=date(2026, 10, 1), days=29, pods=1700, nodes=100, namespaces=200)
        for number, payload in enumerate(payloads or [str(made)]):
            _show(console, Path(payload), *_measure(Path(folder) / str(number), Path(payload)))


def _measure(folder: Path, payload: Path) -> tuple[dict[str, Any], dict[str, float]]:
    folder.mkdir()
    with EmbeddedServer(folder / "postgres") as server:
        counter = folder / "counter"
        command = [
            sys.executable,
            "-m",
            "benchmarks.child",
            server.dsn,
            str(folder / "data"),
            str(payload),
            _cluster(payload),
            str(counter),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            watch = _Watch(int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), counter)
            threading.Thread(target=watch.run, daemon=True).start()
            assert child.stdout
            answer = child.stdout.read()
        if child.returncode:
            raise SystemExit(child.returncode)
        return json.loads(answer), {"cpu_s": watch.cpu_s, "peak_mib": watch.peak_mib}


def _cluster(payload: Path) -> str:
    with tarfile.open(payload) as tar:
        found = tar.extractfile("manifest.json")
        assert found
        return str(json.load(found)["cluster_id"])


def _rows(payload: Path) -> int:
    with tarfile.open(payload) as tar:
        return sum(sum(1 for _ in tar.extractfile(m) or ()) - 1 for m in tar if m.name.endswith(".csv"))


class _Watch:
    """Adds up the processor time and memory of a PostgreSQL server while the child ingests."""

    def __init__(self, postmaster: int, counter: Path) -> None:
        self.postmaster, self.counter = postmaster, counter
        self.cpu_s = self.peak_mib = 0.0

    def run(self) -> None:
        start: float | None = None
        while True:
            phase = self.counter.read_text() if self.counter.exists() else ""
            cpu, memory = self._server()
            if phase == "begin":
                start = cpu if start is None else start
                self.peak_mib = max(self.peak_mib, memory)
            if start is not None:
                self.cpu_s = cpu - start
            if phase == "end":
                return
            time.sleep(0.02)

    def _server(self) -> tuple[float, float]:
        """Processor seconds so far, and MiB of private and shared memory now, of the postmaster and its children."""
        cpu = memory = 0.0
        for process in [self.postmaster, *_children(self.postmaster)]:
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
                cpu += sum(int(f) for f in (fields[11:15] if process == self.postmaster else fields[11:13])) / TICKS
                rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
                memory += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
            except (OSError, StopIteration):
                continue
        return cpu, memory


def _children(parent: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def _show(console: Console, payload: Path, found: dict[str, Any], server: dict[str, float]) -> None:
    rows, steps = _rows(payload), found["steps"]
    whole = steps["upload"] + steps["jobs"] + steps["first answer"]
    table = Table(
        "step",
        "seconds",
        title=f"{payload.name}: {rows:,} CSV rows, {found['summary_rows']:,} rows of the daily summary",
    )
    for name, seconds in steps.items():
        table.add_row(name, f"{seconds:.2f}")
    table.add_row("upload to costed answer", f"{whole:.2f} ({rows / whole:,.0f} rows/s)")
    table.add_row("Python: CPU, peak", f"{found['cpu_s']:.2f} s, {found['peak_mib']:.0f} MiB")
    table.add_row("PostgreSQL: CPU, peak", f"{server['cpu_s']:.2f} s, {server['peak_mib']:.0f} MiB")
    console.print(table)
    answers = Table(
        "report", "p50 ms", "bare SQL ms", "JSON ms", "ratio without JSON", "KiB", title="openshift/costs, last month"
    )
    for a in found["reports"]:
        ratio = (a["report_ms"] - a["json_ms"]) / a["sql_ms"]
        answers.add_row(
            a["name"],
            f"{a['report_ms']:.1f}",
            f"{a['sql_ms']:.1f}",
            f"{a['json_ms']:.1f}",
            f"{ratio:.1f}",
            f"{a['bytes'] // 1024}",
        )
    console.print(answers)


if __name__ == "__main__":
    main(sys.argv[1:])
