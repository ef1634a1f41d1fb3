"""Amazon Web Services as a provider of koku-core: who it is. Its four hooks are `download`, `normalize`, `summarize` and `report_map`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koku_aws import datasets, sources
from koku_core import hookimpl
from koku_core.declare.providers import CloudAccount, Provider, Resource, SourceType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path
    from typing import Any

    from koku_core.declare.deliveries import Download, Normalized, Sample
    from koku_core.declare.reports import ReportMap
    from koku_core.declare.summarize import CostModelSpec, Summary
    from koku_core.intake.archive import Limits
    from koku_core.settings import Settings
    from koku_core.sources.model import Source

__version__ = "0.1.0"


@hookimpl
def koku_provider() -> Provider:
    """Amazon Web Services."""
    return Provider(
        name="aws",
        label="Amazon Web Services",
        api_path="aws",
        family="AWS",
        source_types=(
            SourceType(
                "AWS",
                sources.Credentials,
                key="role_arn",
                data_source=sources.Bucket,
                type_id="2",
                blank=sources.BLANK,
                place=sources.PLACE,
            ),
            SourceType(
                "AWS-local",
                sources.LocalCredentials,
                key="role_arn",
                data_source=sources.Folder,
                blank=sources.BLANK,
                place=sources.PLACE,
            ),
        ),
        datasets=datasets.ALL,
        version=__version__,
        tags_enabled=True,
        choices={"aws-s3-regions": sources.regions},
        cloud_account=CloudAccount("AWS", "KOKU_AWS_ACCOUNT_ID", "Cost Management's AWS account ID"),
        access=(Resource("aws.account", opens=True), Resource("aws.organizational_unit", opens=True)),
    )


@hookimpl
def koku_check(source: Source, settings: Settings) -> None:
    """Ask AWS whether a bucket can be read, and has a report."""
    if source.source_type == "AWS":
        from koku_aws.check import check

        check(source, settings)


@hookimpl
def koku_download(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:
    """Fetch the bills that have changed."""
    from koku_aws.download import download

    return download(source, state, folder, settings)


@hookimpl
def koku_fetch(source: Source, names: Sequence[str], folder: Path, settings: Settings) -> Download:
    """Fetch files of a bill that somebody names."""
    from koku_aws.download import fetch

    return fetch(source, names, folder, settings)


@hookimpl
def koku_normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold a bill to days."""
    from koku_aws.normalize import normalize

    return normalize(files, limits, only)


@hookimpl
def koku_summarize() -> Summary:
    """The daily summary of bills."""
    from koku_aws.summarize import SUMMARY

    return SUMMARY


@hookimpl
def koku_report_map() -> ReportMap:
    """The reports below `aws/`."""
    from koku_aws.report_map import REPORT_MAP

    return REPORT_MAP


@hookimpl
def koku_cost_model() -> CostModelSpec:
    """A markup."""
    from koku_aws.cost_model import COST_MODEL

    return COST_MODEL


@hookimpl
def koku_sample(folder: Path, today: date) -> Sample:
    """Two accounts, for last month and this one up to yesterday."""
    from koku_aws.sample import sample

    return sample(folder, today)
