"""From the payloads of one delivery to line items: unpacked, parsed and folded to days in one pass, a block at a time."""

from __future__ import annotations

import csv
import io
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from koku_core.declare.deliveries import FileCount, Normalized
from koku_core.intake.archive import Limits, Member, members
from koku_ocp import days, download
from koku_ocp.blocks import Block, chunks, read_block
from koku_ocp.fold import Fold
from koku_ocp.reports import POD, Report, detect

if TYPE_CHECKING:
    import pyarrow as pa

_WORKERS = 2


@dataclass(slots=True)
class _Folded:
    """What one kind of report has come to so far."""

    report: Report
    days: Fold
    nodes: Fold = field(default_factory=days.node_fold)
    parts: int = 0


@dataclass(slots=True)
class _File:
    """One report file as it is read."""

    payload: Path
    name: str
    report: Report
    header: tuple[str, ...]
    rows: int = 0
    days: Counter[date] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold the reports of one delivery to days.

    Raises:
        UnreadableCell: with file, row and column.
        PayloadRefused: an archive must not be read.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        return _Reading(limits, only, pool).run(files)


class _Reading:
    """One pass over the files of a delivery."""

    def __init__(self, limits: Limits, only: Mapping[date, int] | None, pool: ThreadPoolExecutor) -> None:
        self._limits, self._only, self._pool = limits, only, pool
        self._folds: dict[str, _Folded] = {}
        self._files: list[_File] = []
        self._hours: dict[date, int] = {}
        self._warnings: list[str] = []
        self._pending: deque[tuple[_File, Future[tuple[Block, pa.Table, pa.Table | None]]]] = deque()

    def run(self, payloads: Sequence[Path]) -> Normalized:
        seen: set[str] = set()
        other: set[str] = set()
        unknown: list[str] = []
        for payload in reversed(payloads):  # a file that came twice counts as it came last
            for member in members(payload, self._limits):
                if member.name == download.MANIFEST:
                    other.update(download.read_manifest(payload, member, self._limits).other)
                elif member.name not in seen:
                    seen.add(member.name)
                    self._read(payload, member, unknown)
        self._collect(0)
        self._warnings += [
            f"{name} was not read: its columns are those of no report that is known"
            for name in unknown
            if name not in other
        ]
        return self._made()

    def _read(self, payload: Path, member: Member, unknown: list[str]) -> None:
        header, stream = _header(member.stream)
        report = detect(header)
        if report is None:
            unknown.append(member.name)
            return
        file = _File(payload, member.name, report, header)
        self._files.append(file)
        folded = self._folds.setdefault(report.name, _Folded(report, days.day_fold(report)))
        for data in chunks(stream):
            self._pending.append((file, self._pool.submit(_fold, folded, header, data, self._only)))
            self._collect(_WORKERS)

    def _collect(self, waiting: int) -> None:
        """Take in finished blocks until no more than `waiting` are under way."""
        while len(self._pending) > waiting:
            file, future = self._pending.popleft()
            block, groups, nodes = future.result()
            file.rows += block.total
            file.days += block.days
            file.left_out += block.left_out
            for day, bits in block.hours.items():
                self._hours[day] = self._hours.get(day, 0) | bits
            folded = self._folds[file.report.name]
            folded.days.add(groups)
            if nodes is not None:
                folded.nodes.add(nodes)

    def _made(self) -> Normalized:
        keys: set[str] = set()
        tables: dict[str, pa.Table] = {}
        for folded in self._folds.values():
            for dataset in days.reported(folded.report):
                tables[dataset.name] = dataset.normalized_schema.empty_table()
            found, nodes = folded.days.result(), folded.nodes.result()
            if found is not None:
                tables[folded.report.dataset.name] = days.line_items(folded.report, found, keys)
            if nodes is not None:
                tables[days.datasets.NODE_DAYS.name] = days.node_days(nodes)
        counts = [FileCount(f.name, f.report.name, f.rows, dict(f.days), dict(f.left_out)) for f in self._files]
        return Normalized(tables, self._hours, frozenset(keys), sorted(counts, key=lambda c: c.file), self._warnings)


def _fold(
    folded: _Folded, header: tuple[str, ...], data: bytes, only: Mapping[date, int] | None
) -> tuple[Block, pa.Table, pa.Table | None]:
    block = read_block(folded.report, header, data, only)
    nodes = folded.nodes.block(days.node_rows(block.rows)) if folded.report is POD else None
    groups = folded.days.block(days.day_rows(folded.report, block.rows))
    block.rows = groups
    return block, groups, nodes


def _header(stream: BinaryIO) -> tuple[tuple[str, ...], BinaryIO]:
    """The names of the first line, and a stream of what follows it."""
    start = b""
    while b"\n" not in start and len(start) < 1 << 20:
        data = stream.read(64 << 10)
        if not data:
            break
        start += data
    line, _, rest = start.partition(b"\n")
    text = line.decode("utf-8-sig", "replace").strip()
    names = tuple(name.strip() for name in next(csv.reader([text]), []))
    return names, _Joined(rest, stream)


class _Joined(io.RawIOBase):
    """A few bytes, then the rest of a stream."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        if self._first:
            found, self._first = self._first, b""
            return found + self._rest.read(size - len(found)) if size > len(found) else found
        return self._rest.read(size)
