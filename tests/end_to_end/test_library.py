"""The library as a notebook uses it: a few words, and nothing else is needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from koku_core import Koku, Rate
from koku_core.errors import InvalidInput, PayloadRefused, UnknownName
from koku_core.settings import Settings


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings) as koku:
        yield koku


@pytest.fixture
def payload(koku: Koku, tmp_path: Path) -> Path:
    """A small payload of the sample cluster: this month up to yesterday."""
    sample = koku.services.plugins.provider("ocp").call(
        "koku_sample", folder=tmp_path, today=koku.services.clock.today()
    )
    found: Path = sample.payloads[-1]
    return found


def total(koku: Koku) -> float:
    body = koku.report("openshift/costs", months=-1, resolution="monthly").body()
    return float(body["meta"]["total"]["cost"]["total"]["value"])


def cluster_of(koku: Koku, payload: Path) -> str:
    from koku_core.intake.archive import Limits

    receipt = koku.services.plugins.provider("ocp").call(
        "koku_receive", payload=payload, limits=Limits.of(koku.services.settings)
    )
    return str(receipt.source_key)


def test_an_answer_follows_every_change_without_a_worker(koku: Koku, payload: Path) -> None:
    prod = koku.sources.add("ocp", name="prod", cluster_id=cluster_of(koku, payload))
    came = koku.ingest(prod, payload)
    assert total(koku) == 0
    model = koku.cost_models.add("list prices", sources=[prod], markup=10, rates=[Rate("node_cost_per_month", 1000)])
    priced = total(koku)
    assert priced > 0
    assert koku.daily_summary(prod, date(2026, 11, 1)).num_rows > 0
    koku.cost_models.remove(model["uuid"])
    assert total(koku) == 0
    assert came.months == (date(2026, 11, 1),)


def test_one_tenant_sees_nothing_of_another(koku: Koku, payload: Path) -> None:
    prod = koku.sources.add("ocp", name="prod", cluster_id=cluster_of(koku, payload))
    koku.ingest(prod, payload)
    other = koku.tenant("other")
    assert other.sources.list() == []
    assert other.report("openshift/costs", months=-1, resolution="monthly").body()["data"] == []
    with pytest.raises(UnknownName):
        other.sources.get(prod.uuid)


def test_a_payload_of_another_cluster_is_refused(koku: Koku, payload: Path) -> None:
    other = koku.sources.add("ocp", name="other", cluster_id="another-cluster")
    with pytest.raises(PayloadRefused, match="another-cluster"):
        koku.ingest(other, payload)


def test_a_payload_that_comes_before_its_source_waits_for_it(koku: Koku, payload: Path) -> None:
    koku.receive(payload, "application/vnd.redhat.hccm.tar+tgz")
    koku.work()
    prod = koku.sources.add("ocp", name="prod", cluster_id=cluster_of(koku, payload))
    assert koku.daily_summary(prod, date(2026, 11, 1)).num_rows > 0


def test_a_payload_of_a_paused_source_waits_for_the_end_of_the_pause(koku: Koku, payload: Path) -> None:
    prod = koku.sources.add("ocp", name="prod", paused=True, cluster_id=cluster_of(koku, payload))
    koku.receive(payload, "application/vnd.redhat.hccm.tar+tgz")
    assert koku.daily_summary(prod, date(2026, 11, 1)).num_rows == 0
    koku.sources.update(prod, paused=False)
    assert koku.daily_summary(prod, date(2026, 11, 1)).num_rows > 0


def test_a_removed_source_leaves_no_figures(koku: Koku, payload: Path) -> None:
    prod = koku.sources.add("ocp", name="prod", cluster_id=cluster_of(koku, payload))
    koku.ingest(prod, payload)
    koku.sources.remove(prod)
    with koku.handle.connection() as conn:
        for table in ("ocp_daily_summary", "ocp_cost", "ocp_daily_summary_tag", "report", "published_month"):
            assert conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (0,), table
    assert list(koku.services.settings.data_dir.rglob("*.tar.gz")) == []


def test_a_sample_is_written_for_who_has_none(koku: Koku, tmp_path: Path) -> None:
    made = koku.sample("ocp", tmp_path / "new" / "folder")
    assert [p.parent.name for p in made.payloads] == ["folder", "folder"]
    source = koku.sources.add("ocp", name=made.name, **made.credentials)
    assert koku.ingest(source, made.payloads[0]).months == (date(2026, 10, 1),)
    with pytest.raises(UnknownName, match="There is no provider 'abacus'"):
        koku.sample("abacus", tmp_path)


def test_a_wrong_question_is_told_what_could_be_asked(koku: Koku) -> None:
    with pytest.raises(InvalidInput, match=r"group_by\[projct\]: is not known.*group_by: cluster, project.*tag:KEY"):
        koku.report("openshift/costs", group_by="projct", months=-1)
