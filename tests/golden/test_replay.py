"""The recorded answers about reports and tags, asked of our own figures through the library."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku
from koku_core.access import EVERYTHING
from koku_core.errors import InvalidInput, UnknownName
from koku_core.reports import Reports
from koku_core.settings import Settings
from tests.golden.test_daily_summary import load, price

pytestmark = [pytest.mark.slow, pytest.mark.shared]

PATHS = re.compile(
    r"/v1/(?:reports/openshift/(costs|compute|memory|volumes|network|resources/virtual-machines|gpu(?:/mig_profiles)?)/|tags/openshift/(?:([^/?]+)/)?)(?:\?(.*))?$"
)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Why an answer may differ (docs/differences.md), by what the question holds.
LISTED = {
    "currency=EUR": "money without a rate is refused, not shown under another currency's name",
    "filter[project]=cat": "capacity counts the nodes of the rows shown, not of all namespaces whose name holds the text",
}


def alike(one: Any, other: Any) -> bool:
    """Whether two parts of answers say the same: numbers to 1e-6, any source for any other."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return bool(one == other)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= max(1e-6, 1e-6 * abs(one))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return UUID.sub("", one) == UUID.sub("", other)
    return False


def without_requests(part: Any) -> Any:
    """An answer about machines without what the recordings know of it only where machines have costs: requests, and their own label."""
    if isinstance(part, dict):
        return {k: without_requests(v) for k, v in part.items() if k != "request"}
    if isinstance(part, list):
        return [
            without_requests(x) for x in part if not (isinstance(x, dict) and x.get("key") == "vm_kubevirt_io_name")
        ]
    return part


def table(text: str) -> list[dict[str, Any]]:
    """CSV as rows of numbers and texts."""
    return [{k: _number(v) for k, v in sorted(row.items())} for row in csv.DictReader(io.StringIO(text))]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def recorded(shared: Path, scenario: str) -> Iterator[dict[str, Any]]:
    """The recorded questions about reports and tags that the library answers; the API's own (`Accept`, verbs) are tested there."""
    with gzip.open(shared / "golden" / f"{scenario}.jsonl.gz", "rt") as file:
        for line in file:
            record = json.loads(line)
            if (
                PATHS.search(record["request"]["path"])
                and record["request"]["method"] == "GET"
                and record["status"] != 406
            ):
                yield record


def answered(reports: Reports, request: Mapping[str, Any]) -> tuple[int, Any]:
    """Status and body of our answer."""
    found = PATHS.search(request["path"])
    assert found
    report, key, query = found.groups()
    as_csv = request.get("accept") == "text/csv"
    try:
        if report:
            answer = reports.answer(f"openshift/{report}", query or "", EVERYTHING, csv=as_csv)
        else:
            answer = reports.tags("openshift", key, query or "", EVERYTHING, csv=as_csv)
    except InvalidInput as error:
        return 400, error.errors
    except UnknownName:
        return 404, {"errors": [{"detail": "Not found.", "source": "detail", "status": 404}]}
    return 200, "".join(answer.csv()) if as_csv else answer.body()


def replay(
    koku: Koku,
    shared: Path,
    scenario: str,
    priced: bool = True,
    listed_too: Mapping[str, str] | None = None,
    most: float = 0.03,
) -> None:
    """Ask everything again; what differs must be listed, and little. Where nothing is `priced`, machines request nothing there."""
    known = {**LISTED, **(listed_too or {})}
    reports, unlisted, listed, count = Reports(koku.services, koku.handle), [], 0, 0
    for record in recorded(shared, scenario):
        count += 1
        status, body = answered(reports, record["request"])
        expected = record["body"]
        if not priced and "virtual-machines" in record["request"]["path"]:
            expected, body = without_requests(expected), without_requests(body)
        same = (
            alike(table(expected), table(body))
            if isinstance(expected, str) and status == 200
            else alike(expected, json.loads(json.dumps(body)))
        )
        if status == record["status"] and same:
            continue
        if any(text in f"{record['name']} {record['request']['path']}" for text in known):
            listed += 1
        else:
            unlisted.append(f"{record['name']} {record['request']['path']}")
    assert count > 300
    assert unlisted == []
    assert listed <= most * count


def test_basic(shared: Path, settings: Settings) -> None:
    settings = settings.model_copy(update={"retain_months": 4})
    with Koku.open(settings=settings) as koku:
        clusters = load(koku, sorted((shared / "inputs" / "basic").glob("*.tar.gz")))
        body = json.loads((shared / "inputs" / "basic" / "cost_model.json").read_text())
        price(koku, body, clusters["my-ocp-cluster-1"], "2026-11-01")
        replay(koku, shared, "basic")


def test_nocm(shared: Path, settings: Settings) -> None:
    settings = settings.model_copy(update={"retain_months": 4})
    with Koku.open(settings=settings) as koku:
        load(koku, sorted(p for folder in ("basic", "nocm") for p in (shared / "inputs" / folder).glob("*.tar.gz")))
        replay(koku, shared, "nocm", priced=False)
