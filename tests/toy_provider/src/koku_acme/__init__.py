"""Acme Cloud as a provider of koku-core: who it is, and where its hooks are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from koku_acme import download, normalize, report_map, sample, summarize
from koku_core import hookimpl
from koku_core.declare.deliveries import Download, Normalized, Sample
from koku_core.declare.providers import Provider, Resource, SourceType
from koku_core.declare.reports import ReportMap
from koku_core.declare.summarize import Summary
from koku_core.settings import Settings
from koku_core.sources.model import Source


class Credentials(BaseModel):
    """Whose bill it is, and what proves that we may read it."""

    account: str = Field(min_length=1, max_length=100)
    token: SecretStr = SecretStr("")


class Place(BaseModel):
    """Where Acme puts the bills: a folder beneath `KOKU_LOCAL_SOURCES`."""

    folder: str


@hookimpl
def koku_provider() -> Provider:
    """Acme Cloud."""
    return Provider(
        name="acme",
        label="Acme Cloud",
        api_path="acme",
        family="ACME",
        source_types=(SourceType("Acme", Credentials, key="account", data_source=Place),),
        datasets=(normalize.LINE_ITEMS,),
        version="1.0",
        access=(Resource("acme.account", opens=True), Resource("acme.region", inherits="acme.account")),
    )


@hookimpl
def koku_download(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:
    """Take the bills that have changed."""
    return download.download(source, state, folder, settings)


@hookimpl
def koku_normalize(files: Sequence[Path], only: Mapping[date, int] | None) -> Normalized:
    """Read a bill."""
    return normalize.normalize(files, only)


@hookimpl
def koku_summarize() -> Summary:
    """What the daily summary holds."""
    return summarize.SUMMARY


@hookimpl
def koku_report_map() -> ReportMap:
    """The reports below `acme/`."""
    return report_map.REPORT_MAP


@hookimpl
def koku_sample(folder: Path, today: date) -> Sample:
    """A small account's bills."""
    return sample.sample(folder, today)
