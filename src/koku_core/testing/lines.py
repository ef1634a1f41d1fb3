"""What a provider must pass if it tells which line items are behind its reports."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from koku_core.access import EVERYTHING, Access
from koku_core.declare.reports import Report
from koku_core.errors import AccessDenied
from koku_core.lines.service import LineItemReports
from koku_core.testing.basic import Provided
from koku_core.testing.case import Case
from koku_core.testing.questions import Options, required, scopes


class BehindFigures(Provided):
    """For providers whose report map has `lines`."""

    def test_line_items_are_behind_every_report(self, case: Case) -> None:
        """A report with rows has line items; each of them is behind a row, whatever is grouped by."""
        for report in _told(case):
            path, month = _path(case, report), _month(report)
            whole, rows = case.koku.line_items(path, **month).count(), list(case.koku.report(path, **month).rows())
            assert bool(whole) == bool(rows), report.name
            for key in report.groupable[:2]:
                counts = {str(row): self._behind(case, report, key, row) for row in _rows(case, report, key)}
                assert sum(counts.values()) >= whole, (
                    f"{report.name} by {key}: some line items are behind no row: {counts}"
                )
                assert max(counts.values(), default=0) <= whole, f"{report.name} by {key}"

    @staticmethod
    def _behind(case: Case, report: Report, key: str, row: dict[str, Any]) -> int:
        return case.koku.line_items(_path(case, report), row=row, group_by=key, **_month(report)).count()

    def test_line_items_are_the_same_in_every_form(self, case: Case) -> None:
        """A page of JSON, JSON lines and CSV have the rows that Arrow has, with all their digits."""
        for report in _told(case):
            lines = case.koku.line_items(_path(case, report), **_month(report))
            table, rows = lines.to_arrow(), [json.loads(line) for line in "".join(lines.ndjson()).splitlines()]
            assert [r["usage_start"] for r in rows] == [f"{day}" for day in table["usage_start"].to_pylist()]
            assert len(list(csv.DictReader("".join(lines.csv()).splitlines()))) == len(rows) == lines.count()
            body = json.loads(_dumped(lines.body()))
            assert body["data"] == rows[:100]
            assert body["meta"]["count"] == len(rows)

    def test_line_items_are_restricted_as_the_report_is(self, case: Case) -> None:
        """Who may see nothing sees no line item, and another tenant none of this one's."""
        opening = [r.name for r in case.plugin.provider.access if r.opens]
        reports = LineItemReports(case.koku.services, case.koku.handle)
        for report in _told(case):
            path, month = _path(case, report), _month(report)
            query = "filter[time_scope_value]=-2&filter[time_scope_units]=month"
            query += "".join(f"&filter[{key}]={value}" for key, value in required(report).items())
            assert case.koku.tenant("stranger").line_items(path, **month).count() == 0
            assert reports.lines(path, query, EVERYTHING).count() == case.koku.line_items(path, **month).count()
            if opening:
                nothing = Access(lists={name: {"read": ("nothing there",)} for name in opening})
                assert reports.lines(path, query, nothing).count() == 0, report.name
                with pytest.raises(AccessDenied):
                    reports.lines(path, query, Access())


def _told(case: Case) -> list[Report]:
    if not case.plugin.report_map.lines:
        pytest.skip("the provider does not tell its line items")
    return list(case.plugin.report_map.reports)


def _month(report: Report) -> Options:
    """The month before, as a report must be asked about it."""
    return scopes(report)[-1]


def _path(case: Case, report: Report) -> str:
    return f"{case.plugin.provider.api_path}/{report.name}"


def _rows(case: Case, report: Report, key: str) -> list[dict[str, Any]]:
    answer = case.koku.report(_path(case, report), group_by=key, **_month(report))
    return [dict(row) for row in answer.rows()]


def _dumped(body: dict[str, Any]) -> bytes:
    from koku_core.api.wire import dumps

    return dumps(body)
