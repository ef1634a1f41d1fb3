"""`koku lines`: the line items behind the figures of a report."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koku_core.cli.data import KeyValues, pairs
from koku_core.cli.output import note, table
from koku_core.cli.session import Json, opened

if TYPE_CHECKING:
    from koku_core.lines.answer import Lines

#: How many line items people are shown.
_SHOWN = 100


def lines(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="The provider's part of the path and the report's name.")],
    row: Annotated[KeyValues, typer.Option(metavar="NAME=VALUE", help="Of one row: date=2026-11, project=shop. May be repeated.")] = None,
    group_by: Annotated[KeyValues, typer.Option(metavar="KEY[=VALUE,…]", help="May be repeated; what --row names need not be.")] = None,
    filter_: Annotated[KeyValues, typer.Option("--filter", metavar="KEY=VALUE,…", help="May be repeated.")] = None,
    exclude: Annotated[KeyValues, typer.Option(metavar="KEY=VALUE,…", help="May be repeated.")] = None,
    months: Annotated[int | None, typer.Option(help="-1: this month; -2, -3: one whole month before.")] = None,
    days: Annotated[int | None, typer.Option(help="-10, -30 or -90.")] = None,
    start: Annotated[str | None, typer.Option(metavar="DAY", help="The first day, instead of months or days.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DAY", help="The last day.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help=f"At most so many; a table shows {_SHOWN}.")] = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:  # fmt: skip
    """Show the line items behind a report or a row of it, for example `koku lines openshift/costs --row project=shop --months -2`.

    With --json they are JSON objects, one a line, with --csv a table: written while they are read, however many.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    wanted = pairs(row) or {}
    groups = pairs(group_by, "*") or {name: "*" for name in wanted if name != "date"}
    options = {
        "group_by": groups, "filter": pairs(filter_), "exclude": pairs(exclude), "months": months, "days": days, "start": start, "end": end,
    }  # fmt: skip
    with opened(context) as koku:
        found = koku.line_items(path, wanted, **{k: v for k, v in options.items() if v is not None})
        if json or csv:
            sys.stdout.writelines(found.ndjson(limit) if json else found.csv(limit))
        else:
            _show(found, limit or _SHOWN)


def _show(found: Lines, limit: int) -> None:
    """A table of the first ones, without columns that all of them leave empty."""
    listed: list[dict[str, Any]] = list(islice(found.rows(), limit + 1))
    shown = listed[:limit]
    names = dict.fromkeys(name for row in shown for name, value in row.items() if value not in (None, "", {}))
    table(shown, [n for n in names if n != "source_uuid"], empty="There are none.")
    if len(listed) > limit:
        note(f"The first {limit}; --json and --csv write all, --limit more.")
