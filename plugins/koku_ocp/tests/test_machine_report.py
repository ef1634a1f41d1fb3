"""The report about virtual machines, asked of clusters whose machines move, stop, share names and change their labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from plugins.koku_ocp.tests.clusters import GIB, rate, tag_rate
from plugins.koku_ocp.tests.payloads import at, payload
from tests.conftest import database

from koku_core import Koku
from koku_core.access import EVERYTHING, Access
from koku_core.errors import AccessDenied, InvalidInput
from koku_core.reports import Reports
from koku_core.reports.resource_types import Wanted, listing
from koku_core.testing.fixtures import settings_for
from koku_ocp.facts import DAILY_SUMMARY
from koku_ocp.report_map.machines import MACHINES
from koku_ocp.reports import POD, STORAGE, VM

PATH = "openshift/resources/virtual-machines"
MONTH = "filter[time_scope_units]=month&filter[time_scope_value]=-1&filter[resolution]=monthly"
RATES = (
    rate("vm_cost_per_hour", 1, "Infrastructure"), rate("cpu_core_request_per_hour", 2), rate("pvc_cost_per_month", 30),
    tag_rate("vm_cost_per_month", "tier", {"gold": 60}),
)  # fmt: skip
NOV_10 = range(24)
NOV_11 = range(24, 48)


def up(
    hours: range, name: str, node: str, namespace: str = "shop", cores: int = 2, claim: str = "", labels: str = ""
) -> Iterator[tuple[Any, Any]]:
    """The rows of a machine's pod, and of the machine, for some hours after the 10th began."""
    for hour in hours:
        yield (
            at(hour, namespace=namespace, node=node, pod=f"virt-launcher-{name}", resource_id=f"i-{node}",
               pod_labels=f"label_vm_kubevirt_io_name:{name}|{labels}", pod_usage_cpu_core_seconds=1800, pod_request_cpu_core_seconds=3600,
               pod_request_memory_byte_seconds=GIB * 3600, node_capacity_cpu_cores=8, node_capacity_cpu_core_seconds=8 * 3600,
               node_capacity_memory_bytes=GIB * 32, node_capacity_memory_byte_seconds=GIB * 32 * 3600),
            at(hour, namespace=namespace, node=node, vm_name=name, vm_uptime_total_seconds=3600, vm_cpu_request_cores=cores,
               vm_memory_request_bytes=4 * GIB, vm_persistentvolumeclaim_name=claim),
        )  # fmt: skip


def mounted(hours: range, claim: str, gib: int, used: int, node: str) -> list[dict[str, Any]]:
    return [
        at(hour, namespace="shop", pod="virt-launcher-db", node=node, persistentvolumeclaim=claim, persistentvolume=f"pv-{claim}",
           storageclass="gold", persistentvolumeclaim_labels="label_class:fast", persistentvolumeclaim_capacity_bytes=gib * GIB,
           persistentvolumeclaim_capacity_byte_seconds=gib * GIB * 3600, volume_request_storage_byte_seconds=gib * GIB * 3600,
           persistentvolumeclaim_usage_byte_seconds=used * GIB * 3600)
        for hour in hours
    ]  # fmt: skip


def east() -> dict[Any, list[dict[str, Any]]]:
    """`db` moves on the 10th and has new labels on the 11th, `web` stops when the 10th ends, a pod of the platform runs beside."""
    rows = [
        *up(range(6), "db", "n1", claim="root", labels="label_tier:gold"),
        *up(range(6, 24), "db", "n2", claim="root", labels="label_tier:gold"),
        *up(NOV_11, "db", "n2", cores=4, claim="root", labels="label_tier:iron"), *up(NOV_10, "web", "n1", "batch"),
    ]  # fmt: skip
    etcd = [{**pod, "namespace": "openshift-etcd", "pod": "etcd", "pod_labels": ""} for pod, _ in rows[:12]]
    volumes = [
        *mounted(range(6), "root", 30, 3, "n1"),
        *mounted(range(6, 24), "root", 30, 3, "n2"),
        *mounted(NOV_11, "root", 30, 6, "n2"),
    ]
    return {POD: [*(pod for pod, _ in rows), *etcd], VM: [vm for _, vm in rows], STORAGE: volumes}


def west() -> dict[Any, list[dict[str, Any]]]:
    """A machine of the same name in another cluster."""
    rows = list(up(NOV_10, "db", "w1", cores=1))
    return {POD: [pod for pod, _ in rows], VM: [vm for _, vm in rows]}


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    folder = tmp_path_factory.mktemp("machines")
    with database(server_dsn) as dsn:
        settings = settings_for(dsn, folder).model_copy(update={"plugins": ("ocp",)})
        with Koku.open(settings=settings) as opened:
            opened.tags.enable("OCP", ("tier", "class"))
            for name, reports in (("east", east()), ("west", west())):
                source = opened.sources.add("ocp", name=name, cluster_id=f"c-{name}")
                span = {"start": "2026-11-10T00:00:00Z", "end": "2026-11-11T23:59:59Z"}
                opened.ingest(source, payload(folder / f"{name}.tar.gz", reports, cluster_id=f"c-{name}", **span))
            body = {
                "name": "m",
                "description": "",
                "source_type": "OCP",
                "rates": list(RATES),
                "distribution_info": {"distribution_type": "cpu"},
            }
            opened.cost_models.create({**body, "source_uuids": [s.uuid for s in opened.sources]})
            opened.work()
            yield opened


def ask(koku: Koku, query: str = "", access: Access = EVERYTHING) -> dict[str, Any]:
    return Reports(koku.services, koku.handle).answer(PATH, f"{query}&{MONTH}", access).body()


def rows(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {m["vm_name"]: row for bucket in body["data"] for m in bucket["vm_names"] for row in m["values"]}


def test_a_machine_is_one_row_wherever_it_was(koku: Koku) -> None:
    body = ask(koku, "filter[exact:cluster]=c-east")
    db = rows(body)["db"]
    assert (db["cluster"], db["node"], db["project"], db["date"]) == ("east", "n2", "shop", "2026-11")
    assert db["request"] == {"cpu": {"value": 4.0, "units": "Core"}, "memory": {"value": 4.0, "units": "GiB"}}
    hours, gold, claims = 48, Decimal(60) / 30, 2 * Decimal(30) / 30
    assert db["infrastructure"]["usage"]["value"] == hours
    assert db["supplementary"]["usage"]["value"] == pytest.approx(float(48 * 2 + gold + claims))
    assert body["meta"]["count"] == 2


def test_a_machine_that_stopped_is_still_there(koku: Koku) -> None:
    web = rows(ask(koku))["web"]
    assert (web["infrastructure"]["total"]["value"], web["request"]["cpu"]["value"], list(web["storage"])) == (
        24,
        2,
        [],
    )


def test_machines_of_one_name_add_up(koku: Koku) -> None:
    body = ask(koku)
    db = rows(body)["db"]
    assert (db["cluster"], db["node"], len(db["source_uuid"])) == ("west", "w1", 2)
    assert db["request"]["cpu"]["value"] == 4 + 1
    assert body["meta"]["total"]["request"] == {
        "cpu": {"value": 7.0, "units": "Core"},
        "memory": {"value": 12.0, "units": "GiB"},
    }


def test_rows_add_up_to_the_total_and_that_to_the_daily_summary(koku: Koku) -> None:
    body = ask(koku)
    found, total = rows(body).values(), body["meta"]["total"]
    for block, figure in (("cost", "total"), ("cost", "distributed"), ("infrastructure", "total"), ("supplementary", "usage"),
                          ("cost", "platform_distributed"), ("cost", "worker_unallocated_distributed")):  # fmt: skip
        assert total[block][figure]["value"] == pytest.approx(sum(r[block][figure]["value"] for r in found))
        assert total[block][figure]["value"] > 0
    daily = [r for s in koku.sources for r in koku.daily_summary(s, date(2026, 11, 1)).to_pylist() if r["vm_name"]]
    costs = sum((r[f"cost_model_{k}_cost"] or 0 for r in daily for k in ("cpu", "memory", "volume", "gpu")), Decimal(0))
    assert total["cost"]["total"]["value"] == pytest.approx(float(costs))
    moved = sum((r["distributed_cost"] or 0 for r in daily), Decimal(0))
    assert total["cost"]["distributed"]["value"] == pytest.approx(float(costs + moved))


def test_claims_and_labels_are_listed(koku: Koku) -> None:
    db = rows(ask(koku))["db"]
    claim = {
        "pvc_name": "root",
        "storage_class": "gold",
        "usage": pytest.approx(0.2),
        "capacity": pytest.approx(1),
        "usage_units": "GiB-Mo",
    }
    assert db["storage"] == [claim]
    labels = [("tier", ["gold", "iron"]), ("vm_kubevirt_io_name", ["db"]), ("class", ["fast"])]
    assert db["tags"] == [{"key": key, "values": values} for key, values in labels]


@pytest.mark.parametrize(("query", "expected"), [
    ("filter[project]=sho", {"db"}), ("filter[node]=n1", {"db", "web"}), ("filter[exact:node]=w1", {"db"}),
    ("filter[cluster]=EAST", {"db", "web"}),
    ("filter[exact:vm_name]=we", set()), ("filter[vm_name]=we", {"web"}), ("filter[or:project]=batch&filter[or:project]=no", {"web"}),
    ("exclude[project]=shop", {"web"}), ("exclude[vm_name]=d", {"web"}), ("filter[tag:tier]=gold", {"db"}),
    ("filter[tag:class]=fast", {"db"}),
    ("filter[node]=nowhere", set()),
])  # fmt: skip
def test_filters(koku: Koku, query: str, expected: set[str]) -> None:
    assert set(rows(ask(koku, query))) == expected


def test_a_filter_by_label_chooses_days(koku: Koku) -> None:
    """Iron was the machine on the 11th alone; its claim has the labels that it had last, whatever the day."""
    db = rows(ask(koku, "filter[tag:tier]=iron"))["db"]
    assert db["infrastructure"]["usage"]["value"] == 24
    assert db["request"]["cpu"]["value"] == 4
    assert db["supplementary"]["usage"]["value"] == pytest.approx(48 + 2)


@pytest.mark.parametrize(("order", "expected"), [
    ("", ["db", "web"]), ("order_by[cost]=asc", ["web", "db"]), ("order_by[vm_name]=desc", ["web", "db"]),
    ("order_by[project]=asc", ["web", "db"]),
    ("order_by[cluster]=desc", ["db", "web"]), ("order_by[node]=asc", ["web", "db"]), ("order_by[request_cpu]=asc", ["web", "db"]),
    ("order_by[request_memory]=desc", ["db", "web"]), ("order_by[distributed_cost]=asc", ["web", "db"]),
])  # fmt: skip
def test_orders_and_pages(koku: Koku, order: str, expected: list[str]) -> None:
    assert list(rows(ask(koku, order))) == expected
    body = ask(koku, f"{order}&limit=1&offset=1")
    assert (list(rows(body)), body["meta"]["count"]) == (expected[1:], 2)
    assert "offset" not in body["links"]["previous"]


def test_nothing_has_no_unit(koku: Koku) -> None:
    body = ask(koku, "filter[vm_name]=nothing")
    assert (body["meta"]["count"], body["data"]) == (0, [])
    assert body["meta"]["total"]["request"] == {"cpu": {"value": 0.0, "units": 0}, "memory": {"value": 0.0, "units": 0}}
    assert body["meta"]["total"]["cost"]["total"] == {"value": 0.0, "units": "USD"}


@pytest.mark.parametrize(("query", "errors"), [
    ("filter[resolution]=daily", {"filter": {"resolution": ["valid choice is 'monthly'"]}}),
    ("filter[time_scope_units]=day", {"filter": {"time_scope_units": ["valid choice is 'month'"]}}),
    ("filter[time_scope_value]=-10", {"filter": {"time_scope_value": ["valid choices are '('-1', '-2', '-3')'"]}}),
    ("group_by[project]=*", {"group_by": {"non_field_errors": ["Group by queries are not allowed."]}}),
    ("filter[limit]=2", {"filter": {"limit": ["Unsupported parameter or invalid value"]}}),
    ("start_date=2026-11-01&end_date=2026-11-02",
     {"start_date": ["Unsupported parameter or invalid value"], "end_date": ["Unsupported parameter or invalid value"]}),
    ("exclude[exact:vm_name]=db", {"exclude": {"exact:vm_name": ["Unsupported parameter or invalid value"]}}),
    ("delta=cost", {"delta": ["Unsupported parameter or invalid value"]}),
    ("order_by[usage]=asc", {"order_by": {"usage": ["Unsupported parameter or invalid value"]}}),
])  # fmt: skip
def test_what_is_refused(koku: Koku, query: str, errors: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        Reports(koku.services, koku.handle).answer(PATH, query, EVERYTHING)
    assert refused.value.errors == errors


def test_other_months_are_other_answers(koku: Koku) -> None:
    assert (
        Reports(koku.services, koku.handle).answer(PATH, MONTH.replace("=-1", "=-2"), EVERYTHING).body()["data"] == []
    )


@pytest.mark.parametrize("limit", ["", "&limit=0", "&limit=1"])
def test_csv_spreads_lists_over_columns(koku: Koku, limit: str) -> None:
    text = "".join(Reports(koku.services, koku.handle).answer(PATH, MONTH + limit, EVERYTHING, csv=True).csv())
    found = list(csv.DictReader(io.StringIO(text)))
    assert [r["vm_name"] for r in found] == (["db"] if limit == "&limit=1" else ["db", "web"])
    db = found[0]
    assert (db["storage.0.pvc_name"], db["tags.0.key"], db["tags.0.values.0"], db["tags.0.values.1"]) == (
        "root",
        "tier",
        "gold",
        "iron",
    )
    assert (db["request_cpu"], db["request_cpu_units"], db["cluster"]) == ("5.000000000000000", "Core", "west")
    assert list(db) == sorted(db)


def test_a_notebook_shows_them(koku: Koku) -> None:
    answer = koku.report(PATH, months=-1)
    table = answer.to_arrow()
    assert table["vm_name"].to_pylist() == ["db", "web"]
    assert '"pvc_name": "root"' in table["storage"][0].as_py()
    assert "root gold" in str(answer)
    assert "db" in answer._repr_html_()


@pytest.mark.parametrize(("lists", "expected", "listed"), [
    ({"openshift.cluster": ["c-east"]}, {"db": "east", "web": "east"}, ["db", "web"]),
    ({"openshift.cluster": ["*"], "openshift.project": ["batch"]}, {"web": "east"}, ["web"]),
    ({"openshift.cluster": ["*"], "openshift.node": ["w1"]}, {"db": "west"}, ["db", "web"]),
])  # fmt: skip
def test_access_limits_what_is_seen(
    koku: Koku, lists: Mapping[str, list[str]], expected: Mapping[str, str], listed: list[str]
) -> None:
    access = Access(lists={k: {"read": tuple(v)} for k, v in lists.items()})
    assert {name: row["cluster"] for name, row in rows(ask(koku, access=access)).items()} == expected
    named = listing(koku.handle, DAILY_SUMMARY, MACHINES, access, Wanted())
    assert [value for value, _ in named.rows] == listed


def test_without_access_to_clusters_nothing_is_seen(koku: Koku) -> None:
    with pytest.raises(AccessDenied):
        ask(koku, access=Access(lists={"openshift.project": {"read": ("*",)}}))
