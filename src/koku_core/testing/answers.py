"""What every provider's reports must pass: they answer whatever they declare, in every form, and their parts add up."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from koku_core.access import EVERYTHING, Access
from koku_core.declare.reports import Report
from koku_core.errors import KokuError
from koku_core.reports.answer import Answer
from koku_core.reports.options import query_of
from koku_core.reports.service import Reports
from koku_core.testing.basic import Provided
from koku_core.testing.case import Case
from koku_core.testing.questions import SCOPES, Options, additive, questions, required, scopes

_CLOSE = Decimal("1e-9")


class Answers(Provided):
    """Reports, tags, and how the API describes them."""

    def test_every_report_answers_every_question(self, case: Case) -> None:
        """Each key, order, operator and comparison, daily and monthly, as JSON and as CSV."""
        failed = []
        for report in case.plugin.report_map.reports:
            for options in questions(report, next(iter(case.sample.tag_keys), "")):
                try:
                    answer = _ask(case, report, options)
                    assert {"meta", "links", "data"} <= answer.body().keys()
                    "".join(answer.csv())
                except (KokuError, psycopg.Error, AssertionError, LookupError, TypeError, ValueError) as error:
                    failed.append(f"{report.name} {options}: {type(error).__name__}: {error}")
        assert failed == []

    def test_the_sample_shows_something(self, case: Case) -> None:
        """The question that the sample names has figures."""
        assert case.sample.report, "Sample.report is what a newcomer sees first"
        answer = case.koku.report(case.sample.report, **case.sample.question)
        assert answer.to_arrow().num_rows > 0
        assert str(answer).strip()

    def test_groups_add_up_to_the_total(self, case: Case) -> None:
        """For every key and both resolutions; also with all groups but the first folded into one."""
        for report in case.plugin.report_map.reports:
            figures = additive(report)
            for scope in scopes(report):
                total = _sums(_ask(case, report, scope), figures)
                for key in report.groupable:
                    for more in ({}, {"limit": 1}):
                        found = _sums(_ask(case, report, {**scope, "group_by": key, **more}), figures)
                        wrong = {f: (found[f], total[f]) for f in figures if abs(found[f] - total[f]) > _CLOSE}
                        assert wrong == {}, f"{report.name} by {key} {scope} {more}"

    def test_breakdowns_add_up_to_their_reports(self, case: Case) -> None:
        """What figures are made of is neither more nor less than they are, in every form."""
        for report in case.plugin.report_map.breakdowns:
            whole, path = case.plugin.report_map.report(report.name), f"{case.plugin.provider.api_path}/{report.name}"
            assert whole, f"breakdown {report.name} is of no report"
            both = [name for name in additive(report) if name in additive(whole)]
            for scope in scopes(report):
                parts, of = (case.koku.report(p, **scope) for p in (f"breakdown/{path}", path))
                assert _sums(parts, both) == _sums(of, both), f"{report.name} {scope}"
                assert "".join(parts.csv())

    def test_days_add_up_to_the_month(self, case: Case) -> None:
        """The daily rows of a month and its monthly row are the same money."""
        for report in case.plugin.report_map.reports:
            figures = additive(report)
            daily, monthly = (
                _sums(_ask(case, report, {"months": -2, "resolution": s["resolution"], "filter": s["filter"]}), figures)
                for s in (scopes(report)[0], scopes(report)[-1])
            )
            assert {f for f in figures if abs(daily[f] - monthly[f]) > _CLOSE} == set(), report.name

    def test_csv_has_the_rows_of_json(self, case: Case) -> None:
        """Streamed or not, each row once."""
        reports = Reports(case.koku.services, case.koku.handle)
        for report in case.plugin.report_map.reports:
            scope = scopes(report)[0]
            options = {"months": -2, "resolution": scope["resolution"], "filter": scope["filter"]}
            path = _path(case, report)
            streamed = "".join(reports.answer(path, query_of(options), EVERYTHING, csv=True).csv())
            rows = list(csv.DictReader(streamed.splitlines()))
            assert len(rows) == len(list(_ask(case, report, options).rows())), report.name

    def test_tags_are_offered(self, case: Case) -> None:
        """The enabled keys of the sample have values, and a report can be grouped and filtered by each."""
        tagged = next((r for r in case.plugin.report_map.reports if r.tags), None)
        if tagged is None or not case.plugin.report_map.tags:
            pytest.skip("the provider has no tags")
        assert case.sample.tag_keys, "Sample.tag_keys names keys that are worth enabling"
        reports, path = Reports(case.koku.services, case.koku.handle), case.plugin.provider.api_path
        whole = "filter[time_scope_value]=-2&filter[time_scope_units]=month&limit=1000"
        listed = {row["key"]: row["values"] for row in reports.tags(path, None, whole, EVERYTHING).body()["data"]}
        assert set(case.sample.tag_keys) <= set(listed)
        figures = additive(tagged)
        for key in case.sample.tag_keys:
            values = reports.tags(path, key, whole, EVERYTHING).body()["data"]
            assert values, key
            total = _sums(_ask(case, tagged, SCOPES[1]), figures)
            grouped = _sums(_ask(case, tagged, {**SCOPES[1], "group_by": f"tag:{key}"}), figures)
            assert {f for f in figures if abs(grouped[f] - total[f]) > _CLOSE} == set(), key
            assert _ask(case, tagged, {**SCOPES[1], "filter": {f"exact:tag:{key}": values[0]}}).body()["data"], key

    def test_openapi_lists_it(self, case: Case) -> None:
        """Every report and the tags, with the names that may be grouped by; and the paths are served."""
        client = client_of(case)
        paths, provider = client.get("openapi.json").json()["paths"], case.plugin.provider
        for report in case.plugin.report_map.reports:
            described = paths[f"/reports/{provider.api_path}/{report.name}/"]["get"]
            grouped = [p["schema"]["properties"] for p in described["parameters"] if p["name"] == "group_by"]
            groups = {name for properties in grouped for name in properties}
            assert set(report.groupable) <= groups
            asked = {f"filter[{key}]": value for key, value in required(report).items()}
            answer = client.get(f"reports/{provider.api_path}/{report.name}/", params=asked)
            assert answer.status_code == 200, answer.text
        if case.plugin.report_map.tags:
            assert f"/tags/{provider.api_path}/" in paths
            assert client.get(f"tags/{provider.api_path}/").status_code == 200

    def test_costs_are_foretold(self, case: Case) -> None:
        """Every report that declares a forecast has one until the month ends, in the library and in the API."""
        foretold = [r for r in case.plugin.report_map.reports if r.forecast]
        if not foretold:
            pytest.skip("the provider declares no forecasts")
        pytest.importorskip("statsmodels", reason="needs koku-core[forecast]")
        for report in foretold:
            answer = case.koku.forecast(_path(case, report))
            assert client_of(case).get(f"forecasts/{_path(case, report)}/").json()["data"] == answer.body()["data"]
            for row in answer.rows():
                for name in report.forecast:
                    assert 0 <= row[f"{name}_confidence_min"] <= row[name] <= row[f"{name}_confidence_max"], row

    def test_lists_show_what_is_there(self, case: Case) -> None:
        """Each list below `resource-types/` has something of the sample, and is empty for whoever may see nothing."""
        client, path = client_of(case), case.plugin.provider.api_path
        blind = client_of(case, Access())
        for kind in case.plugin.report_map.resource_types:
            answer = client.get(f"resource-types/{path}-{kind.name}/")
            assert answer.status_code == 200, answer.text
            if kind.counted and kind.fact is None:  # a sample need not say anything of other facts
                assert answer.json()["data"], kind.name
            refused = blind.get(f"resource-types/{path}-{kind.name}/")
            assert refused.status_code == 403 or refused.json()["data"] == [], kind.name

    def test_the_api_shows_no_secret(self, case: Case) -> None:
        """Neither in the list of sources nor in one of them."""
        client = client_of(case)
        for path in ("sources/", f"sources/{quote(case.source.uuid)}/"):
            answer = client.get(path)
            assert answer.status_code == 200, answer.text
            assert case.source.name in answer.text
            assert [s for s in case.secrets if s in answer.text] == []


def _path(case: Case, report: Report) -> str:
    return f"{case.plugin.provider.api_path}/{report.name}"


def _ask(case: Case, report: Report, options: Options) -> Answer:
    return case.koku.report(_path(case, report), **options)


def _sums(answer: Answer, figures: list[str]) -> dict[str, Decimal]:
    """The sum of each figure over all rows."""
    rows = list(answer.rows())
    return {name: sum((Decimal(row[name]) for row in rows), Decimal()) for name in figures}


def client_of(case: Case, access: Access = EVERYTHING) -> Any:
    """A caller of the API, who may see everything of the tenant unless said otherwise."""
    testclient = pytest.importorskip("starlette.testclient", reason="needs koku-core[testing]")
    from koku_core.access import Identity
    from koku_core.api import create_app

    app = create_app(case.koku, identify=lambda _: Identity(case.koku.handle.name, "tester", access))
    return testclient.TestClient(app, base_url="http://testserver/api/cost-management/v1/")
