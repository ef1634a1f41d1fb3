"""What every provider must pass: declarations that fit together, a sample that comes in, and nobody else who sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from koku_core.access import Access
from koku_core.errors import AccessDenied
from koku_core.reports.options import query_of
from koku_core.reports.service import Reports
from koku_core.testing.case import Case, opened
from koku_core.testing.consistency import problems
from koku_core.testing.questions import required


class Provided:
    """Holds the plugin under test; `settings` are changed ones, for example of another executor."""

    plugin: object
    settings: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def case(cls, server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
        """A tenant with the plugin's sample, for the tests of one class."""
        with opened(cls.plugin, server_dsn, tmp_path_factory.mktemp("provider"), cls.settings) as made:
            yield made


class Basic(Provided):
    """Identity, declarations, ingestion, isolation."""

    def test_declarations_fit_together(self, case: Case) -> None:
        """Names are unique, what is referred to is declared, templates are there and join no text."""
        assert problems(case.plugin) == []

    def test_the_sample_comes_in(self, case: Case) -> None:
        """Every payload is ingested, and the doctor finds no error in what became of it."""
        with case.koku.handle.connection() as conn:
            found = conn.execute("SELECT state, error FROM report").fetchall()
        assert [r for r in found if r != ("done", None)] == []
        assert len(found) >= 1
        assert case.koku.jobs.list(("failed",)) == []
        assert case.published().num_rows > 0
        assert [str(f) for f in case.koku.doctor() if f.severity == "error"] == []

    def test_coming_again_changes_nothing(self, case: Case) -> None:
        """The same payloads, in the other order: not a row differs."""
        before = case.published()
        for payload in reversed(case.sample.payloads):
            assert case.koku.ingest(case.source, payload).state == "done"
        assert case.published().equals(before)

    def test_made_anew_from_the_lake_it_is_the_same(self, case: Case) -> None:
        """Templates and prices give the same rows whenever they run."""
        before = case.published()
        assert case.koku.recalculate(case.source)
        case.koku.work()
        assert case.koku.jobs.list(("failed",)) == []
        assert case.published().equals(before)

    def test_another_tenant_sees_nothing(self, case: Case) -> None:
        """Neither one that is not known, nor one that has a source of the same provider."""
        for other in (case.koku.tenant("stranger"), case.another("neighbour").koku):
            for report in case.plugin.report_map.reports:
                answer = other.report(
                    f"{case.plugin.provider.api_path}/{report.name}",
                    months=-2,
                    resolution="monthly",
                    filter=required(report),
                )
                assert list(answer.rows()) == []
                assert figures(answer.body()["meta"].get("total", {})) <= {0}
        assert list(case.koku.tenant("stranger").sources) == []

    def test_who_may_see_nothing_sees_nothing(self, case: Case) -> None:
        """Somebody whose lists name nothing that is there gets no figure, by no report; without any list, not even an answer."""
        provider, reports = case.plugin.provider, Reports(case.koku.services, case.koku.handle)
        opening = [r.name for r in provider.access if r.opens]
        if not opening:
            pytest.skip("the provider restricts no reading")
        nothing = Access(lists={name: {"read": ("nothing there",)} for name in opening})
        for report in case.plugin.report_map.reports:
            path = f"{provider.api_path}/{report.name}"
            query = query_of({"months": -2, "filter": required(report)})
            body = reports.answer(path, query, nothing).body()
            assert figures(body["meta"]["total"]) <= {0}, report.name
            with pytest.raises(AccessDenied):
                reports.answer(path, query, Access())

    def test_secrets_are_not_shown(self, case: Case) -> None:
        """Neither by the library nor in the database."""
        with case.koku.handle.connection() as conn:
            stored = conn.execute("SELECT source::text FROM source").fetchall()
        shown = f"{case.source!r} {list(case.koku.sources)!r} {stored}"
        assert [s for s in case.secrets if s in shown] == []
        if case.secrets:
            clear = case.koku.sources.with_secrets(case.source).credentials.values()
            assert set(case.secrets) <= set(clear), "the plugin gets them in clear"

    def test_a_removed_source_leaves_nothing(self, case: Case) -> None:
        """No row in any table of the provider, no line item, no kept file."""
        other = case.another("leaver")
        other.koku.ingest(other.source, case.sample.payloads[0])
        other.koku.sources.remove(other.source)
        with other.koku.handle.connection() as conn:
            for name in (other.fact.name, *(r.name for r in other.fact.rollups)):
                assert conn.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (0,), name
        lake, datasets = case.koku.services.lake, case.plugin.provider.datasets
        assert lake.months("leaver", datasets, other.source.uuid) == []
        kept = Path(case.koku.services.kept.url.removeprefix("file://")) / "leaver"
        assert not kept.is_dir() or list(kept.iterdir()) == []


def figures(block: Any) -> set[Any]:
    """All numbers in a part of an answer."""
    if isinstance(block, Mapping):
        return {n for value in block.values() for n in figures(value)}
    return {block} if isinstance(block, (int, float)) and not isinstance(block, bool) else set()
