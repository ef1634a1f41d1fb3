"""Answers for people: a table in a terminal or a notebook, without what is zero, empty or the same in every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from koku_core.reports.flat import Column

Rows = Sequence[Mapping[str, Any]]
_LEFT_OUT = ("source_uuid", "base_currency", "exchange_rate", "rank")


def text(rows: Rows, columns: Mapping[str, Column]) -> str:
    """A table of plain text."""
    header, cells, right = _cells(rows, columns)
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    lines = [header, ["─" * w for w in widths], *cells]
    padded = ([c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def rich_table(rows: Rows, columns: Mapping[str, Column]) -> Table:
    """A table for a terminal."""
    from rich import box
    from rich.table import Table

    header, cells, right = _cells(rows, columns)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for name, is_right in zip(header, right, strict=True):
        table.add_column(name, justify="right" if is_right else "left")
    for line in cells:
        table.add_row(*line)
    return table


def html(rows: Rows, columns: Mapping[str, Column]) -> str:
    """A table for a notebook."""
    header, cells, right = _cells(rows, columns)
    styles = ["text-align: right" if r else "text-align: left" for r in right]
    lines = [("th", header), *(("td", line) for line in cells)]
    made = [
        "<tr>" + "".join(f'<{tag} style="{s}">{escape(c)}</{tag}>' for c, s in zip(line, styles, strict=True)) + "</tr>"
        for tag, line in lines
    ]
    return f"<table>{''.join(made)}</table>"


def _cells(rows: Rows, columns: Mapping[str, Column]) -> tuple[list[str], list[list[str]], list[bool]]:
    """Header, cells, and which columns are numbers."""
    listed = [row if isinstance(row, Mapping) else {"value": row} for row in rows]
    names = [n for n in (columns or dict.fromkeys(n for row in listed for n in row)) if _worth(n, listed)]
    units = {n: columns[n].unit for n in names if n in columns}
    header = [f"{n} [{units[n]}]" if units.get(n) else n for n in names]
    numbers = [bool(columns) and columns[n].kind in ("number", "integer") for n in names]
    return header, [[_cell(row.get(n)) for n in names] for row in listed], numbers


def _worth(name: str, rows: Rows) -> bool:
    """Whether a column says something: the first two always do."""
    shown = name not in _LEFT_OUT and not name.endswith(("_units", ".units"))
    return shown and (name == "date" or any(row.get(name) for row in rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, Mapping):
        return " ".join(map(_cell, value.values()))
    return ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)
