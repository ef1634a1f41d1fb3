"""The envelope of answers: `meta`, `links`, `data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from koku_core.reports.entities import Entities
from koku_core.reports.inside import PAGE
from koku_core.reports.links import links
from koku_core.reports.pack import Packer
from koku_core.reports.parameters import Parameters
from koku_core.reports.table import Table

#: The largest page.
MOST = 1000
#: A page whose size nobody has said.
USUAL = 100
_RANKED_PAGE = 5


def of_report(table: Table, url: str, query: str) -> dict[str, Any]:
    """The body of a report: pages are of buckets, or of groups where those are ranked from an offset on."""
    parameters = table.plan.parameters
    packer, buckets = Packer(table), parameters.period.buckets()
    more: dict[str, Any] = {"count": len(buckets), **_facts(table), "total": packer.total()}
    if parameters.inside:
        return of_entities(table, packer, more, url, query)
    if parameters.empty:
        return {
            "meta": _meta(parameters, {**more, "count": 0}),
            "links": links(url, query, parameters.limit, 0, 0),
            "data": [],
        }
    if parameters.group_offset is not None:
        limit, offset, groups = parameters.group_limit or _RANKED_PAGE, parameters.group_offset, table.total[1]
        more |= {"count": groups, "limit": limit, "offset": offset}
        linked = links(url, query, limit, offset, groups, ("filter[limit]", "filter[offset]"))
    elif parameters.report.inventory:
        rows, limit, offset = list(table), page_size(parameters.limit), parameters.offset
        more["count"], shown = len(rows), rows[offset : offset + limit if limit else None]
        linked = links(url, query, limit, offset, len(rows))
        return {"meta": _meta(parameters, more), "links": linked, "data": packer.data(shown, buckets if shown else ())}
    else:
        limit, offset = page_size(parameters.limit), parameters.offset
        linked = links(url, query, limit, offset, len(buckets))
        buckets = buckets[offset : offset + limit if limit else None]
    return {"meta": _meta(parameters, more), "links": linked, "data": packer.data(table, buckets)}


def of_entities(table: Table, packer: Packer, more: dict[str, Any], url: str, query: str) -> dict[str, Any]:
    """The body of a report about what lies in nodes of a tree: pages are of that, largest first."""
    parameters, found = table.plan.parameters, Entities(table, packer)
    own = parameters.group_limit is not None or parameters.group_offset is not None
    limit = (parameters.group_limit or PAGE) if own else page_size(parameters.limit)
    offset = (parameters.group_offset or 0) if own else parameters.offset
    more |= {"count": len(found.all), "limit": limit, "offset": offset}
    names = ("filter[limit]", "filter[offset]") if own else ("limit", "offset")
    page = found.all[offset : offset + limit if limit else None]
    return {
        "meta": _meta(parameters, more),
        "links": links(url, query, limit, offset, len(found.all), names),
        "data": found.data(page, parameters.period.buckets()),
    }


def _facts(table: Table) -> dict[str, Any]:
    """What `meta` says of the answer beside its totals."""
    parameters, total = table.plan.parameters, table.total
    found: dict[str, Any] = {
        f.name: total[table.at(f.name)] for f in table.plan.report.flags if parameters.grouped_by(f.key)
    }
    if parameters.ranked and table.rows:
        found["others"] = max(total[1] - (parameters.group_limit or 0), 0)
    if parameters.delta:
        delta = {n: total[table.at(f"delta_{n}")] for n in ("value", "percent")}
        found["delta"] = {n: None if v is None else float(v) for n, v in delta.items()}
    return found


def _meta(parameters: Parameters, more: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, overlaid by what was found."""
    return {"count": more["count"], **parameters.echo, **more}


def page_size(limit: int) -> int:
    """How many elements a page has: a limit of 0 is all, one below that the default."""
    return USUAL if limit < 0 else min(limit, MOST)


def of_tags(data: list[Any], parameters: Parameters, more: Mapping[str, Any], url: str, query: str) -> dict[str, Any]:
    """The body of an answer about tags; `more` stands in `meta`."""
    limit, offset = min(parameters.limit, MOST), parameters.offset
    return {
        "meta": _meta(parameters, {"count": len(data), **more}),
        "links": links(url, query, limit, offset, len(data)),
        "data": data[offset : offset + limit],
    }


def of_nothing(url: str, query: str) -> dict[str, Any]:
    """The body of an answer about a tenant that does not exist."""
    return {"meta": {"count": 0}, "links": links(url, query, 0, 0, 0), "data": []}
