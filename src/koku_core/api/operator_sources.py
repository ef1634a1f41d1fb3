"""`/api/sources/v1.0/`: the calls by which an operator registers its cluster, as it makes them: exact filters, no slashes, ids as texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from koku_core.api import onprem, sources
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.permissions import registers
from koku_core.sources.model import Source

_FILTERS = {"filter[name]": "name", "filter[source_ref]": "source_ref", "filter[source_type_id]": "source_type_id"}


def _row(call: Call, source: Source) -> dict[str, Any]:
    _, kind = call.koku.services.plugins.source_type(source.source_type)
    return {
        "id": str(source.id), "uid": source.uuid, "name": source.name, "source_type_id": kind.type_id,
        "source_ref": source.key if kind.pushed else None,
    }  # fmt: skip


def _list(call: Call) -> Reply:
    """The sources that have exactly the values that are asked for."""
    loaded = {t.name for p in call.koku.services.plugins for t in p.provider.source_types}
    wanted = [(_FILTERS[key], value) for key, value in call.params if key in _FILTERS]
    rows = [_row(call, source) for source in call.koku.sources if source.source_type in loaded]
    found = [row for row in rows if all(row[field] == value for field, value in wanted)]
    return Reply({"meta": {"count": len(found)}, "data": found})


def _create(call: Call) -> Reply:
    made = sources.create(call)
    (source,) = [s for s in call.koku.sources if s.uuid == made.body["uuid"]]
    return replace(made, body=_row(call, source))


RESOURCES = (
    *(r if r.public else replace(r, allowed=registers) for r in onprem.RESOURCES),
    Resource("sources", {"GET": _list, "POST": _create}, "The sources.", registers, slash="never", csv=False,
             parameters=tuple(_FILTERS)),
)  # fmt: skip
