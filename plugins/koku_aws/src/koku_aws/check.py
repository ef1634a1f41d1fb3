"""Looks at a source before it is stored: who asks, the bucket, the report in it; each thing that is wrong has its own message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from koku_aws import columns, manifests
from koku_aws.bucket import NO_KEY, NO_REGION, NO_SECRET, NO_TOKEN, Bucket, problems
from koku_aws.download import Bill, NoReport, SeveralReports, bills
from koku_aws.session import GLOBAL, Session
from koku_core.errors import PayloadRefused, SourceBusy, SourceRefused, SourceUnreadable
from koku_core.settings import Settings
from koku_core.sources.model import Source

#: Where the API says that something is wrong.
ROLE, BUCKET = "authentication.role_arn.unreachable", "billing_source.bucket.notfound"
DEFINITIONS, REPORT = "authentication.role_arn.noreportfound", "aws.report.configuration"
COMPRESSION, FILE = "aws.report.compression.configuration", "report.notfound"
#: Fields that are wrong whatever was looked at.
_FIELDS = {
    NO_KEY: "authentication.credentials.access_key_id", NO_SECRET: "authentication.credentials.secret_access_key",
    NO_TOKEN: "authentication.credentials.session_token", NO_REGION: "billing_source.bucket_region",
}  # fmt: skip
_READ = ("GZIP", "Parquet")
_RESOURCE = "line_item_resource_id"
_WITH_IDS = "Make a report that includes resource IDs."


def check(source: Source, settings: Settings) -> None:
    """Look at a source.

    Raises:
        SourceRefused: it cannot be read as it is set up.
    """
    place = source.data_source
    if place.get("storage_only"):
        return  # its reports are named one by one
    session = Session(source, patient=False)
    with _refused(ROLE):
        bucket = session.bucket
    try:
        with _refused(BUCKET):
            found = _bills(bucket, source, settings)
    except NoReport as error:
        _defined(session, place, error)
    else:
        _delivered(bucket, found)


def _bills(bucket: Bucket, source: Source, settings: Settings) -> list[Bill]:
    """The bills that are there; several reports are a matter of the report, and not of the bucket."""
    try:
        return bills(bucket, source, settings)
    except NoReport:
        if bucket.whole:
            raise
        return []  # it may be among what was not listed
    except SeveralReports as error:
        raise SourceRefused(REPORT, error.message) from error


@contextmanager
def _refused(field: str) -> Iterator[None]:
    """Refuse the source under a field if it cannot be read; what may be better later is no reason to believe it works."""
    try:
        yield
    except SourceBusy as error:
        raise SourceRefused(
            field, f"{error.facts['place']}: {error.facts['why']}. Try again once it can be reached."
        ) from error
    except NoReport:
        raise
    except (SourceUnreadable, PayloadRefused) as error:
        raise SourceRefused(_FIELDS.get(error.facts["why"], field), error.message) from error


def _delivered(bucket: Bucket, found: list[Bill]) -> None:
    """Look at the newest bill: its files must be there, with the columns that are needed."""
    if not found:
        return  # all are older than what is kept, and new ones will come; or none was seen at a glance
    newest = found[-1]
    with TemporaryDirectory(prefix="koku-") as folder, _refused(REPORT):
        bucket.fetch(newest.manifest, Path(folder) / manifests.SUFFIX)
        said = manifests.read(Path(folder) / manifests.SUFFIX)
    with _refused(FILE):
        for key in said.keys:
            bucket.find(key, newest.manifest.key)
    if said.columns:
        _columns(newest.report, said.columns)


def _columns(report: str, header: tuple[str, ...]) -> None:
    layout = columns.layout(header)
    if layout.missing:
        raise SourceRefused(
            REPORT, f"Report {report} lacks the columns {', '.join(layout.missing)}. Make one that has them."
        )
    if _RESOURCE not in layout.at:
        raise SourceRefused(REPORT, f"Report {report} has no resource IDs. {_WITH_IDS}")


def _defined(session: Session, place: Mapping[str, Any], error: NoReport) -> None:
    """Nothing was delivered yet: there must be a report that will be."""
    name = place["bucket"]
    if not session.offers("cur"):
        raise SourceRefused(REPORT, error.message) from error
    with _refused(DEFINITIONS), problems("report definitions"):
        pages = session.client("cur", GLOBAL).get_paginator("describe_report_definitions").paginate()
        listed = [d for page in pages for d in page.get("ReportDefinitions", ())]
    wanted = place.get("report")
    found = [d for d in listed if d.get("S3Bucket") == name and wanted in (None, "", d.get("ReportName"))]
    if not found:
        known = ", ".join(sorted(f"{d.get('ReportName')} in {d.get('S3Bucket')}" for d in listed)) or "none"
        raise SourceRefused(REPORT, f"No Cost and Usage Report is written to bucket {name}. Reports: {known}.")
    for each in found:
        _definition(each)


def _definition(found: dict[str, Any]) -> None:
    name, how = found.get("ReportName"), found.get("Compression")
    if how not in _READ:
        raise SourceRefused(COMPRESSION, f"Report {name} is compressed with {how}; {' and '.join(_READ)} can be read.")
    if "RESOURCES" not in (found.get("AdditionalSchemaElements") or ()):
        raise SourceRefused(REPORT, f"Report {name} has no resource IDs. {_WITH_IDS}")
