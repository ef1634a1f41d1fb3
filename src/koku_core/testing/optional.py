"""What a provider must pass if it declares it: cost models, pushed payloads, downloads; and awkward input, if its author can write some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from psycopg import sql

from koku_core.declare.summarize import CostModelSpec, Metric
from koku_core.errors import KokuError, Terminal
from koku_core.intake import refresh
from koku_core.testing import corpus
from koku_core.testing.basic import Provided
from koku_core.testing.case import Case
from koku_core.testing.fixtures import NOW
from koku_core.testing.questions import required

if TYPE_CHECKING:
    import pyarrow as pa


class CostModels(Provided):
    """For providers with `koku_cost_model`."""

    def test_every_rate_and_distribution_runs(self, case: Case) -> None:
        """All metrics priced, markup, every switch on: nothing fails, prices make cost, and what is moved sums to zero each day."""
        spec = case.plugin.cost_model
        if spec is None:
            pytest.skip("the provider has no cost models")
        priced = case.another("priced")
        priced.load()
        for old in list(priced.koku.cost_models):
            priced.koku.cost_models.remove(old["uuid"])
        bare = _worked(priced)
        model = priced.koku.cost_models.create({**everything(case, spec), "source_uuids": [priced.source.uuid]})
        with_prices = _worked(priced)
        assert moved(priced) == {}
        if any(m.template for m in spec.metrics):
            assert not with_prices.equals(bare)
        priced.koku.cost_models.remove(model["uuid"])
        assert _worked(priced).equals(bare), "without the cost model everything is as before"


def _worked(case: Case) -> pa.Table:
    """The daily summary when all jobs are done."""
    case.koku.work()
    assert [j.error for j in case.koku.jobs.list(("failed",))] == []
    return case.published()


def everything(case: Case, spec: CostModelSpec) -> dict[str, Any]:
    """The body of a cost model with a price on all that can be priced."""
    priced = [m for m in spec.metrics if m.template and m.tiered]
    switches = {d.key: True for d in spec.distributions if d.template}
    return {
        "name": "everything", "description": "of the test kit", "source_type": case.plugin.provider.family, "currency": "USD",
        "rates": [_rate(m) for m in priced], "markup": {"value": "10", "unit": "percent"},
        "distribution_info": {"distribution_type": "cpu", **switches},
    }  # fmt: skip


def _rate(metric: Metric) -> dict[str, Any]:
    return {
        "metric": {"name": metric.name}, "cost_type": metric.default_cost_type,
        "tiered_rates": [{"unit": "USD", "value": "1.5", "usage": {"usage_start": None, "usage_end": None}}],
    }  # fmt: skip


def moved(case: Case) -> dict[tuple[date, str], Decimal]:
    """What distributions of a day do not leave in balance; empty if each moves exactly what it takes."""
    counted = [a.of.columns for r in case.plugin.report_map.reports for a in r.every_aggregate if a.money]
    money = sorted({name for columns in counted for name in columns})
    sums = sql.SQL(", ").join(sql.SQL("coalesce(sum({}), 0)").format(sql.Identifier(n)) for n in money)
    query = sql.SQL("SELECT usage_start, {} FROM {} WHERE layer = 2 GROUP BY 1").format(
        sums, sql.Identifier(case.fact.name)
    )
    with case.koku.handle.connection() as conn:
        found = conn.execute(query).fetchall()
    return {
        (day, name): left
        for day, *rest in found
        for name, left in zip(money, rest, strict=True)
        if abs(left) > Decimal("1e-9")
    }


class Broken(Provided):
    """Payloads that are not what they should be."""

    def test_broken_payloads_are_refused(self, case: Case) -> None:
        """Empty, cut off, noise, hostile: an error that says why, and the figures stay as they were."""
        before, payload = case.published(), case.sample.payloads[-1]
        folder = _fresh(case.folder, "broken")
        bad = chain(corpus.broken(payload, folder), corpus.hostile(payload, folder) if _is_tar(payload) else ())
        for what, path in bad:
            with pytest.raises(KokuError) as refused:
                case.koku.ingest(case.source, path)
            assert isinstance(refused.value, Terminal), f"{what}: {refused.value!r} would be tried again"
        assert case.published().equals(before)
        _forget_failures(case)

    def test_broken_uploads_are_set_aside(self, case: Case) -> None:
        """An upload is accepted and kept, whatever it holds; its job has failed with the reason, and nothing else changes."""
        uploads = case.plugin.provider.uploads
        if not uploads:
            pytest.skip("nobody uploads payloads of the provider")
        other = case.another("uploads")
        for what, path in corpus.broken(case.sample.payloads[-1], _fresh(case.folder, "uploads")):
            accepted = other.koku.receive(path, uploads[0], path.name)
            assert accepted.report_id is not None, what
        other.koku.work()
        assert other.koku.jobs.count(("failed",)) > 0
        assert other.months() == []

    def test_an_upload_becomes_an_answer(self, case: Case) -> None:
        """What is uploaded under any of the provider's media types is what is ingested."""
        for n, media_type in enumerate(case.plugin.provider.uploads):
            other = case.another(f"media{n}")
            for payload in case.sample.payloads:
                other.koku.receive(payload, media_type, payload.name)
            other.koku.work()
            assert _figures(other) == _figures(case)


class Downloads(Provided):
    """For providers with sources that are asked. The sample's `data_source` must be one that can be asked in a test."""

    def test_a_source_that_is_asked_gives_the_sample(self, case: Case) -> None:
        """Asked twice, the second time nothing is new; the figures are those of the ingested files."""
        asked = self.asked(case, "asked")
        assert asked.koku.refresh(asked.source), "nothing was fetched"
        assert asked.koku.refresh(asked.source) == []
        assert _figures(asked) == _figures(case)

    def test_killed_between_two_steps_it_goes_on(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether it dies before or after a delivery is ingested, the next time everything is there once."""
        asked = self.asked(case, "killed")

        def dies(*_: object) -> None:
            raise SystemExit

        monkeypatch.setattr(refresh, "ingest_report", dies)
        with pytest.raises(SystemExit):
            asked.koku.refresh(asked.source)
        monkeypatch.undo()
        asked.koku.refresh(asked.source)
        assert _figures(asked) == _figures(case)
        assert asked.koku.refresh(asked.source) == []

    @staticmethod
    def asked(case: Case, tenant: str) -> Case:
        """A tenant whose source can be asked; skips the test if there is none."""
        if not case.plugin.has("koku_download") or case.source_type.pushed:
            pytest.skip("sources of the provider are not asked")
        return case.another(tenant)


class Awkward(Provided):
    """For authors who write a payload of given lines: `def awkward(self, folder, lines)` returns its path.

    Attributes:
        awkward_report: the report that shows the lines; default: the first.
        awkward_key: its key that a line's `name` is found under.
        awkward_figure: its figure that a line's `amount` is found under.
        awkward_factor: how much of the figure one of `amount` is.
        awkward_credits: whether amounts below zero make sense.
    """

    awkward_report: ClassVar[str] = ""
    awkward_key: ClassVar[str] = ""
    awkward_figure: ClassVar[str] = ""
    awkward_factor: ClassVar[Decimal] = Decimal(1)
    awkward_credits: ClassVar[bool] = True

    def awkward(self, folder: Path, lines: Sequence[corpus.Line]) -> Path | None:
        """Write a payload of the sample's source that has these lines and no others; None: the provider's author does not."""
        del folder, lines
        return None

    def test_awkward_names_and_amounts_come_out_as_they_went_in(self, case: Case) -> None:
        """Quotes, emoji, long keys, credits, many decimals: each line is a group of its own, with its own amount."""
        lines = [line for line in corpus.lines(NOW.date().replace(day=1)) if self.awkward_credits or line.amount >= 0]
        other = self._ingested(case, "awkward", lines)
        answer = other.koku.report(self._path(case), group_by=self.awkward_key, months=-1, resolution="monthly")
        found = {row[self.awkward_key]: Decimal(row[self.awkward_figure]) for row in answer.rows()}
        close = Decimal("1e-9")
        expected = {line.name: line.amount * self.awkward_factor for line in lines}
        assert {n: (found.get(n), a) for n, a in expected.items() if abs(found.get(n, close * 2 - a) - a) > close} == {}

    def test_awkward_names_can_be_asked_for(self, case: Case) -> None:
        """Each name finds its line and no other, by a filter for exactly it; each label key too, once it is enabled."""
        lines = corpus.lines(NOW.date().replace(day=1))
        lines = [line for line in lines if self.awkward_credits or line.amount >= 0]
        other = self._ingested(case, "awkwardly", lines)
        other.koku.tags.enable(case.plugin.provider.family, {key for line in lines for key in line.labels})
        other.koku.work()
        for line in lines:
            if "," in line.name:  # the API's filters separate values by commas
                continue
            key, value = next(iter(line.labels.items()))
            for filters in ({f"exact:{self.awkward_key}": line.name}, {f"exact:tag:{key}": value}):
                rows = list(
                    other.koku.report(self._path(case), group_by=self.awkward_key, months=-1, filter=filters).rows()
                )
                assert {row[self.awkward_key] for row in rows} == {line.name}, filters

    def test_month_ends_lie_in_their_months(self, case: Case) -> None:
        """The first and last days of months of every length are published in the right month."""
        lines = [corpus.Line(day, "plain", Decimal(1)) for day in corpus.MONTH_ENDS]
        months: dict[date, list[date]] = {}
        for day in corpus.MONTH_ENDS:
            months.setdefault(day.replace(day=1), []).append(day)
        other = case.another("months")
        for month, days in months.items():
            path = self.awkward(_fresh(case.folder, f"month{month}"), [line for line in lines if line.day in days])
            if path is None:
                pytest.skip("the test class has no `awkward`")
            other.koku.ingest(other.source, path)
        for month, days in months.items():
            found = set(other.koku.daily_summary(other.source, month)["usage_start"].to_pylist())
            assert set(days) <= found
            assert {d.replace(day=1) for d in found} == {month}

    def _ingested(self, case: Case, tenant: str, lines: Sequence[corpus.Line]) -> Case:
        path = self.awkward(_fresh(case.folder, tenant), lines)
        if path is None:
            pytest.skip("the test class has no `awkward`")
        other = case.another(tenant)
        other.koku.ingest(other.source, path)
        other.koku.work()
        return other

    def _path(self, case: Case) -> str:
        report = self.awkward_report or case.plugin.report_map.reports[0].name
        return f"{case.plugin.provider.api_path}/{report}"


def _fresh(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _is_tar(payload: Path) -> bool:
    return payload.name.endswith((".tar.gz", ".tgz"))


def _figures(case: Case) -> Mapping[str, Any]:
    """The totals of all reports for the last two months."""
    path = case.plugin.provider.api_path
    return {
        f"{r.name} {months}": case.koku.report(
            f"{path}/{r.name}", months=months, resolution="monthly", filter=required(r)
        ).body()["meta"]["total"]
        for r in case.plugin.report_map.reports for months in (-1, -2)
    }  # fmt: skip


def _forget_failures(case: Case) -> None:
    """Remove the reports that failed, so that the tests after see a tenant in order."""
    with case.koku.handle.transaction() as conn:
        conn.execute("DELETE FROM report WHERE state = 'failed'")
