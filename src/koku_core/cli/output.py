"""What commands write: tables and progress for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from koku_core.jsonable import plain
from koku_core.progress import Progress, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Write rows as a table; `empty` if there are none."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    listed = list(rows)
    if not listed:
        Console().print(empty, style="dim")
        return
    made = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold")
    for row in listed:
        made.add_row(*(_text(row.get(c)) for c in columns))
    Console(width=None if sys.stdout.isatty() else 1000).print(made)


def listing(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, json: bool, empty: str) -> None:
    """Write rows for programs, or as a table for people."""
    if json:
        write_json(rows)
    else:
        table(rows, columns, empty=empty)


def show(answer: Any) -> None:
    """Write an answer as a table; a terminal that is too narrow for it gets the columns that say most, a pipe gets all."""
    from rich.console import Console

    made = answer.__rich__()
    console = Console(width=None if sys.stdout.isatty() else 1000)
    left_out = _narrow(made, console)
    console.print(made)
    if left_out:
        note(f"{len(left_out)} columns left out for want of width; --csv has them all.")


def _narrow(made: RichTable, console: Console) -> list[str]:
    """Take columns out of a table until it fits: figures before the last one, then what describes a row beyond its first two."""
    left_out: list[str] = []
    endless = console.options.update(max_width=10_000)
    while console.measure(made, options=endless).maximum > console.width:
        figures = [c for c in made.columns if c.justify == "right"]
        texts = [c for c in made.columns if c.justify != "right"]
        spare = figures[:-1] or texts[:1:-1]
        if not spare:
            break
        made.columns.remove(spare[0])
        left_out.append(str(spare[0].header))
    return left_out


def write_json(value: Any) -> None:
    """Write JSON, with times in ISO 8601 and decimals as numbers."""
    import orjson

    text = orjson.dumps(value, default=plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(text.decode() + "\n")


def note(text: str) -> None:
    """Write a line for people, beside the output that a program may read."""
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(text, markup=False)


def progress(title: str) -> AbstractContextManager[Progress]:
    """A bar for work that takes a while; gives what the library calls with (done, total, what). Silent where nobody looks."""
    return shown(title, delay_s=0)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
