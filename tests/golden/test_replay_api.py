"""The recorded answers about everything besides reports, asked of the API: settings, prices, sources, and who may see what."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from koku_core import Koku
from koku_core.api import create_app
from koku_core.settings import Settings
from tests.end_to_end.conftest import Api
from tests.golden.test_daily_summary import load, price

pytestmark = [pytest.mark.slow, pytest.mark.shared]
BASE = "http://testserver"
NO_RATE = "money without a rate is refused, not shown under another currency's name"
NOT_LOADED = "the provider's plugin is not loaded"
ORDER = "the reference leaves the order to chance"
#: The price list that the recording was narrowed to November in another way.
NARROWED = re.compile(r"\.price_lists\[0\]\.(effective_start_date|version)$")
#: Why an answer may differ (docs/differences.md), by the name of its record.
LISTED = {
    "007-cm-post-aws-markup": NOT_LOADED, "052-cm-put-type": NOT_LOADED, "168-src-post-aws": NOT_LOADED, "173-src-patch-bad": NOT_LOADED,
    "046-cm-list": "one cost model fewer, see 007", "047-cm-list-order": "one cost model fewer, see 007",
    "098-cur-disable-usd": "one cost model fewer, see 007",
    "141-map-get": "a mapping reaches reports with the next job, which the recording had not waited for",
    "060-pl-list": ORDER, "071-pl-get": ORDER, "073-pl-get": ORDER, "128-tags-after-enable": ORDER, "138-map-get": ORDER,
    "091-costs-after-eur": NO_RATE, "111-costs-eur-after-static": NO_RATE, "112-costs-eur-project": NO_RATE,
    "117-tag-report-disabled": "a key that is disabled is not known; there the answer was cached",
}  # fmt: skip


@pytest.fixture
def replay(shared: Path) -> ModuleType:
    """The tool that compares answers."""
    spec = importlib.util.spec_from_file_location("replay", shared / "tools" / "replay.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def loaded(settings: Settings, shared: Path) -> Iterator[Koku]:
    """The library for the recorded tenant, with its cluster and prices from November on."""
    kept = settings.model_copy(update={"retain_months": 4})
    with Koku.open(settings=kept) as koku:
        org = koku.tenant("org1234567")
        clusters = load(org, sorted((shared / "inputs" / "basic").glob("*.tar.gz")))
        body = json.loads((shared / "inputs" / "basic" / "cost_model.json").read_text())
        price(org, body, clusters["my-ocp-cluster-1"], "2026-11-01")
        yield org


class Replay:
    """Asks what was recorded, one after the other, and compares."""

    def __init__(self, org: Koku, tool: ModuleType) -> None:
        self._org, self._tool = org, tool
        self._api = Api(create_app(org), {})
        self._uuids: dict[str, str] = {}
        self._sources = {source.key: source.uuid for source in org.sources.list()}

    def differing(self, records: list[dict[str, Any]]) -> list[str]:
        """The names of the records that are answered differently."""
        for record in records:
            self._meet(record.get("body"))
        return [r["name"] for r in records if self._differences(r)]

    def _meet(self, body: Any) -> None:
        """Note which recorded uuids our sources stand for."""
        data = body.get("data") if isinstance(body, dict) else None
        rows = data if isinstance(data, list) else [body]
        for row in rows:
            if isinstance(row, dict) and row.get("source_ref") in self._sources:
                self._uuids[row["uuid"]] = self._sources[row["source_ref"]]

    def _ours(self, text: str) -> str:
        ours: str = self._tool.UUID.sub(lambda m: self._uuids.get(m.group(0), m.group(0)), text)
        return ours

    def _differences(self, record: dict[str, Any]) -> list[Any]:
        request = record["request"]
        identity = request.get("identity", self._tool.IDENTITY)
        headers = dict(request.get("headers") or {})
        if isinstance(identity, dict):
            headers["x-rh-identity"] = base64.b64encode(json.dumps(identity).encode()).decode()
        if request.get("accept"):
            headers["accept"] = request["accept"]
        body = request.get("body")
        content = None if body is None else self._ours(json.dumps(body)).encode()
        if content is not None:
            headers.setdefault("content-type", "application/json")
        answer = self._api.request(
            request["method"], BASE + self._ours(request["path"]), headers=headers, content=content
        )
        if request["method"] != "GET":
            self._org.work()
        if answer.status_code != record["status"]:
            return [("status", record["status"], answer.status_code)]
        found: list[Any] = []
        if isinstance(record.get("body"), (dict, list)):
            self._tool.learn(record["body"], answer.json(), self._uuids)
            self._tool.same(record["body"], answer.json(), "", found)
        return [d for d in found if not NARROWED.search(d[0])]


def recorded(shared: Path, scenario: str) -> list[dict[str, Any]]:
    """What was asked in a scenario."""
    with gzip.open(shared / "golden" / f"{scenario}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("scenario", ["basic-auth", "basic-crud"])
def test_the_api_answers_as_recorded(loaded: Koku, shared: Path, replay: ModuleType, scenario: str) -> None:
    differing = Replay(loaded, replay).differing(recorded(shared, scenario))
    assert sorted(set(differing) - LISTED.keys()) == []


PATHS = ("account-settings", "currency", "cost-type", "user-access", "resource-types/", "settings/", "sources", "forecasts/",
         "ingress/", "reports/openshift/infrastructures/")  # fmt: skip
#: The list of lists differs in the order of families, and CSV names the steps of a state as JSON does.
OTHERWISE = ("/resource-types/", "text/csv")


def test_the_api_answers_as_recorded_where_nothing_changes(loaded: Koku, shared: Path, replay: ModuleType) -> None:
    def compared(request: dict[str, Any]) -> bool:
        path, _, _ = request["path"].partition("?")
        left_out = path.endswith(OTHERWISE[0]) or any(o in path + request.get("accept", "") for o in OTHERWISE[1:])
        return any(f"/v1/{start}" in path for start in PATHS) and not left_out

    records = [r for r in recorded(shared, "basic") if compared(r["request"])]
    assert len(records) > len(PATHS)
    assert Replay(loaded, replay).differing(records) == ["663-misc-forecasts_openshift_costs_-currency_EUR"], NO_RATE
