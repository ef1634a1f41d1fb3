"""What holds for every question: groups add up to the total, the top and the others too, and access only ever shows less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koku_core import Koku
from koku_core.access import Access
from koku_core.errors import AccessDenied
from tests.unit.report_data import MONTHS, ONE, TWO, Row, ask, cells, cost, tenant, usage

KEYS = ("project", "node", "cluster", "tag:app", "persistentvolumeclaim")
FIGURES = ("infrastructure", "supplementary", "cost")
SCOPES = (
    "time_scope_value]=-1",
    "time_scope_value]=-2",
    "time_scope_value]=-10",
    "time_scope_value]=-30",
    "resolution]=monthly",
)
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def some_rows(chance: Random) -> Iterator[Row]:
    for month in MONTHS[1:]:
        for n in range(10):
            for _ in range(8):
                source, project = (
                    chance.choice((ONE, TWO)),
                    chance.choice(("a", "ab", "B_c", "openshift-x", "kube-y", "Other", "")),
                )
                labels = {"app": chance.choice("xyz")} if chance.random() < 0.7 else {}
                pod = usage(
                    source,
                    month + timedelta(n),
                    project,
                    chance.choice(("n1", "n2", "N1")),
                    chance.randint(0, 24),
                    labels,
                )
                yield pod
                for kind in ("Infrastructure", "Supplementary", "platform_distributed"):
                    yield cost(pod, kind, Decimal(chance.randint(0, 10**6)) / 1000)


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    listed = list(some_rows(Random(7)))
    with tenant(server_dsn, tmp_path_factory.mktemp("reports"), listed) as made:
        yield made


groups = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True)
values = st.sampled_from(["a", "B", "_", "x", "n", "c-1", "east", "*", "openshift", "o"])
operators = st.sampled_from(["", "and:", "or:", "exact:"])
matches = st.lists(
    st.tuples(st.sampled_from(["filter", "exclude"]), operators, st.sampled_from(KEYS[:4]), values), max_size=3
)
orders = st.sampled_from(["", "&order_by[cost]=asc", "&order_by[infrastructure]=desc", "&order_by[supplementary]=asc"])


def question(keys: list[str], asked: list[tuple[str, str, str, str]], scope: str) -> str:
    return "&".join([
        *(f"group_by[{k}]=*" for k in keys), *(f"{where}[{op}{key}]={value}" for where, op, key, value in asked), f"filter[{scope}"
    ])  # fmt: skip


@relaxed
@given(keys=groups, asked=matches, scope=st.sampled_from(SCOPES), report=st.sampled_from(["costs", "compute"]))
def test_groups_add_up_to_the_total(
    koku: Koku, keys: list[str], asked: list[tuple[str, str, str, str]], scope: str, report: str
) -> None:
    body = ask(koku, question(keys, asked, scope), report)
    rows = [row for bucket in body["data"] for row in cells(bucket)]
    for figure in FIGURES:
        assert sum(r[figure]["total"]["value"] for r in rows) == pytest.approx(
            body["meta"]["total"][figure]["total"]["value"], abs=1e-6
        )


@relaxed
@given(keys=groups, asked=matches, scope=st.sampled_from(SCOPES), limit=st.integers(1, 6), order=orders)
def test_the_top_and_the_others_add_up_to_the_total(
    koku: Koku, keys: list[str], asked: list[tuple[str, str, str, str]], scope: str, limit: int, order: str
) -> None:
    body = ask(koku, f"{question(keys, asked, scope)}&filter[limit]={limit}{order}", "costs")
    rows = [row for bucket in body["data"] for row in cells(bucket)]
    for figure in FIGURES:
        assert sum(r[figure]["total"]["value"] for r in rows) == pytest.approx(
            body["meta"]["total"][figure]["total"]["value"], abs=1e-6
        )
    for bucket in body["data"]:
        shown = list(cells(bucket))
        assert len(shown) <= limit + (1 if body["meta"].get("others") else 0)


@relaxed
@given(
    keys=groups, asked=matches, scope=st.sampled_from(SCOPES),
    clusters=st.sampled_from([("c-1",), ("c-2",), ("east",), ("c-9",), ("*",)]),
    projects=st.sampled_from([(), ("*",), ("a",), ("ab", "kube-y"), ("none",)]), limit=st.sampled_from(["", "&filter[limit]=2"]),
)  # fmt: skip
def test_access_never_shows_more(
    koku: Koku, keys: list[str], asked: list[tuple[str, str, str, str]], scope: str, clusters: tuple[str, ...],
    projects: tuple[str, ...], limit: str,
) -> None:  # fmt: skip
    access = Access(lists={"openshift.cluster": {"read": clusters}, "openshift.project": {"read": projects}})
    query = question(keys, asked, scope) + limit
    try:
        body = ask(koku, query, access=access)
    except AccessDenied:
        return
    rows = [row for bucket in body["data"] for row in cells(bucket)]
    allowed = {"c-1": ONE, "east": ONE, "c-2": TWO}
    if clusters != ("*",):
        assert {u for r in rows for u in r["source_uuid"]} <= {allowed[c] for c in clusters if c in allowed}
    if projects not in ((), ("*",)):
        assert {r["project"] for r in rows if "project" in r} <= {*projects, "Others", "Other"}
    if not limit:
        full = {identity(r): r["cost"]["total"]["value"] for bucket in ask(koku, query)["data"] for r in cells(bucket)}
        assert all(full[identity(r)] >= r["cost"]["total"]["value"] - 1e-9 for r in rows)


def identity(row: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Which row it is, whatever it says."""
    return tuple(row.get(name) for name in ("date", "project", "node", "cluster", "app", "persistentvolumeclaim"))
