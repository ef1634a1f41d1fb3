"""The points of a picture: for each bucket, group and figure a value; small groups folded into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from koku_core.reports.subject import Subject

OTHERS = "Others"


class Points:
    """Values by bucket, group and figure.

    Attributes:
        figures: the columns that the values are of.
        dates: the buckets, in order, as the answer writes them.
        groups: the groups' names, largest first, `Others` last.
        of: how many groups there are in all, as far as the answer tells.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], subject: Subject, figures: Sequence[str]) -> None:
        self.figures, self._subject = tuple(figures), subject
        values: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for row in rows:
            group = _group(row, subject)
            for figure in figures:
                values[row["date"], group, figure] += row[figure] or 0
        self._take(values)
        self.of = len(self.groups)

    def _take(self, values: Mapping[tuple[str, str, str], Decimal]) -> None:
        self._values = values
        sizes: dict[str, Decimal] = defaultdict(Decimal)
        for (_, group, figure), value in values.items():
            sizes[group] += abs(value) if figure == self.figures[0] else 0
        self.dates = sorted({date for date, _, _ in values})
        ordered = sorted(sizes, key=lambda g: (g == OTHERS, -sizes[g], g))
        self.groups = [g for g in ordered if sizes[g]] or ordered

    @property
    def nothing(self) -> bool:
        """Whether all values are 0, as costs are without prices."""
        return not any(self._values.values())

    def top(self, count: int, *, others: bool = True) -> Points:
        """The largest groups alone, the rest folded into `Others` or left out."""
        shown = set([g for g in self.groups if g != OTHERS][:count])
        if len(self.groups) == count + 1 and others:  # no need to hide a single one
            shown = set(self.groups)
        folded: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for (date, group, figure), value in self._values.items():
            if group in shown or (others and group in self.groups):
                folded[date, group if group in shown else OTHERS, figure] += value
        made = Points((), self._subject, self.figures)
        made._take(folded)
        made.of = self.of
        return made

    def rows(self) -> list[dict[str, Any]]:
        """A row for each bucket, group and figure that there is, of groups that are not nothing everywhere."""
        return [
            {"bucket": bucket, "group": group, "figure": figure, "value": float(value), "shown": f"{value:,.2f}",
             "rank": self.groups.index(group)}
            for (bucket, group, figure), value in self._values.items() if group in self.groups
        ]  # fmt: skip


def _group(row: Mapping[str, Any], subject: Subject) -> str:
    """What a row's group is called; without a value as answers call it."""
    names = [f"No-{label}" if row[column] is None else str(row[column]) for column, label in subject.groups]
    if subject.folded and any(name in ("Other", OTHERS) for name in names):
        return OTHERS
    return " · ".join(names) or "all"
