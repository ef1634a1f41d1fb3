"""The reports about GPUs over a small tenant: rows that are told apart, counts, ranks, what must be asked, doctor's findings."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.report_data import DAILY, MONTH, ONE, TWO, ask, cells, tenant

from koku_core import Koku
from koku_core.access import EVERYTHING, Access
from koku_core.errors import InvalidInput
from koku_core.reports import Reports
from koku_core.reports.resource_types import Wanted, listing
from koku_ocp.report_map import REPORT_MAP

FIRST = date(2026, 11, 1)
MIG = f"filter[gpu_vendor]=nvidia&filter[gpu_model]=A100&filter[node]=n&{MONTH}"


def gpu(
    source: str,
    day: date,
    namespace: str,
    node: str,
    uuid: str,
    model: str = "A100",
    *,
    slices: int = 0,
    hours: int = 24,
) -> dict[str, Any]:
    """What a project used of a GPU, or of an instance of so many slices."""
    mig = {"mig_profile": f"{slices}g.{slices * 5}gb", "mig_instance_id": f"MIG-{uuid}-{slices}", "mig_slice_count": slices,
           "mig_memory_gigabytes": slices * 5, "gpu_max_slices": 7} if slices else {}  # fmt: skip
    return {
        "source_uuid": source, "usage_start": day, "usage_end": day, "layer": 0, "cluster_id": {ONE: "c-1", TWO: "c-2"}[source],
        "cluster_alias": {ONE: "east", TWO: None}[source], "data_source": "GPU", "namespace": namespace, "node": node, "resource_id": uuid,
        "gpu_vendor": "nvidia", "gpu_model": model, "gpu_mode": "MIG" if slices else "dedicated", "gpu_memory_gigabytes": 40,
        "gpu_slices": 7, "gpu_slice_seconds": hours * 3600 * (slices or 7), **mig,
    }  # fmt: skip


def priced(row: Mapping[str, Any], cost: int, cost_type: str = "Infrastructure") -> dict[str, Any]:
    """The row that prices it."""
    sizes = {
        "gpu_memory_gigabytes",
        "gpu_slices",
        "gpu_slice_seconds",
        "mig_slice_count",
        "mig_memory_gigabytes",
        "gpu_max_slices",
    }
    kept = {name: value for name, value in row.items() if name not in sizes}
    return {
        **kept,
        "layer": 1,
        "cost_model_rate_type": cost_type,
        "monthly_cost_type": "Tag",
        "cost_model_gpu_cost": cost,
    }


def rows() -> Iterator[dict[str, Any]]:
    """Three days of November: whole GPUs on two nodes, one divided, another model, and what was left."""
    yield gpu(ONE, FIRST - timedelta(1), "play", "n3", "G9", "H100")
    for uuid in ("G7", "G8"):
        yield {**gpu(ONE, FIRST - timedelta(1), "play", "n5", uuid, slices=2), "mig_instance_id": "3"}
    for day in (FIRST + timedelta(n) for n in range(3)):
        whole = [
            gpu(ONE, day, "train", "n1", "G1"),
            gpu(ONE, day, "train", "n1", "G2"),
            gpu(ONE, day, "play", "n2", "G3"),
        ]
        parts = [gpu(ONE, day, "train", "n2", "G4", slices=1), gpu(ONE, day, "play", "n2", "G4", slices=3)]
        other = [gpu(TWO, day, "play", "n3", "G5", "Tesla T4", hours=30)]
        for row, cost in zip([*whole, *parts, *other], (10, 20, 30, 2, 6, 5), strict=True):
            yield row
            yield priced(row, cost)
        yield priced({**gpu(ONE, day, "GPU unallocated", "n2", ""), "gpu_mode": None}, 1000)
        yield {**gpu(ONE, day, "GPU unallocated", "n4", "", "L4"), "gpu_mode": None}
        yield {
            **priced(whole[0], 0, "gpu_distributed"),
            "layer": 2,
            "cost_model_gpu_cost": None,
            "distributed_cost": 500,
        }


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    with tenant(server_dsn, tmp_path_factory.mktemp("gpus"), list(rows())) as made:
        yield made


def shown(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Node, mode, number, memory and cost of each row of the first bucket."""
    return [
        (r["node"], r["gpu_mode"], r["gpu_count"]["value"], r["gpu_memory"]["value"], r["cost"]["total"]["value"])
        for r in cells(body["data"][0])
    ]


def test_every_gpu_counts_once_and_costs_what_it_was_used_for(koku: Koku) -> None:
    body = ask(koku, MONTH, "gpu")
    assert shown(body) == [
        ("n1", "dedicated", 2, 40, 90), ("n2", "dedicated", 1, 40, 90), ("n2", "MIG", 1, 40, 24), ("n3", "dedicated", 1, 40, 15),
    ]  # fmt: skip
    names = [g["gpu_name"] for g in body["data"][0]["gpu_names"]]
    assert names == ["nvidia_A100_n1", "nvidia_A100_n2", "nvidia_Tesla T4_n3"]
    assert len(body["data"][0]["gpu_names"][1]["values"]) == 2
    assert body["meta"]["total"]["infrastructure"]["usage"]["value"] == 219
    assert set(body["meta"]["total"]) == {"infrastructure", "supplementary", "cost"}


def test_a_key_that_is_grouped_by_is_not_repeated(koku: Koku) -> None:
    body = ask(koku, f"group_by[gpu_mode]=*&{MONTH}", "gpu")
    assert [(g["gpu_mode"], [n["gpu_name"] for n in g["gpu_names"]]) for g in body["data"][0]["gpu_modes"]] == [
        ("dedicated", ["nvidia_A100_n1", "nvidia_A100_n2", "nvidia_Tesla T4_n3"]), ("MIG", ["nvidia_A100_n2"]),
    ]  # fmt: skip


def test_the_first_ranks_have_a_row_for_each_node_and_mode_and_the_others_one(koku: Koku) -> None:
    body = ask(koku, f"group_by[gpu_model]=*&filter[limit]=1&{MONTH}", "gpu")
    first, other = body["data"][0]["gpu_models"]
    assert [(r["node"], r["gpu_mode"]) for r in first["values"]] == [
        ("n1", "dedicated"),
        ("n2", "dedicated"),
        ("n2", "MIG"),
    ]
    assert "gpu_names" not in first
    [row] = other["values"]
    assert {row[n] for n in ("gpu_model", "node", "gpu_mode", "gpu_vendor")} == {"Other"}
    assert (row["gpu_count"]["value"], row["clusters"]) == (1, ["c-2"])
    assert body["meta"]["others"] == 1


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ("order_by[gpu_count]=asc", ["n2", "n2", "n3", "n1"]),
        ("order_by[node]=desc", ["n3", "n2", "n2", "n1"]),
        ("order_by[cost]=asc", ["n3", "n2", "n2", "n1"]),
        ("filter[tag:app]=Web&exclude[tag:app]=x&order_by[tag:app]=asc", ["n1", "n2", "n2", "n3"]),
        ("filter[mig_profile]=3g", ["n2"]),
        ("group_by[or:node]=*&filter[node]=n1", ["n1"]),
        ("filter[project]=play&exclude[gpu_mode]=MIG", ["n2", "n3"]),
    ],
)
def test_orders_and_filters(koku: Koku, query: str, nodes: list[str]) -> None:
    assert [r["node"] for r in cells(ask(koku, f"{query}&{MONTH}", "gpu")["data"][0])] == nodes


def test_whoever_sees_one_project_sees_its_gpus(koku: Koku) -> None:
    access = Access(lists={"openshift.cluster": {"read": ("*",)}, "openshift.project": {"read": ("train",)}})
    assert ask(koku, MONTH, "gpu", access)["meta"]["total"]["cost"]["total"]["value"] == 96


def test_instances(koku: Koku) -> None:
    [day] = ask(koku, MIG, "gpu/mig_profiles")["data"]
    small, large = day["mig_profiles"]
    assert small["values"] == [{
        "date": "2026-11", "mig_profile": "1g.5gb", "mig_id": "MIG-G4-1", "gpu_name": "nvidia_A100_n2", "node": "n2", "gpu_model": "A100",
        "gpu_vendor": "nvidia", "compute": {"value": 1, "units": "g"}, "memory": {"value": 5, "units": "gb"}, "mig_slice_count": 1,
        "gpu_max_slices": 7,
    }]  # fmt: skip
    assert large["mig_profile"] == "3g.15gb"
    before = MIG.replace("]=-1", "]=-2")
    assert [r["mig_id"] for r in cells(ask(koku, before, "gpu/mig_profiles")["data"][0])] == ["3", "3"], (
        "two GPUs, one number"
    )
    ranked = ask(koku, f"{MIG}&filter[limit]=1", "gpu/mig_profiles")
    assert [(r["mig_id"], r["clusters"]) for r in cells(ranked["data"][0])] == [("MIG-G4-1", ["east"])]
    assert (ranked["meta"]["others"], ranked["meta"]["total"]) == (1, {})


@pytest.mark.parametrize(
    ("report", "query", "errors"),
    [
        ("gpu", "group_by[node]=*", {"group_by": {"node": ["Unsupported parameter or invalid value"]}}),
        ("gpu", "group_by[or:gpu_name]=*", {"group_by": {"or:gpu_name": ["Unsupported parameter or invalid value"]}}),
        ("gpu", "delta=cost", {"delta": ["Unsupported parameter or invalid value"]}),
        ("gpu", "filter[limit]=1", {"error": ["filter[limit] and filter[offset] requires a valid group_by param."]}),
        ("gpu/mig_profiles", "", {"non_field_errors": [
            "MIG profiles endpoint requires filters: gpu_vendor, gpu_model, node. Missing: gpu_vendor, gpu_model, node"]}),
        ("gpu/mig_profiles", "filter[gpu_model]=A100", {"filter": {k: ["This field is required."] for k in ("gpu_vendor", "node")}}),
    ],
)  # fmt: skip
def test_what_is_refused(koku: Koku, report: str, query: str, errors: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(koku, query, report)
    assert refused.value.errors == errors


@pytest.mark.parametrize("limit", ["&limit=0", ""])
def test_csv_names_the_units_and_no_list_that_is_only_counted(koku: Koku, limit: str) -> None:
    text = "".join(
        Reports(koku.services, koku.handle).answer("openshift/gpu", MONTH + limit, EVERYTHING, csv=True).csv()
    )
    row = next(csv.DictReader(text.splitlines()))
    assert (row["gpu_count"], row["gpu_count_units"], row["gpu_memory_units"], row["clusters.0"]) == (
        "2",
        "GPUs",
        "GB",
        "east",
    )
    assert not [name for name in row if name.startswith("gpus")]


def test_a_gpu_that_is_used_for_more_than_the_day_has_is_told(koku: Koku) -> None:
    told = [f for f in koku.doctor() if "hours a day" in f.what]
    assert len(told) == 1
    assert told[0].what.startswith(
        f"G5 (Tesla T4, node n3) is reported in use for up to 30.0 hours a day on 3 days ({FIRST} to "
    )


def test_a_model_without_a_price_is_told(koku: Koku) -> None:
    told = [f.what for f in koku.doctor() if "cost nothing" in f.what]
    day = FIRST - timedelta(1)
    assert told == [
        f"GPUs of H100 (nvidia) were used on 1 days ({day} to {day}) and cost nothing, while others have a price"
    ]


def test_groups_add_up_to_what_the_daily_summary_has(koku: Koku) -> None:
    for key in ("cluster", "project", "or:node", "gpu_vendor", "gpu_model", "gpu_name", "gpu_mode", "mig_profile"):
        for limit in ("", "&filter[limit]=1"):
            body = ask(koku, f"group_by[{key}]=*&{MONTH}{limit}", "gpu")
            assert sum(r["cost"]["total"]["value"] for r in cells(body["data"][0])) == 219, (key, limit)


def test_costs_have_gpus_and_what_is_left_of_them_once(koku: Koku) -> None:
    body = ask(koku, f"group_by[project]=*&{MONTH}")
    assert {r["project"]: r["cost"]["total"]["value"] for r in cells(body["data"][0])} == {
        "train": 96, "play": 123, "GPU unallocated": 3000,
    }  # fmt: skip
    assert body["meta"]["total"]["cost"]["gpu_unallocated_distributed"]["value"] == 1500


@pytest.mark.parametrize(
    ("name", "narrowing", "values"),
    [
        ("gpu-vendors", {}, ("nvidia",)),
        ("gpu-models", {}, ("A100", "H100", "L4", "Tesla T4")),
        ("gpu-models", {"vendor_name": "nvid", "namespace": "play"}, ("A100", "H100", "Tesla T4")),
        ("gpu-models", {"vendor_name": "amd"}, ()),
    ],
)
def test_lists_tell_of_idle_models_too(
    koku: Koku, name: str, narrowing: dict[str, str], values: tuple[str, ...]
) -> None:
    kind = next(k for k in REPORT_MAP.resource_types if k.name == name)
    found = listing(koku.handle, REPORT_MAP.fact, kind, EVERYTHING, Wanted(narrowing=narrowing))
    assert tuple(value for value, _ in found.rows) == values


keys = st.lists(
    st.sampled_from(("project", "cluster", "or:node", "gpu_model", "gpu_mode", "mig_profile", "gpu_name")),
    min_size=1,
    max_size=2,
    unique=True,
)
asked = st.lists(
    st.tuples(
        st.sampled_from(("filter", "exclude")), st.sampled_from(("", "and:", "or:")),
        st.sampled_from(("project", "cluster", "node", "gpu_model", "gpu_mode", "mig_profile")),
        st.sampled_from(("train", "play", "n1", "n2", "A100", "MIG", "dedicated", "1g", "c-1", "*")),
    ),
    max_size=2,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=keys,
    asked=asked,
    limit=st.sampled_from(("", "&filter[limit]=1", "&filter[limit]=2")),
    period=st.sampled_from((MONTH, DAILY)),
)
def test_groups_add_up_to_the_total(
    koku: Koku, keys: list[str], asked: list[tuple[str, str, str, str]], limit: str, period: str
) -> None:
    filters = "".join(f"&{where}[{operator}{key}]={value}" for where, operator, key, value in asked)
    body = ask(koku, "&".join(f"group_by[{key}]=*" for key in keys) + filters + limit + f"&{period}", "gpu")
    found = sum(r["cost"]["total"]["value"] for bucket in body["data"] for r in cells(bucket))
    assert found == pytest.approx(body["meta"]["total"]["cost"]["total"]["value"])
