"""The hooks: four steps and an identity make a provider.

A plugin is a module (or object) registered in the entry-point group `koku`, whose functions are marked with `koku_core.hookimpl`.
Every hook is called for one provider's plugin alone, never for all. The data runs one way: a hook gets what the hook before it
made, from where it lies at rest. Each hook may be called again for the same input after a crash, and must then give the same result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from koku_core.declare.deliveries import Download, Normalized, Receipt, Sample
from koku_core.declare.providers import Provider
from koku_core.declare.reports import ReportMap
from koku_core.declare.summarize import CostModelSpec, Summary

if TYPE_CHECKING:
    from koku_core.executors.base import Executor
    from koku_core.intake.archive import Limits
    from koku_core.settings import Settings
    from koku_core.sources.model import Source

# A specification has no body and yet says what an implementation gives: hence `empty-body` below.
#: The version of these specifications; a plugin states in `Provider.hooks` the one it was written for.
VERSION = 1

hookspec = pluggy.HookspecMarker("koku")
hookimpl = pluggy.HookimplMarker("koku")


# Specifications have no bodies: hence `empty-body` beside each that returns something.
@hookspec(firstresult=True)
def koku_provider() -> Provider:  # type: ignore[empty-body]
    """Say who the provider is. Called once, when the plugin is loaded; must not touch network or disk."""


@hookspec(firstresult=True)
def koku_receive(payload: Path, limits: Limits) -> Receipt:  # type: ignore[empty-body]
    """Read the manifest of a payload that was uploaded. For providers with a pushed source type.

    Args:
        payload: the uploaded file as it came; read only.
        limits: how many members and bytes an archive may unpack to.

    Raises:
        PayloadRefused: it is hostile, or has no manifest that can be read. Nothing else may be raised for bad input.
    """


@hookspec(firstresult=True)
def koku_check(source: Source, settings: Settings) -> None:
    """Look at a source that somebody adds or changes by the API, before it is stored. Optional; must not take longer than some seconds.

    Args:
        source: as it would be, with its credentials in clear; it has no uuid yet.
        settings: as for `koku_download`.

    Raises:
        SourceRefused: it cannot be read as it is set up; names the field that is wrong.
    """


@hookspec(firstresult=True)
def koku_download(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:  # type: ignore[empty-body]
    """Fetch what is new at a source since `state`. For providers whose sources are asked.

    A delivery is kept before the next one is asked for, and its state is the source's from then on: whoever is killed goes on from there.

    Args:
        source: with its credentials in clear.
        state: what the last `Download` of this source carried; empty at first.
        folder: to write into. It is removed when all is fetched; what an interrupted call has written is there for the next one, which
            `koku_core.bills.places.fetched` makes use of.
        settings: of the library; a source that reads folders of this machine asks `koku_core.intake.local` which it may.

    Raises:
        KokuError: `Transient` if trying again later may help, else `Terminal`.
    """


@hookspec(firstresult=True)
def koku_fetch(source: Source, names: Sequence[str], folder: Path, settings: Settings) -> Download:  # type: ignore[empty-body]
    """Fetch files at a source that somebody has named, as one delivery. Optional, for providers whose sources are asked.

    Owners of a source who make bills of their own have them ingested so (`ingress/reports/`); the `state` of the delivery does not count.

    Args:
        source: with its credentials in clear.
        names: of the files, as they lie at the source.
        folder: an empty folder to write into; it is removed afterwards.
        settings: as for `koku_download`.

    Raises:
        KokuError: a file is not there, or the source cannot be read; `Transient` if trying again later may help.
    """


@hookspec(firstresult=True)
def koku_normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:  # type: ignore[empty-body]
    """Turn the kept files of one delivery into line items.

    Memory must not grow with the number of rows read, only with that of the rows made.

    Args:
        files: the payloads or files of one delivery, in the order they came; read only.
        limits: as for `koku_receive`.
        only: if given, use just these hours of these days (bits, as in `Normalized.hours`) and leave out all else.

    Raises:
        UnreadableCell: with file, row and column.
        PayloadRefused: the archive must not be read.
    """


@hookspec(firstresult=True)
def koku_summarize() -> Summary:  # type: ignore[empty-body]
    """Declare the daily summary and the templates that fill it. Called once."""


@hookspec(firstresult=True)
def koku_report_map() -> ReportMap:  # type: ignore[empty-body]
    """Declare the reports: names of the API → columns, measures and filters of the summary. Called once; data, no code."""


@hookspec(firstresult=True)
def koku_cost_model() -> CostModelSpec:  # type: ignore[empty-body]
    """Declare metrics, markup and distributions. Optional; called once."""


@hookspec(firstresult=True)
def koku_sample(folder: Path, today: date) -> Sample:  # type: ignore[empty-body]
    """Write a small sample of what the provider reads, dated so that its last full day is the day before `today`. Optional.

    `koku demo` and the tests of other packages use it.
    """


@hookspec
def koku_exchange_rates(today: date) -> Mapping[tuple[str, str], Decimal]:  # type: ignore[empty-body]
    """Say what currencies are worth today: (base, target), in codes of ISO 4217, to the amount of the target that one of the base is.

    Optional. Workers ask once a day; what is said holds for the month of `today` and every tenant, but for rates that a tenant has set.
    """


@hookspec
def koku_executors() -> Mapping[str, type[Executor]]:  # type: ignore[empty-body]
    """Offer engines that run summarize templates, by the name that `KOKU_EXECUTOR` chooses them with. Optional."""
