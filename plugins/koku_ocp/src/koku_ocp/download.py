"""What a payload of the operator says of itself: its manifest, and which files it holds."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from koku_core.declare.deliveries import Receipt
from koku_core.errors import PayloadRefused
from koku_core.intake.archive import Limits, Member, members

MANIFEST = "manifest.json"
_TRUE = ("true", "1", "yes")
_FIRST_WITH_MACHINES, _VERSION_DIGITS = 4, 3
_PARTS = ("authentication", "packaging", "upload", "prometheus", "source")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest: `files` hold costs, `other` are for another product."""

    uuid: str
    cluster_id: str
    date: datetime
    files: tuple[str, ...]
    other: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    body: dict[str, Any]


def receive(payload: Path, limits: Limits) -> Receipt:
    """Read the manifest of a payload and check its members against it.

    Raises:
        PayloadRefused: the archive is hostile or broken, its manifest is missing or cannot be read, or it holds a file that
            the manifest does not name.
    """
    manifest, names = None, []
    for member in members(payload, limits):
        if member.name == MANIFEST:
            manifest = read_manifest(payload, member, limits)
        else:
            names.append(member.name)
    if manifest is None:
        raise PayloadRefused(payload.name, f"holds no {MANIFEST}")
    known = {*manifest.files, *manifest.other}
    for name in names:
        if name not in known:
            raise PayloadRefused(payload.name, "is not named by the manifest", member=name)
    return Receipt(
        delivery=manifest.uuid,
        source_key=manifest.cluster_id,
        expected=manifest.files,
        present=tuple(n for n in names if n in manifest.files),
        made=manifest.date,
        start=manifest.start,
        end=manifest.end,
        details=_details(manifest.body),
    )


def read_manifest(payload: Path, member: Member, limits: Limits) -> Manifest:
    """Read and check a manifest.

    Raises:
        PayloadRefused: it cannot be read, or lacks what is needed.
    """

    def refuse(why: str) -> PayloadRefused:
        return PayloadRefused(payload.name, why, member=MANIFEST)

    try:
        body = json.loads(member.read(limits.manifest_bytes, payload))
    except (ValueError, RecursionError) as error:
        raise refuse(f"is not JSON ({error})") from error
    if not isinstance(body, dict):
        raise refuse("is not a JSON object")
    try:
        identity = str(uuid.UUID(body["uuid"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise refuse("has no uuid that is a UUID") from error
    cluster = body.get("cluster_id")
    if not isinstance(cluster, str) or not _safe(cluster):
        raise refuse("has no cluster_id that can be used: a text of at most 253 characters without slashes")
    made = _moment(body.get("date"))
    if made is None:
        raise refuse("has no date that is a time")
    return Manifest(
        identity, cluster, made, _names(body.get("files"), refuse, "files"),
        _names(body.get("resource_optimization_files"), refuse, "resource_optimization_files"),
        _real(_moment(body.get("start"))), _real(_moment(body.get("end"))), body,
    )  # fmt: skip


def _safe(name: str) -> bool:
    return 0 < len(name) <= 253 and name.isprintable() and not any(c in name for c in "/\\") and name not in (".", "..")


def _names(value: Any, refuse: Any, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(n, str) and _safe(n) and ".." not in n for n in value):
        raise refuse(f"{key} must be a list of bare file names")
    return tuple(dict.fromkeys(value))


def _moment(value: Any) -> datetime | None:
    """A time in any of the forms that operators have written; without a zone it is UTC."""
    try:
        made = datetime.fromisoformat(value)
        return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _real(value: datetime | None) -> datetime | None:
    """Not the year 1, by which the operator says that it knows none."""
    return value if value and value.year > 1 else None


def _truth(value: Any) -> bool:
    return value.strip().lower() in _TRUE if isinstance(value, str) else bool(value)


def _details(body: dict[str, Any]) -> dict[str, Any]:
    """What is worth keeping of the operator."""
    status = body.get("cr_status")
    status = status if isinstance(status, dict) else {}
    parts = {name: part for name in _PARTS if isinstance(part := status.get(name), dict)}
    errors = {f"{name}_error": str(part["error"]) for name, part in parts.items() if part.get("error")}
    return {
        "operator_version": str(body.get("version") or ""),
        "operator_certified": _truth(body.get("certified")),
        "operator_daily_reports": _truth(body.get("daily_reports")),
        "operator_airgapped": not _truth(parts.get("upload", {}).get("upload", True)),
        "operator_errors": errors,
        "vm_cpu_core_cost_model_support": _reports_machines(body),
        "cluster_channel": str(status.get("clusterVersion") or ""),
    }


def _reports_machines(body: dict[str, Any]) -> bool:
    """Whether the operator reports virtual machines, which prices of their cores need: from 4.0 on, or as its files say."""
    major = str(body.get("version") or "").lstrip("v").split(".")[0]
    files = body.get("files")
    named = any("vm" in str(name).lower() and "usage" in str(name).lower() for name in files or ())
    return named or (len(major) <= _VERSION_DIGITS and major.isdecimal() and int(major) >= _FIRST_WITH_MACHINES)
