"""Payloads of the operator for tests: rows as dictionaries, written as it writes them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from koku_core.intake.archive import Limits
from koku_ocp.reports import ALL, TIMES, Report

LIMITS = Limits()
START = datetime(2026, 11, 10, tzinfo=UTC)
CLUSTER = "cluster-1"

Rows = Sequence[Mapping[str, Any]]


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"


def at(hour: int, **values: Any) -> dict[str, Any]:
    """A row of the hour `hour` hours after `START`; what it does not name is blank."""
    start = START + timedelta(hours=hour)
    month = start.replace(day=1, hour=0)
    times = (month, (month + timedelta(days=32)).replace(day=1), start, start + timedelta(minutes=59, seconds=59))
    return {**dict(zip(TIMES, map(stamp, times), strict=True)), **values}


def pod(hour: int, name: Any = "web", **values: Any) -> dict[str, Any]:
    """A pod's row, as short as can be."""
    return at(hour, **{"namespace": "shop", "node": "n1", "pod": name, **values})


def table(report: Report, rows: Rows, *, newline: str = "\n", without: Sequence[str] = ()) -> bytes:
    """A report file."""
    out = io.StringIO()
    header = [c for c in sorted(report.required) + sorted(report.optional) if c not in without]
    writer = csv.DictWriter(out, header, lineterminator=newline, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def manifest(names: Sequence[str], **changes: Any) -> dict[str, Any]:
    """A manifest that the operator could have written."""
    body = {
        "uuid": str(uuid.uuid4()), "cluster_id": CLUSTER, "version": "abc", "date": "2026-11-22T18:01:28.63008Z", "files": list(names),
        "resource_optimization_files": None, "start": "2026-11-10T00:00:00Z", "end": "2026-11-10T23:59:59Z", "certified": False,
        "daily_reports": True, "cr_status": {"clusterVersion": "stable-4.18", "upload": {"upload": True}},
    }  # fmt: skip
    return {**body, **changes}


def tarball(path: Path, members: Mapping[str, bytes]) -> Path:
    """A gzip-compressed tar."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def payload(path: Path, reports: Mapping[Report, Rows], *, expected: Sequence[str] = (), **changes: Any) -> Path:
    """A payload of these reports; `expected` names further files of the package."""
    files = {f"{report.name}.{ALL.index(report)}.csv": table(report, rows) for report, rows in reports.items()}
    body = manifest([*files, *expected], **changes)
    return tarball(path, {**files, "manifest.json": json.dumps(body).encode()})
