"""`ingress/reports/`: have files ingested that lie at a source that is asked, and see what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.api.paging import page
from koku_core.api.permissions import settings
from koku_core.api.wire import stamp
from koku_core.intake.named import NamedReport
from koku_core.sources.model import Source
from koku_core.validation import NOT_NULL, REQUIRED, Problems, mapping, not_a_list, refuse, uuid_text

_FIELDS = ("source", "reports_list", "bill_year", "bill_month")
_MOST, _LONGEST = 1000, 1024


def _invalid() -> HttpError:
    return HttpError(400, {"Error": "Invalid request."})


def _list(call: Call) -> Reply:
    return _listed(call, call.koku.named_reports.list())


def _of_source(call: Call) -> Reply:
    uuid = uuid_text(call.args["uuid"])
    if uuid is None:
        raise _invalid()
    source = next((s for s in call.koku.sources if s.uuid == uuid), None)
    if source is None:
        raise HttpError(404, {"Error": "Source not found."})
    return _listed(call, call.koku.named_reports.list(source))


def _listed(call: Call, found: list[NamedReport]) -> Reply:
    """All of them, whatever the page; clients know it so."""
    rows = [_shown(call, report) for report in found]
    return Reply({**page(call.path, call.query, rows, len(rows)), "data": rows})


def _shown(call: Call, report: NamedReport) -> dict[str, Any]:
    return {
        "uuid": report.uuid, "created_timestamp": stamp(report.created), "completed_timestamp": stamp(report.completed),
        "reports_list": list(report.files), "source": report.source_uuid, "sources_id": report.source_id,
        "bill_year": f"{report.month:%Y}", "bill_month": f"{report.month:%m}", "schema_name": call.koku.handle.name,
        "status": report.state,
    }  # fmt: skip


def _ask(call: Call) -> Reply:
    body = mapping(call.body)
    source = _source(call, body.get("source"))
    files, year, month = _fields(body)
    if not call.koku.named_reports.may(source):
        raise refuse(f"Invalid source_type, {source.source_type}, provided.", "source_type")
    if source.paused:
        raise refuse("The source is paused.", "source")
    report = call.koku.named_reports.ask(source, _checked(files), _month(year, month))
    made = {
        "source": report.source_uuid, "source_id": report.source_id, "reports_list": list(report.files),
        "bill_year": f"{report.month:%Y}", "bill_month": f"{report.month:%m}", "schema_name": call.koku.handle.name,
        "ingress_report_uuid": report.uuid, "status": report.state,
    }  # fmt: skip
    return Reply({**page(call.path, call.query, [], len(made)), "data": made})


def _source(call: Call, which: Any) -> Source:
    """The source of a number or uuid."""
    found = [s for s in call.koku.sources if not isinstance(which, bool) and str(which).lower() in (str(s.id), s.uuid)]
    if not found:
        raise _invalid()
    return found[0]


def _fields(body: Mapping[str, Any]) -> tuple[list[Any], str, str]:
    problems = Problems()
    for name in _FIELDS:
        if body.get(name) is None:
            problems.add(name, NOT_NULL if name in body else REQUIRED)
    files = body.get("reports_list")
    if files is not None and not isinstance(files, list):
        problems.add("reports_list", not_a_list(files))
    problems.check()
    assert isinstance(files, list)  # noqa: S101 - checked above
    return files, str(body["bill_year"]), str(body["bill_month"])


def _checked(files: list[Any]) -> list[str]:
    """The names of the files.

    Raises:
        InvalidInput: there are none or too many, or one cannot be a name.
    """
    if not files:
        raise refuse("This list may not be empty.", "reports_list")
    if len(files) > _MOST:
        raise refuse(f"Ensure this field has no more than {_MOST} elements.", "reports_list")
    problems = Problems()
    for number, name in enumerate(files):
        if not isinstance(name, str) or not name.strip():
            problems.add(f"reports_list.{number}", "Not a valid string.")
        elif len(name) > _LONGEST:
            problems.add(f"reports_list.{number}", f"Ensure this field has no more than {_LONGEST} characters.")
    problems.check()
    return list(dict.fromkeys(files))


def _month(year: str, month: str) -> date:
    """The month that a year and a month name; what names none is one that may not be named."""
    try:
        return date(int(year), int(month), 1)
    except (ValueError, OverflowError):
        return date.min


#: A refusal is an object with `errors`, or with `Error`.
_REFUSED = {"type": "object"}
RESOURCES = (
    Resource("ingress/reports/", {"GET": _list, "POST": _ask}, "Files that were named to be ingested.", settings,
             parameters=("limit", "offset"), done={"POST": 200}, refused=_REFUSED),
    Resource("ingress/reports/{uuid}/", {"GET": _of_source}, "Those of one source.", settings, parameters=("limit", "offset"),
             refused=_REFUSED),
)  # fmt: skip
