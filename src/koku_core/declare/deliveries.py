"""What passes between the download and normalize hooks: receipts, files, normalized tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

#: The hours mask of a delivery that replaces whole days.
WHOLE_DAY = -1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a pushed payload says of itself, read from its manifest without reading its data.

    Attributes:
        delivery: the package's own id; payloads of one id belong together (a split package).
        source_key: value of the source type's `key` field (the cluster id).
        expected: names of all files of the package; it is complete when all have come.
        present: those of them that this payload holds.
        made: when the package was made.
        details: facts worth keeping (operator version, …), JSON values.
        start, end: first and last moment covered, if it says so.
    """

    delivery: str
    source_key: str
    expected: tuple[str, ...]
    present: tuple[str, ...]
    made: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Download:
    """One delivery fetched from a source: files on disk that the core moves beside the lake.

    Attributes:
        delivery: an id that is the same whenever the same state of the source is fetched.
        files: paths in the folder that the hook was given.
        state: what the hook wants to be given next time (ETags, cursor), JSON values.
        details: facts worth keeping, JSON values.
        warnings: what somebody should know of how it was fetched, a sentence each.
    """

    delivery: str
    files: tuple[Path, ...]
    state: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FileCount:
    """What came in by one file: its type, its rows, the days they lie in, and rows left out with the reason."""

    file: str
    kind: str
    rows: int
    days: Mapping[date, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Normalized:
    """What the normalize hook makes of the files of one delivery.

    Attributes:
        tables: for each dataset's name an Arrow table of its `normalized_schema`. A dataset whose file was in the delivery must be here,
            with no rows if the file has none; one whose file was not is left out, and stays as it is in the lake.
        hours: for each day the hours that the delivery covers, as bits (hour h = 1 << h); `WHOLE_DAY` replaces the day whatever was there.
        tag_keys: label keys seen, for the tag settings.
        label_keys: keys seen of labels beside the tags, by their name.
        files: what came in, for people.
        warnings: what somebody should know, a sentence each.
    """

    tables: Mapping[str, pa.Table]
    hours: Mapping[date, int]
    tag_keys: frozenset[str] = frozenset()
    files: Sequence[FileCount] = ()
    warnings: Sequence[str] = ()
    label_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A small sample of a provider's input, for demonstrations and tests.

    Attributes:
        source_type: which of the provider's source types it is for.
        name: for the source.
        credentials, data_source: for the source.
        payloads: files to ingest, in order.
        cost_model: body of a cost model that prices it (`source_uuids` left out), or None.
        tag_keys: label keys worth enabling.
        report, question: a report that shows it well, and how to ask it: arguments of `Koku.report`.
    """

    source_type: str
    name: str
    credentials: Mapping[str, Any]
    payloads: tuple[Path, ...]
    data_source: Mapping[str, Any] = field(default_factory=dict)
    cost_model: Mapping[str, Any] | None = None
    tag_keys: tuple[str, ...] = ()
    report: str = ""
    question: Mapping[str, Any] = field(default_factory=dict)
