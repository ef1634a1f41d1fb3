"""What came in by a report, for people: as text in a terminal, as a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from koku_core.declare.deliveries import FileCount

HEADINGS = ("file", "kind", "day", "rows", "left out")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came in by one report.

    Attributes:
        report_id, delivery, source: which report, and the name of its source.
        state: `done`; `waiting` if files of its package have not come yet, or its source has not.
        files: rows of each file, by day.
        months: those that were published.
        warnings: what somebody should know.
    """

    report_id: int
    delivery: str
    source: str
    state: str
    files: tuple[FileCount, ...] = ()
    months: tuple[date, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Ingested:
        """From a row of the table `report`, with `source_name` and `complete`."""
        warnings = list(report["warnings"])
        if report["state"] == "waiting":
            warnings.append(
                "it waits for the rest of its package" if not report["complete"] else "it waits for its source"
            )
        files = (
            FileCount(**{**f, "days": {date.fromisoformat(d): n for d, n in f["days"].items()}})
            for f in report["counts"]
        )
        return cls(
            report["id"], report["delivery"], report["source_name"] or report["source_key"], report["state"], tuple(files),
            tuple(report["months"]), tuple(warnings),
        )  # fmt: skip

    @property
    def rows(self) -> int:
        """How many rows its files had."""
        return sum(f.rows for f in self.files)

    def table(self) -> list[tuple[str, str, str, int, int]]:
        """File, kind, day, rows of the day, rows left out; the last are told once for each file."""
        lines = []
        for file in self.files:
            left_out = sum(file.left_out.values())
            for day, count in sorted((d.isoformat(), n) for d, n in file.days.items()) or [("", 0)]:
                lines.append((file.file, file.kind, day, count, left_out))
                left_out = 0
        return lines

    def _title(self) -> str:
        months = ", ".join(f"{m:%Y-%m}" for m in self.months)
        return f"{self.source}: report {self.delivery}, {self.state}, {self.rows} rows" + (
            f" of {months}" if months else ""
        )

    def __str__(self) -> str:
        """The counts as a table of text."""
        cells = [HEADINGS, *(tuple(str(cell) for cell in line) for line in self.table())]
        widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        return "\n".join([self._title(), *(lines if self.files else []), *(f"Warning: {w}" for w in self.warnings)])

    def _repr_html_(self) -> str:
        """The counts as an HTML table."""
        head = "".join(f"<th>{h}</th>" for h in HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in line) + "</tr>" for line in self.table()
        )
        said = "".join(f"<p>{html.escape(w)}</p>" for w in self.warnings)
        return f"<p>{html.escape(self._title())}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}"


def counts_json(files: Iterable[FileCount]) -> list[dict[str, Any]]:
    """The counts as JSON values, as `Ingested.of` reads them."""
    return [{**asdict(f), "days": {day.isoformat(): count for day, count in f.days.items()}} for f in files]
