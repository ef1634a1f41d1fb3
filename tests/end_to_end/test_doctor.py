"""The doctor: a healthy tenant has nothing, and each thing that can be wrong is found, named and given a remedy."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from koku_core import Koku, hookimpl
from koku_core.declare.deliveries import Sample
from koku_core.doctor import Finding
from koku_core.plugins import Plugins, PluginWarning
from koku_core.settings import Settings
from koku_core.summarize.tables import ensure_tables
from koku_ocp.facts import DAILY_SUMMARY

MEDIA_TYPE = "application/vnd.redhat.hccm.tar+tgz"


@pytest.fixture
def koku(settings: Settings) -> Iterator[Koku]:
    with Koku.open(settings=settings) as opened:
        yield opened


@pytest.fixture
def sample(koku: Koku, tmp_path: Path) -> Sample:
    made: Sample = koku.services.plugins.provider("ocp").call("koku_sample", folder=tmp_path, today=date(2026, 11, 22))
    return made


def rewritten(payload: Path, change: Callable[[str, str], str]) -> Path:
    """The payload with the text of each file changed."""
    target = payload.with_name(f"changed-{payload.name}")
    with tarfile.open(payload) as old, tarfile.open(target, "w:gz", compresslevel=1) as new:
        for member in old:
            content = change(member.name, (old.extractfile(member) or io.BytesIO()).read().decode()).encode()
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


def priced(koku: Koku, sample: Sample) -> None:
    source = koku.sources.add(sample.source_type, name="prod", **sample.credentials)
    assert sample.cost_model
    koku.cost_models.create({**sample.cost_model, "source_uuids": [source.uuid]})


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    assert findings[0].do
    return findings[0]


def test_an_unknown_tenant_has_nothing_wrong(koku: Koku) -> None:
    assert koku.doctor() == []


def test_a_healthy_tenant_and_a_lake_that_lost_a_file(koku: Koku, sample: Sample) -> None:
    priced(koku, sample)
    for payload in sample.payloads:
        koku.ingest("prod", payload)
    assert koku.doctor() == []

    lake = koku.services.settings.data_dir / "lake"
    next(lake.rglob("*.parquet")).unlink()
    found = only(koku.doctor())
    assert (found.severity, found.where) == ("error", "lake")
    assert "1 files of line items are gone" in found.what


def test_missing_days_and_silence(koku: Koku, sample: Sample) -> None:
    priced(koku, sample)
    gone = re.compile(r"^[^\n]*,2026-10-(?:0[57]|06) [^\n]*\n", re.MULTILINE)
    koku.ingest("prod", rewritten(sample.payloads[0], lambda _, text: gone.sub("", text)))
    whats = {f.what for f in koku.doctor()}
    assert whats == {
        "there are no data of 2026-10-05 to 2026-10-07, 3 days",
        "no data have come since 2026-10-31, 22 days ago",
    }
    koku.sources.update(koku.sources.get("prod"), paused=True)
    assert len(koku.doctor()) == 1, "a paused source may be silent"


def test_an_overcommitted_node(koku: Koku, sample: Sample) -> None:
    priced(koku, sample)

    def greedy(name: str, text: str) -> str:
        if "-pod-usage-" not in name:
            return text
        # warehouse-0 requests 20 cores on the first two days, its node has 8
        asks = re.compile(r"^([^\n]*,2026-11-0[12] [^\n]*,warehouse-0,[^,]*),3600.000000,", re.MULTILINE)
        return asks.sub(r"\1,72000.000000,", text)

    koku.ingest("prod", rewritten(sample.payloads[1], greedy))
    found = only(koku.doctor())
    assert (found.severity, found.where) == ("warning", "source prod")
    assert found.what.startswith("node worker-1 is over-committed on 2 days (2026-11-01 to 2026-11-02)")


def test_prices_that_are_missing(koku: Koku, sample: Sample) -> None:
    source = koku.sources.add(sample.source_type, name="prod", **sample.credentials)
    koku.ingest(source, sample.payloads[1])
    assert only(koku.doctor()).what == "it has no cost model"
    koku.cost_models.add("empty", sources=[source])
    found = only(koku.doctor())
    assert (found.where, found.what) == ("cost model empty", "it has no rates and no markup, so it prices nothing")


def test_money_that_does_not_add_up_is_an_error(koku: Koku, sample: Sample, dsn: str) -> None:
    priced(koku, sample)
    koku.ingest("prod", sample.payloads[1])
    with psycopg.connect(dsn) as conn:
        conn.execute(
            'UPDATE "default".ocp_cost SET distributed_cost = distributed_cost + 1 WHERE usage_start = %s',
            (date(2026, 11, 3),),
        )
    found = koku.doctor()
    assert {f.severity for f in found} == {"error"}
    assert "on 2026-11-03, what was distributed to projects differs by" in found[0].what


def test_payloads_without_a_source_and_payloads_that_cannot_be_read(koku: Koku, sample: Sample, tmp_path: Path) -> None:
    koku.receive(sample.payloads[1], MEDIA_TYPE)
    waits = only(koku.doctor())
    assert waits.what == "it waits for a source that is not registered"
    assert "koku-sample-cluster" in waits.do

    (tmp_path / "broken.tar.gz").write_bytes(b"not an archive")
    koku.receive(tmp_path / "broken.tar.gz", MEDIA_TYPE)
    refused = koku.doctor()[0]
    assert (refused.severity, refused.what.partition(":")[0]) == ("error", "it could not be ingested")


def test_a_source_without_data(koku: Koku, sample: Sample) -> None:
    priced(koku, sample)
    assert only(koku.doctor()).what == "no data have come yet"


def test_jobs_that_failed_until_they_are_done(koku: Koku, sample: Sample, dsn: str) -> None:
    priced(koku, sample)
    koku.ingest("prod", sample.payloads[1])
    with psycopg.connect(dsn) as conn:
        conn.execute(
            """CREATE FUNCTION "default".refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$"""
        )
        conn.execute(
            """CREATE TRIGGER refuse BEFORE UPDATE ON "default".published_month EXECUTE FUNCTION "default".refuse()"""
        )
    koku.recalculate("prod")
    koku.work()
    with psycopg.connect(dsn) as conn:
        conn.execute("""DROP TRIGGER refuse ON "default".published_month""")
    failed = only(koku.doctor())
    assert failed.severity == "error"
    assert "disk full" in failed.what
    assert failed.where.startswith("job ")
    koku.recalculate("prod")
    koku.work()
    assert koku.doctor() == []


def test_tables_of_another_version(koku: Koku, sample: Sample, dsn: str) -> None:
    priced(koku, sample)
    koku.ingest("prod", sample.payloads[1])
    with psycopg.connect(dsn) as conn:
        conn.execute("""UPDATE "default".alembic_version SET version_num = '0000'""")
    found = only(koku.doctor())
    assert (found.severity, found.where) == ("error", "schema default")


def test_a_plugin_that_cannot_be_used(settings: Settings) -> None:
    class Broken:
        """A plugin whose hook has an argument that there is not."""

        @hookimpl
        def koku_summarize(self, everything: object) -> None:
            """Wrong."""

    with pytest.warns(PluginWarning):
        plugins = Plugins(["ocp", "broken"], extra={"broken": Broken()})
    with Koku.open(settings=settings, plugins=plugins) as koku:
        found = only(koku.doctor())
    assert found.where.startswith("plugin broken")


def test_rates_that_nothing_pays(koku: Koku, sample: Sample) -> None:
    source = koku.sources.add(sample.source_type, name="prod", **sample.credentials)

    def by_tag(metric: str, key: str) -> dict[str, object]:
        prices = {"tag_value": "prod", "value": 1, "unit": "USD", "default": False}
        return {
            "metric": {"name": metric},
            "custom_name": f"{metric} {key}",
            "tag_rates": {"tag_key": key, "tag_values": [prices]},
        }

    rates = [
        {"metric": {"name": "cluster_cost_per_hour"}, "tiered_rates": [{"value": 1, "unit": "USD"}]},
        {"metric": {"name": "node_cost_per_month"}, "tiered_rates": [{"value": 1, "unit": "USD"}]},
        by_tag("gpu_cost_per_month", "nvidia"),
        *(by_tag("node_cost_per_month", key) for key in ("env", "environment", "stage", "vm_kubevirt_io_name")),
    ]
    koku.tags.enable("OCP", ["env", "environment"])
    koku.cost_models.create(
        {"name": "m", "description": "", "source_type": "OCP", "source_uuids": [source.uuid], "rates": rates}
    )
    ensure_tables(koku.handle, DAILY_SUMMARY, [])
    with (
        koku.handle.transaction() as conn
    ):  # as if mapped before, of a plugin that has one metric less now, and a machine had been seen
        conn.execute(
            """INSERT INTO tag_mapping (child, parent)
               SELECT c.uuid, p.uuid FROM tag_key c, tag_key p WHERE (c.key, p.key) = ('env', 'environment')"""
        )
        conn.execute(
            "UPDATE price_list SET rates = replace(rates::text, 'cluster_cost_per_hour', 'gone_per_hour')::jsonb"
        )
        conn.execute("INSERT INTO ocp_daily_summary_tag (key, value) VALUES ('vm_kubevirt_io_name', 'fedora')")
    told = [(f.what.partition(": ")[2], f.do) for f in koku.doctor() if f.where == "cost model m"]
    assert told == [
        ("gone_per_hour is kept, but not priced by this version", "Price it by another metric until then."),
        ("its tag key 'env' is mapped to 'environment'", "Price 'environment' instead."),
        ("its tag key 'stage' is not enabled", "Enable it: koku tags enable ocp stage"),
    ]
