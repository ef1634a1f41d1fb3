"""From the payloads of one delivery to line items: unpacked, parsed and folded to days in one pass, a block at a time."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from koku_core.declare.deliveries import FileCount, Normalized
from koku_core.intake.archive import Limits, Member, members
from koku_core.intake.fold import Fold
from koku_ocp import datasets, download
from koku_ocp.blocks import Block, Unreadable, chunks, read_block, read_header
from koku_ocp.cells import bad_cell
from koku_ocp.corrections import doubled, numbered, superseded, without
from koku_ocp.days import day_fold, day_rows, gpu_nodes, line_items, node_days, node_fold, node_rows, reported
from koku_ocp.reports import NODE_LABELS, POD, Report, detect

if TYPE_CHECKING:
    import pyarrow as pa

_WORKERS = 2


@dataclass(slots=True)
class _File:
    """One report file as it is read."""

    payload: Path
    name: str
    header: tuple[str, ...]
    rows: int = 0
    days: Counter[date] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Folded:
    """What one kind of report has come to so far."""

    report: Report
    days: Fold
    nodes: Fold = field(default_factory=node_fold)
    files: list[_File] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, report: Report) -> _Folded:
        return cls(report, day_fold(report))

    def fold(self, rows: pa.Table) -> tuple[pa.Table, pa.Table | None]:
        """A block's groups: by day, and for pods by node and hour. Called from several threads."""
        nodes = self.nodes.block(node_rows(rows)) if self.report is POD else None
        return self.days.block(day_rows(self.report, rows)), nodes

    def add(self, groups: pa.Table, nodes: pa.Table | None) -> None:
        """Take in a block's groups."""
        self.days.add(groups)
        if nodes is not None:
            self.nodes.add(nodes)


def normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold the reports of one delivery to days.

    Raises:
        UnreadableCell: with file, row and column.
        PayloadRefused: an archive must not be read.
    """
    import pyarrow as pa

    with ThreadPoolExecutor(_WORKERS) as pool:
        made = _Reading(limits, only, pool).run(files)
    pa.default_memory_pool().release_unused()
    return made


class _Reading:
    """One pass over the payloads of a delivery."""

    def __init__(self, limits: Limits, only: Mapping[date, int] | None, pool: ThreadPoolExecutor) -> None:
        self._limits, self._only, self._pool = limits, only, pool
        self._folds: dict[str, _Folded] = {}
        self._hours: dict[date, int] = {}
        self._unknown: list[str] = []
        self._pending: deque[tuple[_Folded, _File, Future[tuple[Block, pa.Table | None]]]] = deque()

    def run(self, payloads: Sequence[Path]) -> Normalized:
        """Read them all; a file that came twice counts as it came last."""
        seen: set[str] = set()
        other: set[str] = set()
        for payload in reversed(payloads):
            for member in members(payload, self._limits):
                if member.name == download.MANIFEST:
                    other.update(download.read_manifest(payload, member, self._limits).other)
                elif member.name not in seen:
                    seen.add(member.name)
                    self._read(payload, member)
        self._collect(0)
        for name, folded in self._folds.items():
            self._folds[name] = self._corrected(folded)
        return self._made([name for name in self._unknown if name not in other])

    def _read(self, payload: Path, member: Member) -> None:
        header, stream = read_header(member.stream)
        report = detect(header)
        if report is None:
            self._unknown.append(member.name)
            return
        folded = self._folds.setdefault(report.name, _Folded.of(report))
        file = _File(payload, member.name, header)
        folded.files.append(file)
        try:
            for data in chunks(stream):
                self._pending.append((folded, file, self._pool.submit(self._fold, folded, file, data)))
                self._collect(_WORKERS)
        except Unreadable as error:
            raise bad_cell(payload, member.name, report, self._limits, str(error)) from error

    def _fold(self, folded: _Folded, file: _File, data: bytes) -> tuple[Block, pa.Table | None]:
        block = read_block(folded.report, file.header, data, self._only)
        block.rows, nodes = folded.fold(block.rows)
        return block, nodes

    def _collect(self, waiting: int) -> None:
        """Take in finished blocks until no more than `waiting` are under way."""
        while len(self._pending) > waiting:
            folded, file, future = self._pending.popleft()
            try:
                block, nodes = future.result()
            except Unreadable as error:
                raise bad_cell(file.payload, file.name, folded.report, self._limits, str(error)) from error
            file.rows += block.total
            file.days += block.days
            file.left_out += block.left_out
            for day, bits in block.hours.items():
                self._hours[day] = self._hours.get(day, 0) | bits
            folded.add(block.rows, nodes)

    def _corrected(self, folded: _Folded) -> _Folded:
        """The same without rows that a later one corrects."""
        found = folded.days.result()
        twice = None if found is None else doubled(folded.report, found)
        if twice is None:
            return folded
        folded.files.sort(key=lambda file: _order(file.name))
        losers = superseded(folded.report, numbered(self._again(folded)), twice)
        made = _Folded.of(folded.report)
        made.files = folded.files
        for rows in numbered(self._again(folded)):
            made.add(*made.fold(without(rows, losers)))
        return made

    def _again(self, folded: _Folded) -> Iterator[pa.Table]:
        """The rows of a report, read once more, file by file."""
        for file in folded.files:
            for member in members(file.payload, self._limits):
                if member.name == file.name:
                    header, stream = read_header(member.stream)
                    for data in chunks(stream):
                        yield read_block(folded.report, header, data, self._only).rows
                    break

    def _made(self, unknown: Sequence[str]) -> Normalized:
        keys: set[str] = set()
        tables: dict[str, pa.Table] = {}
        counts: list[FileCount] = []
        for folded in self._folds.values():
            tables |= {d.name: d.normalized_schema.empty_table() for d in reported(folded.report)}
            days, nodes = folded.days.result(), folded.nodes.result()
            if days is not None:
                made = line_items(folded.report, days, keys)
                tables[folded.report.dataset.name] = made
                if folded.report is NODE_LABELS:
                    tables[datasets.GPU_NODE_DAYS.name] = gpu_nodes(made)
            if nodes is not None:
                tables[datasets.NODE_DAYS.name] = node_days(nodes)
            counts += [
                FileCount(f.name, folded.report.name, f.rows, dict(f.days), dict(f.left_out)) for f in folded.files
            ]
        counts.sort(key=lambda count: _order(count.file))
        return Normalized(tables, self._hours, frozenset(keys), counts, _warnings(counts, unknown))


def _warnings(counts: Sequence[FileCount], unknown: Sequence[str]) -> list[str]:
    made = [f"{name} was not read: its columns are those of no report that is known" for name in unknown]
    for count in counts:
        made += [f"{count.file}: {number} rows were left out: {why}" for why, number in count.left_out.items()]
    return made


def _order(name: str) -> list[tuple[int, str]]:
    """Sorts the parts of a file by their number: part 10 after part 9."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", name)]
