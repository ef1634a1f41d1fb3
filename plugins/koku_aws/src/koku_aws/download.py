"""What is new at a source → files: a bill for each month, which AWS writes anew until the month is closed and sometimes after.

A bill is one delivery: its manifest, the organization as it was in its month, and its data files. It is fetched again when one of them has
changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from koku_aws import manifests, organization
from koku_core.bills.places import Folder, Place, Stored, fetched
from koku_core.clock import Clock, add_months, month_of
from koku_core.declare.deliveries import Download
from koku_core.errors import KokuError, SourceUnreadable
from koku_core.intake.local import local_folder
from koku_core.settings import Settings
from koku_core.sources.model import Source

#: Where a source's state keeps the organization; bills are kept by report and month.
_STATES = "organization"
#: `[prefix/]report/20261101-20261201/report-Manifest.json`, and CUR 2.0's `report/metadata/BILLING_PERIOD=2026-11/report-Manifest.json`.
_MANIFEST = re.compile(
    r"(?:(?P<report>.+)/)?(?:metadata/BILLING_PERIOD=(?P<new>2\d{3}-(?:0[1-9]|1[012]))|(?P<old>2\d{3}(?:0[1-9]|1[012]))\d\d-\d{8})"
    r"/[^/]*Manifest\.json"
)


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill that was found: the folder of its report, its month, its manifest."""

    report: str
    month: date
    manifest: Stored


class NoReport(SourceUnreadable):
    """Nothing was delivered yet, or it is looked for elsewhere."""


class SeveralReports(SourceUnreadable):
    """It is not told which of several reports is meant."""


def download(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:
    """Each bill that has changed since `state`, oldest month first; one that cannot be read does not keep the others back.

    Raises:
        SourceUnreadable: there is no report, there are several, or a bill cannot be read.
        SourceBusy: the source cannot be read now.
        SettingError: a local source reads a folder that it may not.
    """
    known = dict(state)
    place, members, warnings = _open(source, settings, known)
    failed: list[KokuError] = []
    for bill in bills(place, source, settings):
        try:
            found = _changed(place, bill, members(bill.month), known, folder)
        except KokuError as error:
            failed.append(error)
            continue
        if found:
            yield replace(found, warnings=warnings)
    if failed:
        raise failed[0]


def fetch(source: Source, names: Sequence[str], folder: Path, settings: Settings) -> Download:
    """Files of a bill, without a manifest; the organization is as it is now.

    Raises:
        SourceUnreadable: one of them is not there.
        SourceBusy: the source cannot be read now.
        SettingError: a local source reads a folder that it may not.
    """
    place, members, warnings = _open(source, settings, {})
    parts = [place.find(name, "") for name in names]
    said = members(month_of(Clock(settings.clock).today()))
    text = repr([*((p.key, p.etag) for p in parts), hashlib.sha256(said or b"").hexdigest()])
    files = _fetched(place, parts, said, folder)
    return Download(f"named {hashlib.sha256(text.encode()).hexdigest()}", tuple(files), warnings=warnings)


def _fetched(place: Place, parts: Sequence[Stored], members: bytes | None, target: Path) -> list[Path]:
    """The organization, if it is known, and data files, in a folder."""
    files = fetched(place, parts, target)
    if members is not None:
        files.insert(0, target / organization.FILE)
        files[0].write_bytes(members)
    return files


def _open(
    source: Source, settings: Settings, known: dict[str, Any]
) -> tuple[Place, Callable[[date], bytes | None], tuple[str, ...]]:
    """Where a source's reports lie, what is known of the organization in a month, and what to tell of it. `known` moves on."""
    if source.source_type.endswith("-local"):
        folder = Folder(local_folder(settings, source.data_source["bucket"]), local_folder(settings, "."))
        return folder, lambda _: folder.small(organization.FILE), ()
    from koku_aws import crawl
    from koku_aws.session import Session

    session = Session(source)
    found, why = crawl.look(session)
    states = crawl.kept(known.get(_STATES, ()), found, Clock(settings.clock).today(), _oldest(settings))
    known[_STATES] = states
    return (
        session.bucket,
        lambda month: crawl.of_month(states, month),
        (f"Accounts and units are not known: {why}",) if why else (),
    )


def _oldest(settings: Settings) -> date:
    """The first day that may be kept."""
    return add_months(month_of(Clock(settings.clock).today()), -settings.retain_months)


def bills(place: Place, source: Source, settings: Settings) -> list[Bill]:
    """The bills of the report, without those that are older than what is kept."""
    prefix, wanted = (str(source.data_source.get(n) or "").strip("/") for n in ("prefix", "report"))
    found = [
        bill
        for stored in place.objects(manifests.SUFFIX)
        if (bill := _bill(stored))
        and f"{bill.report}/".startswith(f"{prefix}/" if prefix else "")
        and wanted in ("", bill.report.rpartition("/")[2])
    ]
    _one_report({bill.report for bill in found}, place, "/".join(filter(None, (prefix, wanted))))
    oldest = _oldest(settings)
    return sorted((b for b in found if b.month >= oldest), key=lambda b: b.month)


def _bill(stored: Stored) -> Bill | None:
    """The bill of a manifest; None: its key is not that of one."""
    match = _MANIFEST.fullmatch(stored.key)
    if not match:
        return None
    month = match["new"] or match["old"]
    return Bill(match["report"] or "", date(int(month[:4]), int(month[-2:]), 1), stored)


def _one_report(reports: set[str], place: Place, where: str) -> None:
    """Refuse a source that has no report, or several."""
    if not reports:
        raise NoReport(
            place.name, f"no report is in {where or 'it'}",
            "AWS delivers the first within a day; then check bucket, prefix and report of the source.",
        )  # fmt: skip
    if len(reports) > 1:
        listed = ", ".join(sorted(reports))
        do = "Name one in the source's prefix or report."
        raise SeveralReports(place.name, f"there are several reports ({listed})", do)


def _changed(place: Place, bill: Bill, members: bytes | None, known: dict[str, Any], folder: Path) -> Download | None:
    """The bill as a delivery; None if it is as it was. `known` moves on."""
    target = folder / f"{bill.month:%Y-%m}"
    target.mkdir(exist_ok=True)
    manifest = target / f"{bill.report.rpartition('/')[2] or 'report'}-{manifests.SUFFIX}"
    place.fetch(bill.manifest, manifest)
    said = manifests.read(manifest)
    parts = [place.find(key, bill.manifest.key) for key in said.keys]
    text = repr([bill.manifest.etag, *((p.key, p.etag) for p in parts), hashlib.sha256(members or b"").hexdigest()])
    digest, name = hashlib.sha256(text.encode()).hexdigest(), f"{bill.report} {bill.month:%Y-%m}"
    if known.get(name) == digest:
        return None
    files = _fetched(place, parts, members, target)
    known[name] = digest
    details = {"assembly": said.assembly, "month": f"{bill.month:%Y-%m}", "account": said.account}
    return Download(f"{name} {digest[:32]}", (manifest, *files), state=dict(known), details=details)
