"""What OpenAPI says of reports and tags: parameters and answers, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from koku_core.declare.reports import OPERATORS, Choice, Figure, Key, Report, ReportMap, TagReport
from koku_core.reports.period import SCOPES
from koku_core.reports.plan import SIZE

_TEXTS = {"type": "array", "items": {"type": "string"}}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_DIRECTION = {"type": "string", "enum": ["asc", "desc"]}
_DAY = {"type": "string", "format": "date"}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}
_AMOUNT = {"type": "object", "properties": {"value": _NUMBER, "units": {"type": "string"}}}


def report_operation(reports: ReportMap, report: Report) -> dict[str, Any]:
    """Parameters and answer of one report; of one that lists what there was in a month, neither groups nor days."""
    ranks = {} if report.inventory else {"limit": _COUNT, "offset": _COUNT}
    maps = {
        "filter": {**_scope(report), **ranks, **_keys(k for k in report.keys if k.filter)},
        "exclude": _keys((k for k in report.keys if k.exclude), excluded=True),
        "group_by": _group_keys(report),
        "order_by": {**dict.fromkeys(_orders(report), _DIRECTION), "date": _DAY},
    }
    parameters = [_map(name, of, report.tags) for name, of in maps.items()] + _common(0)
    if report.inventory:
        parameters = [p for p in parameters if p["name"] not in ("group_by", "start_date", "end_date")]
    if report.choice:
        parameters.append(_choice(report.choice))
    if report.deltas:
        parameters.append(_query("delta", {"type": "string"}, f"{', '.join(report.deltas)}{_compared(report)}"))
    if report.categories:
        parameters.append(_query("category", _TEXTS, f"Show groups of {report.categories.key} under their category."))
    maximum = "Of one month." if report.inventory else f"At most {reports.max_groups} groups."
    if report.required:
        maximum += f" It must be filtered by {', '.join(report.required)}."
    return {
        "description": f"{report.doc} {maximum}",
        "parameters": parameters,
        "responses": {"200": _answer(_row(report))},
    }


def forecast_operation(report: Report) -> dict[str, Any]:
    """Parameters and answer of a report's forecast."""
    ends = dict.fromkeys(("total", "confidence_max", "confidence_min"), _AMOUNT)
    told = {"rsquared": {"type": "string"}, "pvalues": {"type": "array", "items": {}}}
    more = {n: {"type": "object", "properties": {"value": of, "units": {"nullable": True}}} for n, of in told.items()}
    names = [f.path.partition(".")[0] for f in report.figures if f.name in report.forecast]
    row = {"date": _DAY, **{name: {"type": "object", "properties": {**ends, **more}} for name in names}}
    day = {"date": _DAY, "values": {"type": "array", "items": {"type": "object", "properties": row}}}
    parameters = [p for p in _common(1) if "date" not in p["name"]]
    parameters += [_choice(report.choice)] if report.choice else []
    return {"parameters": parameters, "responses": {"200": _answer({"type": "object", "properties": day})}}


def line_operation(reports: ReportMap, report: Report) -> dict[str, Any]:
    """Parameters and answer of the line items behind one report: its own, and `row`."""
    named = {"date": {"type": "string"}, **{name: {"type": "string"} for name in report.groupable}}
    row = _map("row", named, report.tags) | {
        "description": "One row of the report: its date, the values of its groups."
    }
    lines = {
        "type": "object",
        "properties": {"dataset": {"type": "string"}, "usage_start": _DAY},
        "additionalProperties": True,
    }
    answer = _answer(lines)
    answer["content"]["application/x-ndjson"] = {"schema": lines}
    parameters = [*report_operation(reports, report)["parameters"], row]
    return {"description": f"{report.doc} Line by line.", "parameters": parameters, "responses": {"200": answer}}


def tag_operation(tags: TagReport, *, one: bool) -> dict[str, Any]:
    """Parameters and answer of the tag endpoints: of all keys, or of the values of one."""
    own = {"enabled": {"type": "boolean", "default": True}, "key": _TEXTS, "value": _TEXTS}
    types = {"type": {"type": "string", "enum": [*tags.types, "*"]}} if tags.types else {}
    filters = {**_scope(), **own, **types, **_keys(k for k in tags.keys if k.filter)}
    parameters = [_map("filter", filters, ""), *_common(1)]
    row = {
        "type": "object",
        "properties": {"key": {"type": "string"}, "values": _TEXTS, "enabled": {"type": "boolean"}},
    }
    if one:
        parameters.append({"name": "key", "in": "path", "required": True, "schema": {"type": "string"}})
        return {"parameters": parameters, "responses": {"200": _answer({"type": "string"})}}
    parameters.append(_query("key_only", {"type": "boolean"}, "The names of the keys alone."))
    return {"parameters": parameters, "responses": {"200": _answer(row)}}


def _query(name: str, schema: dict[str, Any], doc: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": doc, "schema": schema}


def _choice(choice: Choice) -> dict[str, Any]:
    return _query(choice.name, {"type": "string", "enum": list(choice.aggregates)}, "What the figures are made of.")


def _map(name: str, properties: dict[str, Any], tags: str) -> dict[str, Any]:
    """A parameter with keys in brackets; a tag key is written `tag:KEY`."""
    more = {"additionalProperties": _TEXTS} if tags and name != "order_by" else {"additionalProperties": bool(tags)}
    schema = {"type": "object", "properties": properties, **more}
    return {"name": name, "in": "query", "style": "deepObject", "explode": True, "schema": schema}


def _keys(keys: Iterable[Key], *, excluded: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in keys:
        items = {"type": "string", "enum": list(key.choices)} if key.choices else {"type": "string"}
        operators = OPERATORS if key.operators and (key.exclude_operators or not excluded) else ()
        names = [key.name, *(f"{o}:{key.name}" for o in operators)]
        found |= {name: {"type": "array", "items": items} for name in names}
    return found


def _group_keys(report: Report) -> dict[str, Any]:
    node = report.tree.key if report.tree else ""
    keys = [k for k in report.keys if k.inert or k.name == node or (k.value and not report.inventory)]
    plain = {k.name for k in keys if not k.plain_group}
    return {name: of for name, of in _keys(keys).items() if name not in plain}


def _scope(report: Report | None = None) -> dict[str, Any]:
    units = ["month"] if report and report.inventory else ["day", "month"]
    found = {
        "resolution": ["monthly"] if units == ["month"] else ["daily", "monthly"], "time_scope_units": units,
        "time_scope_value": [value for unit in units for value in SCOPES[unit]],
    }  # fmt: skip
    return {name: {"type": "string", "enum": choices} for name, choices in found.items()}


def _orders(report: Report) -> list[str]:
    own = [k.order for k in report.keys if k.order]
    return [*report.orders, *own, *(["delta"] if report.deltas else [])]


def _compared(report: Report) -> str:
    return f"; or two of {', '.join(report.compared)}, joined by two underscores" if report.compared else ""


def _common(least: int) -> list[dict[str, Any]]:
    return [
        _query("limit", {"type": "integer", "minimum": least, "default": 100}, "The size of a page."),
        _query("offset", _COUNT, "Where the page begins."),
        _query("start_date", _DAY, "First day of a range."),
        _query("end_date", _DAY, "Last day of a range."),
        _query("currency", {"type": "string"}, "The currency of the answer, ISO 4217."),
    ]


def _row(report: Report) -> dict[str, Any]:
    """A bucket: its rows lie below the groups that were asked for."""
    properties: dict[str, Any] = {"date": {"type": "string"}, "source_uuid": _TEXTS}
    properties |= {x.name: _OBJECTS if x.shown else _TEXTS for x in report.lists if not x.hidden}
    properties |= {t.name: {"type": "string"} for t in report.texts if not t.hidden}
    for figure in report.figures:
        _put(properties, figure)
    row = {"type": "object", "properties": properties}
    values = {"date": {"type": "string"}, "values": {"type": "array", "items": row}}
    return {"type": "object", "properties": values, "additionalProperties": True}


def _put(properties: dict[str, Any], figure: Figure) -> None:
    *above, last = figure.path.split(".")
    for step in above:
        properties = properties.setdefault(step, {"type": "object", "properties": {}})["properties"]
    if figure.name != SIZE:
        properties[last] = _AMOUNT if figure.unit else _NUMBER


def _answer(element: dict[str, Any]) -> dict[str, Any]:
    body = {
        "type": "object",
        "properties": {
            "meta": {"type": "object"},
            "links": {"type": "object"},
            "data": {"type": "array", "items": element},
        },
    }
    return {"description": "The answer.", "content": {"application/json": {"schema": body}, "text/csv": {"schema": {}}}}
