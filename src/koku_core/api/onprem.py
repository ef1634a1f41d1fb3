"""The few calls by which an operator registers its cluster: `source_types`, `application_types`, `applications`."""

from __future__ import annotations

from typing import Any

from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import HttpError
from koku_core.api.permissions import sources
from koku_core.validation import mapping

APPLICATION_TYPE = {"id": "0", "name": "/insights/platform/cost-management"}


def _counted(rows: list[dict[str, Any]]) -> Reply:
    return Reply({"meta": {"count": len(rows)}, "data": rows})


def _named(call: Call, rows: list[dict[str, Any]]) -> Reply:
    """The rows that `filter[name]` leaves."""
    wanted = dict(call.params).get("filter[name]")
    return _counted([row for row in rows if wanted in (None, row["name"])])


def _source_types(call: Call) -> Reply:
    return _named(call, [
        {"id": kind.type_id, "name": plugin.provider.api_path}
        for plugin in call.koku.services.plugins for kind in plugin.provider.source_types if kind.type_id
    ])  # fmt: skip


def _application_types(call: Call) -> Reply:
    return _named(call, [APPLICATION_TYPE])


def _application(source_id: object) -> dict[str, Any]:
    return {"id": str(source_id), "source_id": str(source_id), "application_type_id": APPLICATION_TYPE["id"]}


def _applications(call: Call) -> Reply:
    return _counted([_application(source.id) for source in call.koku.sources])


def _connect(call: Call) -> Reply:
    """Connect a source with cost management, which every source is."""
    body = mapping(call.body)
    source_id = body.get("source_id")
    if not source_id:
        raise HttpError(400, {"error": "source_id is required"})
    if str(body.get("application_type_id")) != APPLICATION_TYPE["id"]:
        raise HttpError(400, {"error": "Only application_type_id '0' (cost-management) is supported"})
    if str(source_id) not in (str(source.id) for source in call.koku.sources):
        raise HttpError(404, {"error": f"Source {source_id} not found"})
    return Reply(_application(source_id), 201)


RESOURCES = (
    Resource("source_types", {"GET": _source_types}, "The kinds of sources.", public=True, slash="never", csv=False),
    Resource("application_types", {"GET": _application_types}, "The one application.", public=True, slash="never", csv=False),
    Resource("applications", {"GET": _applications, "POST": _connect}, "Sources connected with the application.", sources,
             slash="never", csv=False, refused={"type": "object"}),
)  # fmt: skip
