"""Finds the cell that keeps a report from being read: slow, and only done when there is one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from koku_core.errors import PayloadRefused, UnreadableCell
from koku_core.intake.archive import Limits, members
from koku_ocp.blocks import TIME_FORMAT, moment
from koku_ocp.reports import Report

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)\s*", re.IGNORECASE)


def bad_cell(payload: Path, name: str, report: Report, limits: Limits, why: str) -> UnreadableCell | PayloadRefused:
    """The error that names the first cell of a report file that is not what its column must hold.

    Args:
        payload: the archive.
        name: of its member.
        report: what the member is.
        limits: as for reading it.
        why: what the fast reader said, in case that every cell looks right.
    """
    for row, header, cells in _rows(payload, name, limits):
        if len(cells) != len(header):
            return UnreadableCell(name, row, "(all)", f"{len(cells)} cells", f"{len(header)} cells, as the header has")
        for column, value in zip(header, cells, strict=True):
            expected = _expected(report, column, value)
            if expected:
                return UnreadableCell(name, row, column, value[:100], expected)
    return PayloadRefused(payload.name, f"cannot be read ({why[:200]})", member=name)


def _expected(report: Report, column: str, value: str) -> str:
    """What the column must hold, if the value is not that."""
    if column == "interval_start" and moment(value) is None:
        return TIME_FORMAT
    if column in report.numbers and value and not _NUMBER.fullmatch(value):
        return "a number"
    return "text in UTF-8" if column in report.columns and "\ufffd" in value else ""


def _rows(payload: Path, name: str, limits: Limits) -> Iterator[tuple[int, list[str], list[str]]]:
    """The rows of a member with their numbers (the header is row 1) and the header."""
    for member in members(payload, limits):
        if member.name != name:
            continue
        text = io.TextIOWrapper(io.BufferedReader(member.stream), "utf-8-sig", "replace", newline="")  # type: ignore[type-var]  # a stream that only reads
        reader = csv.reader(line.replace("\0", "") for line in text)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            for row, cells in enumerate(reader, start=2):
                if cells:
                    yield row, header, cells
        except csv.Error:
            return
