"""An answer, in whatever form it is wanted: the JSON of the API, CSV, Arrow, pandas, a table or a picture for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from koku_core.reports import csv

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    import pyarrow as pa
    from rich.table import Table as RichTable

    from koku_core.reports.flat import Column
    from koku_core.reports.subject import Subject

Rows = Callable[[], Iterable[Mapping[str, Any]]]


@dataclass
class Answer:
    """The answer to one question.

    Attributes:
        etag: the same for the same answer; from versions of data and settings, day, access, question and format.
        make: makes the JSON body, when it is first asked for.
        rows: the flat rows, under the names of CSV.
        columns: of the flat rows, with what they hold and their units; empty: the rows speak for themselves.
        streamed: CSV of rows that are read while it is written; None: from `rows`.
        subject: what a picture of it is about; None: it has nothing to draw.
    """

    etag: str
    make: Callable[[], dict[str, Any]] = field(repr=False)
    rows: Rows = field(repr=False, default=list)
    columns: Mapping[str, Column] = field(default_factory=dict, repr=False)
    streamed: Iterator[str] | None = field(default=None, repr=False)
    subject: Subject | None = field(default=None, repr=False)

    @cached_property
    def _body(self) -> dict[str, Any]:
        return self.make()

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        return list(self.rows())

    @cached_property
    def _named(self) -> tuple[list[Mapping[str, Any]], Mapping[str, Column]]:
        """Rows and columns under names for people: `tag:app` instead of what CSV calls a tag's column, `account` instead of `id`."""
        names = self.subject.names if self.subject else {}
        if not names:
            return self._rows, self.columns
        rows: list[Mapping[str, Any]] = [{names.get(n, n): v for n, v in row.items()} for row in self._rows]
        return rows, {names.get(n, n): c for n, c in self.columns.items()}

    def body(self) -> dict[str, Any]:
        """The wire form: `meta`, `links`, `data`."""
        return self._body

    def to_json(self) -> str:
        """The wire form as text."""
        import orjson

        return orjson.dumps(self.body()).decode()

    def csv(self) -> Iterator[str]:
        """CSV in pieces: a header, then a line for each row, with full decimals."""
        return self.streamed if self.streamed is not None else csv.write_all(self._rows)

    def to_arrow(self) -> pa.Table:
        """The flat rows, typed: decimals, dates, lists; units are in the metadata of the fields."""
        from koku_core.reports.arrow import to_arrow

        return to_arrow(*self._named)

    def to_pandas(self) -> pd.DataFrame:
        """The flat rows as a data frame; decimals stay decimals."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def plot(self, figure: str | None = None) -> alt.TopLevelMixin:
        """A chart: costs stacked by group over time, quantities as lines beside each other, one date as bars.

        Args:
            figure: the column to draw, such as `cost_total_distributed`; default: what the rows are ordered by, quantities with those of
                the same unit.

        Raises:
            UnknownName: the answer has no such figure.
            ModuleNotFoundError: charts are not installed; the message says how to get them.
        """
        from koku_core.reports.plot import chart

        return chart(self._rows, self.columns, self.subject, figure)

    def __rich__(self) -> RichTable:
        from koku_core.reports.show import rich_table

        return rich_table(*self._named)

    def __str__(self) -> str:
        from koku_core.reports.show import text

        return text(*self._named)

    def _repr_html_(self) -> str:
        from koku_core.reports.show import html

        return html(*self._named)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What IPython shows: the table, as text where there is no HTML."""
        return {"text/plain": str(self), "text/html": self._repr_html_()}
