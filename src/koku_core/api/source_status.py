"""The state of sources: what has come, what is being done with it, which months there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from koku_core.api.wire import stamp
from koku_core.clock import add_months, month_of
from koku_core.database.server import rows
from koku_core.sources.model import Source

if TYPE_CHECKING:
    from koku_core.koku import Koku

_STATE = """
    SELECT s.uuid::text, r.state, r.received, r.started, r.finished, r.details,
           coalesce(p.months, '{}') AS months, p.summarized,
           coalesce(m.models, '[]') AS models
    FROM source s
    LEFT JOIN LATERAL (SELECT * FROM report WHERE source_uuid = s.uuid ORDER BY id DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT array_agg(month) AS months, max(summarized) AS summarized
                       FROM published_month WHERE source_uuid = s.uuid) p ON true
    LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('name', c.name, 'uuid', c.uuid)) AS models
                       FROM cost_model_source a JOIN cost_model c ON c.uuid = a.cost_model_uuid WHERE a.source_uuid = s.uuid) m ON true
    WHERE s.uuid = ANY(%s::uuid[])
"""
_DELIVERIES = """
    SELECT month, r.delivery, r.expected, r.state, r.made, r.received, r.started, r.finished,
           (SELECT count(DISTINCT name) FROM report_file f, unnest(f.present) name WHERE f.report_id = r.id) AS present
    FROM report r, unnest(r.months) month WHERE r.source_uuid = %s ORDER BY month DESC, r.id DESC
"""
#: What is told of the sender of a delivery, as far as the delivery says it.
_SENDER = (
    "operator_version",
    "operator_airgapped",
    "operator_certified",
    "operator_update_available",
    "vm_cpu_core_cost_model_support",
)
#: The states of download, processing and summary, by the state of the newest report.
_STEPS = {
    "waiting": ("in-progress", "pending", "pending"),
    "ready": ("complete", "pending", "pending"),
    "running": ("complete", "in-progress", "pending"),
    "done": ("complete", "complete", "complete"),
    "failed": ("complete", "failed", "pending"),
}


def states(koku: Koku, found: list[Source]) -> dict[str, dict[str, Any]]:
    """What `sources/` tells of each source beside what its owner has said, by uuid."""
    if not found:
        return {}
    with koku.handle.connection() as conn:
        known = {row["uuid"]: row for row in rows(conn, _STATE, ([s.uuid for s in found],))}
    this = month_of(koku.services.clock.today())
    return {s.uuid: _state(s, known.get(s.uuid, {"months": [], "models": []}), this) for s in found}


def _state(source: Source, row: Mapping[str, Any], this: Any) -> dict[str, Any]:
    return {
        "current_month_data": this in row["months"], "previous_month_data": add_months(this, -1) in row["months"],
        "last_payload_received_at": stamp(source.last_payload), "last_polling_time": stamp(source.last_polling),
        "created_timestamp": _seconds(source.created), "status": _status(row), "has_data": bool(row["months"]),
        "infrastructure": {}, "cost_models": row["models"], "additional_context": _context(row.get("details") or {}),
    }  # fmt: skip


def _seconds(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else None


def _status(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """How far the newest delivery is; None if there is none."""
    if row.get("state") is None:
        return None
    download, processing, summary = _STEPS[row["state"]]
    return {
        "download": _step(download, row["received"], row["received"]),
        "processing": _step(processing, row["started"], row["finished"]),
        "summary": _step(summary, row["started"], row["finished"]),
    }


def _step(state: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    made: dict[str, Any] = {"state": state}
    if state != "pending" and start:
        made["start"] = stamp(start)
    if state in ("complete", "failed") and end:
        made["end"] = stamp(end)
    return made


def _context(details: Mapping[str, Any]) -> dict[str, Any]:
    """What the newest delivery says of its sender."""
    known = {name: details[name] for name in _SENDER if name in details}
    return known and {"operator_update_available": False, **known}


def statistics(koku: Koku, source: Source) -> dict[str, Any]:
    """The deliveries of a source by month, newest first."""
    with koku.handle.connection() as conn:
        found = rows(conn, _DELIVERIES, (source.uuid,))
        updated = rows(
            conn, "SELECT max(summarized) AS moment FROM published_month WHERE source_uuid = %s", (source.uuid,)
        )
    made: dict[str, Any] = {
        "provider_linked": True, "data_updated_date": _seconds(updated[0]["moment"]), "ocp_on_cloud_data_updated_date": None,
    }  # fmt: skip
    for row in found:
        made.setdefault(row["month"].isoformat(), {"manifests": []})["manifests"].append(_delivery(row))
    return made


def _delivery(row: Mapping[str, Any]) -> dict[str, Any]:
    expected = len(row["expected"])
    return {
        "assembly_id": row["delivery"], "billing_period_start": row["month"].isoformat(),
        "files_processed": f"{expected if row['state'] == 'done' else 0}/{expected}",
        "process_start_date": _seconds(row["started"]), "process_complete_date": _seconds(row["finished"]),
        "manifest_complete_date": _seconds(row["received"]), "export_datetime": _seconds(row["made"]),
    }  # fmt: skip
