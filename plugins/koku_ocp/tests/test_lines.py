"""Which line items are behind a row of a report about clusters: by labels of pods, namespaces and nodes, by where volumes are mounted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.payloads import CLUSTER, at, payload, pod

import koku_ocp
from koku_core import Koku
from koku_core.access import Access
from koku_core.errors import InvalidInput, UnknownName
from koku_core.lines.service import LineItemReports
from koku_core.plugins import Plugins
from koku_core.testing.fixtures import database, settings_for
from koku_ocp.reports import NAMESPACE_LABELS, NODE_LABELS, POD, STORAGE

SCOPE: dict[str, Any] = {"months": -1, "resolution": "monthly"}
CPU, CAPACITY = "pod_usage_cpu_core_seconds", "node_capacity_cpu_core_seconds"
CLAIM = "persistentvolumeclaim"
HOURS = range(2)


def used(hour: int, name: str, namespace: str, node: str, seconds: float, labels: str = "") -> dict[str, Any]:
    return pod(hour, name, namespace=namespace, node=node, pod_labels=labels, node_capacity_cpu_cores=4,
               **{CPU: seconds, CAPACITY: 4 * 3600})  # fmt: skip


REPORTS = {
    POD: [
        row
        for h in HOURS
        for row in (
            used(h, "web", "shop", "n1", 10, "label_app:web"),
            used(h, "db", "shop", "n2", 20, "label_secret:x"),
            used(h, "teller", "bank", "n1", 40, "label_app:teller|label_env:prod"),
        )
    ],
    STORAGE: [
        at(h, namespace="shop", pod="db", persistentvolumeclaim="data", persistentvolume="pv", storageclass="gp3",
           persistentvolumeclaim_labels="label_app:disk", persistentvolumeclaim_capacity_bytes=2**30,
           persistentvolumeclaim_capacity_byte_seconds=2**30 * 3600)
        for h in HOURS
    ],
    NAMESPACE_LABELS: [at(h, namespace="shop", namespace_labels="label_app:shop|label_env:test") for h in HOURS],
    NODE_LABELS: [at(h, node="n2", node_labels="label_zone:b") for h in HOURS],
}  # fmt: skip


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    folder = tmp_path_factory.mktemp("lines")
    with (
        database(server_dsn) as dsn,
        Koku.open(settings=settings_for(dsn, folder), plugins=Plugins((), extra={"ocp": koku_ocp})) as koku,
    ):
        source = koku.sources.add("ocp", name="prod", cluster_id=CLUSTER)
        koku.tags.enable("OCP", ["app", "env", "zone"])
        koku.cost_models.create({
            "name": "m", "description": "", "source_type": "OCP", "currency": "USD", "source_uuids": [source.uuid],
            "rates": [{"metric": {"name": "cpu_core_usage_per_hour"}, "cost_type": "Supplementary",
                       "tiered_rates": [{"unit": "USD", "value": "1", "usage": {"usage_start": None, "usage_end": None}}]}],
            "markup": {"value": "0", "unit": "percent"}, "distribution_info": {},
        })  # fmt: skip
        koku.ingest(source, payload(folder / "p.tar.gz", REPORTS))
        yield koku


def names(koku: Koku, path: str = "openshift/costs", **question: Any) -> set[str]:
    rows = koku.line_items(path, **{**SCOPE, **question}).rows()
    return {f"{r['dataset'].split('_')[1]} {r.get('pod') or r['node']}" for r in rows}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({}, {"pod web", "pod db", "pod teller", "storage db", "node n1", "node n2"}),
        ({"filter": {"project": "shop"}}, {"pod web", "pod db", "storage db"}),
        ({"filter": {"tag:app": "shop"}}, {"pod db"}),  # the pod's own label wins
        ({"filter": {"tag:env": "test"}}, {"pod web", "pod db", "storage db"}),
        ({"filter": {"and:tag:env": ["test", "te"], "tag:zone": "b"}}, {"pod db", "storage db"}),  # a volume is on its pod's node
        ({"filter": {"tag:app": "*"}}, {"pod web", "pod db", "pod teller", "storage db"}),
        ({"exclude": {"tag:app": "web"}, "filter": {"node": "n1"}}, {"pod teller", "node n1"}),
        ({"group_by": "node", "row": {"node": "n2"}}, {"pod db", "storage db", "node n2"}),
        ({"group_by": "project", "row": {"project": "Worker unallocated"}}, {"node n1", "node n2"}),
        ({"group_by": "persistentvolumeclaim", "row": {CLAIM: "data"}}, {"storage db"}),
        ({"group_by": "persistentvolumeclaim", "row": {CLAIM: f"No-{CLAIM}"}}, {"pod web", "pod db", "pod teller", "node n1", "node n2"}),
        ({"group_by": ["project", "tag:app"], "row": {"project": "shop", "app": "disk"}}, {"storage db"}),
        ({"group_by": "tag:app", "row": {"tag:app": None}}, {"node n1", "node n2"}),
        ({"filter": {"cluster": "prod"}, "group_by": "cluster", "row": {"cluster": "cluster-1", "date": "2026-11-10"}},
         {"pod web", "pod db", "pod teller", "storage db", "node n1", "node n2"}),
        ({"filter": {"project": "nobody"}}, set()),
        ({"start": "2026-11-11", "end": "2026-11-20", "months": None, "resolution": None}, set()),
    ],
)  # fmt: skip
def test_the_conditions_of_the_report_choose(koku: Koku, question: dict[str, Any], expected: set[str]) -> None:
    assert names(koku, **question) == expected


def test_usage_is_the_sum_of_the_lines(koku: Koku) -> None:
    """Seconds of the lines are the hours of the report."""
    for row in koku.report("openshift/compute", **SCOPE, group_by="project").rows():
        lines = koku.line_items("openshift/compute", row=row, group_by="project", **SCOPE).to_arrow()
        assert abs(sum(lines[CPU].to_pylist(), Decimal()) / 3600 - row["usage"]) < Decimal("1e-14")
        assert set(lines["dataset"].to_pylist()) == {"ocp_pod_days"}
    assert names(koku, "openshift/volumes") == {"storage db"}


def test_labels_and_amounts_are_as_they_came(koku: Koku) -> None:
    rows = list(koku.line_items("openshift/compute", **SCOPE, filter={"tag:zone": "b"}).rows())
    assert [r["pod_labels"] for r in rows] == [{"secret": "x"}]
    assert [r[CPU] for r in rows] == [Decimal(40)]
    wire = json.loads("".join(koku.line_items("openshift/compute", **SCOPE, filter={"tag:zone": "b"}).ndjson()))
    assert (wire["pod_labels"], wire[CPU], wire["usage_start"]) == ({"secret": "x"}, 40, "2026-11-10")


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"openshift.cluster": (CLUSTER,)}, {"pod web", "pod db", "pod teller", "storage db", "node n1", "node n2"}),
        ({"openshift.cluster": (CLUSTER,), "openshift.project": ("shop",)}, {"pod web", "pod db", "storage db"}),
        ({"openshift.cluster": (CLUSTER,), "openshift.node": ("n2",)}, {"pod db", "storage db", "node n2"}),
        ({"openshift.cluster": ("another",)}, set()),
    ],
)
def test_a_restricted_caller_sees_his_lines_alone(
    koku: Koku, lists: dict[str, tuple[str, ...]], expected: set[str]
) -> None:
    access = Access(lists={name: {"read": values} for name, values in lists.items()})
    found = LineItemReports(koku.services, koku.handle).lines(
        "openshift/costs", "filter[time_scope_value]=-1&filter[time_scope_units]=month", access
    )
    assert {f"{r['dataset'].split('_')[1]} {r.get('pod') or r['node']}" for r in found.rows()} == expected


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ({"group_by": "project", "row": {"node": "n1"}}, "row"),
        ({"group_by": "project", "row": {"project": "shop", "date": "soon"}}, "neither a day"),
        ({"group_by": "project", "row": {"date": "2026-07"}}, "not in the period"),
        ({"group_by": "project", "limit": 1, "row": {"project": "Others"}}, "several groups"),
        ({"group_by": "project", "row": {"project": ["a", "b"]}}, "one value"),
    ],
)
def test_a_row_that_cannot_be_is_refused(koku: Koku, question: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput, match=where):
        koku.line_items("openshift/costs", **SCOPE, **question)


def test_what_is_not_there_is_named(koku: Koku) -> None:
    with pytest.raises(UnknownName, match="openshift/costs"):
        koku.line_items("openshift/nothing")
    with pytest.raises(TypeError, match="no option"):
        koku.line_items("openshift/costs", columns="all")
