"""Random clusters and cost models through the whole library on PostgreSQL, and what a second opinion makes of the same files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.payloads import payload
from plugins.koku_ocp.tests.second_opinion.compare import differences, summary_of
from plugins.koku_ocp.tests.second_opinion.drawn import KEYS, SPACES, Drawn, drawn_clusters, drawn_models
from plugins.koku_ocp.tests.second_opinion.opinion import second_opinion
from plugins.koku_ocp.tests.second_opinion.usage import Rules
from tests.conftest import database

from koku_core import Koku
from koku_core.testing.fixtures import settings_for

MONTHS = (date(2026, 10, 1), date(2026, 11, 1))


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """The library on a database of its own."""
    with database(server_dsn) as dsn:
        chosen = settings_for(dsn, tmp_path_factory.mktemp("second")).model_copy(update={"plugins": ("ocp",)})
        with Koku.open(settings=chosen, tenant="acme") as made:
            yield made


@dataclass
class Setting:
    """What a tenant has set before its clusters come: enabled keys, child → parent, and namespaces or patterns of groups."""

    enabled: Sequence[str]
    parents: Mapping[str, str] = field(default_factory=dict)
    patterns: Sequence[tuple[str, str]] = ()


@st.composite
def drawn_settings(draw: st.DrawFn) -> Setting:
    """Some keys, one perhaps mapped to another, and some namespaces in the group Platform or another."""
    enabled = draw(st.lists(st.sampled_from(KEYS), max_size=4, unique=True))
    parents = {enabled[0]: enabled[1]} if len(enabled) > 1 and draw(st.booleans()) else {}
    patterns = st.tuples(st.sampled_from(("Platform", "mine")), st.sampled_from((*SPACES, "%", "Worker unallocated")))
    return Setting(enabled, parents, draw(st.lists(patterns, max_size=2, unique_by=lambda p: p[1])))


def arrange(koku: Koku, setting: Setting) -> Rules:
    """Bring a tenant without sources to a setting; the rules of the second opinion for it."""
    with koku.handle.ensure().transaction() as conn:
        conn.execute("DELETE FROM tag_mapping")
        conn.execute("DELETE FROM tag_key")
        conn.execute("DELETE FROM cost_group_pattern WHERE NOT built_in")
        conn.execute("DELETE FROM cost_group WHERE NOT built_in")
        conn.execute("INSERT INTO cost_group (name) VALUES ('mine')")
        for group, pattern in setting.patterns:
            conn.execute("""INSERT INTO cost_group_pattern (cost_group_id, pattern) SELECT id, %s FROM cost_group WHERE name = %s
                            ON CONFLICT DO NOTHING""", (pattern, group))  # fmt: skip
    koku.tags.enable("OCP", setting.enabled)
    uuids = {row["key"]: row["uuid"] for row in koku.tag_mappings.rows()}
    for child, parent in setting.parents.items():
        koku.tag_mappings.add(uuids[parent], [uuids[child]])
    with koku.handle.connection() as conn:
        groups = conn.execute(
            "SELECT id, name, pattern FROM cost_group JOIN cost_group_pattern ON id = cost_group_id"
        ).fetchall()
    return Rules(frozenset(setting.enabled), setting.parents, groups)


def usable(model: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    """The model without prices by labels of keys that have a parent, which may have none."""
    rates = [r for r in model["rates"] if r.get("tag_rates", {}).get("tag_key") not in setting.parents]
    return {**model, "rates": rates}


PERIOD = {"start": "2026-10-31T00:00:00Z", "end": "2026-11-02T23:59:59Z"}
#: Without shrinking: it takes minutes, and the differences say what is wrong.
quickly = settings(
    deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@contextmanager
def ingested(koku: Koku, folder: Path, clusters: Sequence[Drawn]) -> Iterator[list[tuple[str, Path]]]:
    """Sources with the payload of each cluster, removed afterwards: their uuids and files."""
    sources = [koku.sources.add("ocp", name=f"c{n}", cluster_id=f"cluster-{n}") for n, _ in enumerate(clusters)]
    try:
        found = []
        for cluster, source in zip(clusters, sources, strict=True):
            file = payload(folder / f"{source.key}.tar.gz", cluster.reports, cluster_id=source.key, **PERIOD)
            koku.ingest(source, file)
            found.append((source.uuid, file))
        yield found
    finally:
        for source in sources:
            koku.sources.remove(source)


def disagreements(
    koku: Koku, folder: Path, clusters: Sequence[Drawn], model: Mapping[str, Any], setting: Setting
) -> list[str]:
    """Where the library and the second opinion disagree; the first cluster has the model, others have none."""
    rules, model = arrange(koku, setting), usable(model, setting)
    with ingested(koku, folder, clusters) as sources:
        made = koku.cost_models.create({**model, "source_uuids": [sources[0][0]]})
        try:
            koku.work()
            assert koku.jobs.count(("waiting", "running", "failed")) == 0
            return [line for (source, file), priced in zip(sources, (model, None), strict=False)
                    for line in differences(second_opinion([file], priced, rules), summary_of(koku, source, MONTHS))]  # fmt: skip
        finally:
            koku.cost_models.remove(made["uuid"])


@pytest.mark.slow
@settings(quickly, max_examples=8)
@given(clusters=st.lists(drawn_clusters(), min_size=1, max_size=2), model=drawn_models(), setting=drawn_settings())
def test_any_cluster_and_model(
    koku: Koku, tmp_path_factory: pytest.TempPathFactory, clusters: list[Drawn], model: dict[str, Any], setting: Setting
) -> None:
    """Usage, capacity, costs in all and by rate, and what is handed on are to the rounding what the second opinion says."""
    assert disagreements(koku, tmp_path_factory.mktemp("p"), clusters, model, setting) == []


def disagreements_of(
    koku: Koku, folder: Path, deliveries: Sequence[Drawn], order: Sequence[int], again: int
) -> list[str]:
    """Where they disagree about deliveries, each made later than the one before, that arrive in an order; and what a resent one changes."""
    rules = arrange(koku, Setting(KEYS))
    files = [
        payload(folder / f"{n}.tar.gz", made.reports, date=f"2026-11-2{n}T00:00:00Z", **PERIOD)
        for n, made in enumerate(deliveries)
    ]
    source = koku.sources.add("ocp", name="c", cluster_id="cluster-1")
    try:
        for number in order:
            koku.ingest(source, files[number % len(files)])
        before = summary_of(koku, source.uuid, MONTHS)
        koku.ingest(source, files[again])
        after = summary_of(koku, source.uuid, MONTHS)
        return differences(second_opinion(files, None, rules), before) + [f"changed: {before} {after}"] * (
            before != after
        )
    finally:
        koku.sources.remove(source)


@pytest.mark.slow
@settings(quickly, max_examples=4)
@given(
    deliveries=st.lists(drawn_clusters(volumes=False), min_size=2, max_size=3), order=st.permutations(range(3)), again=st.integers(0, 1)
)  # fmt: skip
def test_what_was_made_last_counts_whatever_the_order_of_arrival(
    koku: Koku, tmp_path_factory: pytest.TempPathFactory, deliveries: list[Drawn], order: list[int], again: int
) -> None:
    """HV8: a correction wins over an older payload of the same day, before and after it; what is sent again changes nothing."""
    assert disagreements_of(koku, tmp_path_factory.mktemp("p"), deliveries, order, again) == []
