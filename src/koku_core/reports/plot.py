"""Answers as pictures: money as stacked bars by group over time, quantities as lines beside each other, one bucket as bars to compare.

The declarations of the report decide what is drawn (`Subject`), the rows how: over time if there are several dates. Decimals become floats
here alone, where a pixel is the smallest difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from koku_core.clock import month_end
from koku_core.errors import UnknownName
from koku_core.reports.points import OTHERS, Points

if TYPE_CHECKING:
    import altair as alt

    from koku_core.reports.flat import Column
    from koku_core.reports.subject import Subject

#: What pictures may be saved as, by suffix.
SUFFIXES = (".html", ".json", ".pdf", ".png", ".svg")
_COLORS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d", "#ff9da6", "#2f5d62")
_GREY = "#bab0ac"
_WIDTH, _HEIGHT, _STEP, _TICKS = 640, 320, 24, 6
#: Groups that are drawn one by one: as a colour, as a bar, as a panel of lines.
_SHADES, _BARS, _PANELS = 9, 20, 6
#: A bucket as its axis tells it; texts, so that no time zone moves a day.
_DAY, _MONTH = (
    "timeFormat(toDate(datum.value + 'T00:00:00'), '%-d %b')",
    "timeFormat(toDate(datum.value + '-01T00:00:00'), '%b %Y')",
)


def save(chart: alt.TopLevelMixin, path: Path) -> None:
    """Write a picture in the format of the path's suffix; HTML needs no network to be read.

    Raises:
        UnknownName: there is no such format.
        ModuleNotFoundError: as `check`.
    """
    check(path)
    kind: Any = path.suffix.lower()[1:]
    chart.save(str(path), format=kind, inline=kind == "html", scale_factor=2 if kind == "png" else 1)


def check(path: Path) -> None:
    """Make sure that pictures can be written so.

    Raises:
        UnknownName: there is no such format.
        ModuleNotFoundError: what draws is not installed; the message says how to get it.
    """
    _need("altair")
    _need("vl_convert")
    if path.suffix.lower() not in SUFFIXES:
        raise UnknownName("format of pictures", path.suffix or path.name, SUFFIXES)


def chart(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Column], subject: Subject | None, figure: str | None = None
) -> alt.TopLevelMixin:
    """Draw flat rows.

    Args:
        rows: of the answer.
        columns: of the rows.
        subject: what the answer is about; None: nothing that can be drawn.
        figure: the column to draw; default: what the rows are ordered by, for quantities together with those of the same unit.

    Raises:
        UnknownName: there is no such figure.
        ModuleNotFoundError: altair is not installed; the message says how to get it.
    """
    _need("altair")
    numbers = [n for n, c in columns.items() if c.kind in ("number", "integer") and n != "rank"]
    if figure is not None and columns and figure not in numbers:
        raise UnknownName("figure", figure, numbers)
    if subject is None or not rows:
        return _configured(_message("There are no data for this question.", subject))
    together = () if figure else subject.together
    points = Points(rows, subject, together or (figure or subject.figure,))
    if points.nothing:
        return _configured(_message("All values are 0. `koku doctor` says whether something is missing.", subject))
    picture = _Picture(points, columns, subject)
    return _configured(picture.together() if together else picture.alone())


def _need(module: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        how = "pip install 'koku-core[notebook]'"
        raise ModuleNotFoundError(f"Charts need {error.name}: {how}", name=error.name) from error


class _Picture:
    """One picture of some points."""

    def __init__(self, points: Points, columns: Mapping[str, Column], subject: Subject) -> None:
        self._points, self._subject, self._figures = points, subject, points.figures
        self._unit = columns[self._figures[0]].unit
        self._sign = _sign(self._unit) if self._figures[0] in subject.money else ""
        self._labels = [subject.labels.get(f, f.replace("_", " ").capitalize()) for f in self._figures]

    def alone(self) -> alt.TopLevelMixin:
        """One figure: stacked over time, or as bars to compare."""
        return self._stacked() if len(self._points.dates) > 1 else self._compared()

    def together(self) -> alt.TopLevelMixin:
        """Several figures of one unit: as lines over time, in a panel for each group, or as bars side by side."""
        if len(self._points.dates) == 1:
            return self._side_by_side()
        if self._subject.groups:
            return self._panels()
        return self._lines(self._points, _WIDTH, _HEIGHT).properties(title=self._title(self._points))

    def _stacked(self) -> alt.TopLevelMixin:
        import altair as alt

        points = self._points.top(_SHADES)
        base = alt.Chart(_data(points.rows()), width=_WIDTH, height=_HEIGHT, title=self._title(points))
        drawn: alt.Chart = base.mark_bar().encode(
            x=self._time(points), y=alt.Y("value:Q", **self._axis()), order=alt.Order("rank:Q"), tooltip=self._tooltip()
        )
        return drawn.encode(color=self._color(points)) if self._subject.groups else drawn

    def _compared(self) -> alt.TopLevelMixin:
        import altair as alt

        points = self._points.top(_BARS)
        rows = [r | {"label": f"{self._sign}{r['shown']}", "end": max(r["value"], 0)} for r in points.rows()]
        bar = "group:N" if self._subject.groups else "bucket:N"
        base = alt.Chart(_data(rows), width=_WIDTH, height=alt.Step(_STEP)).encode(
            y=alt.Y(bar, sort=points.groups, title=None, axis=alt.Axis(labelLimit=260, ticks=False)),
            tooltip=self._tooltip(),
        )
        grey = alt.condition(f"datum.group === '{OTHERS}'", alt.value(_GREY), alt.value(_COLORS[0]))
        bars = base.mark_bar().encode(x=alt.X("value:Q", **self._axis()), color=grey)
        texts = base.mark_text(align="left", dx=4).encode(x=alt.X("end:Q", **self._axis()), text="label:N")
        drawn: alt.LayerChart = (bars + texts).properties(title=self._title(points))
        return drawn

    def _side_by_side(self) -> alt.TopLevelMixin:
        import altair as alt

        points = self._points.top(_BARS)
        place: dict[str, Any] = {"sort": points.groups, "title": None, "axis": alt.Axis(labelLimit=260, ticks=False)}
        base = alt.Chart(_data(self._named(points.rows())), width=_WIDTH, title=self._title(points)).mark_bar()
        drawn: alt.Chart = base.encode(x=alt.X("value:Q", **self._axis()), tooltip=self._tooltip("figure"))
        if not self._subject.groups:
            place["sort"] = self._labels
            return drawn.encode(y=alt.Y("figure:N", **place), color=self._shades().legend(None))
        beside = alt.YOffset("figure:N", sort=self._labels)
        drawn = drawn.encode(y=alt.Y("group:N", **place), color=self._shades(), yOffset=beside)
        return drawn.properties(height=alt.Step(12))

    def _panels(self) -> alt.TopLevelMixin:
        import altair as alt

        points = self._points.top(_PANELS, others=False)
        named = alt.Facet("group:N", sort=points.groups, title=None, header=alt.Header(labelFontSize=12))
        panels = self._lines(points, _WIDTH // 2 - 20, 130).facet(named, columns=2)
        drawn: alt.FacetChart = panels.properties(title=self._title(points))
        return drawn

    def _lines(self, points: Points, width: int, height: int) -> alt.Chart:
        import altair as alt

        dashed = alt.StrokeDash(
            "figure:N", legend=None,
            scale=alt.Scale(domain=self._labels, range=[[6, 4] if n == "capacity" else [1, 0] for n in self._figures]),
        )  # fmt: skip
        base = alt.Chart(_data(self._named(points.rows())), width=width, height=height)
        drawn: alt.Chart = base.mark_line(point=len(points.dates) < 5, strokeWidth=2).encode(
            x=self._time(points), y=alt.Y("value:Q", **self._axis(height // 32)),
            color=self._shades(symbolType="stroke"), strokeDash=dashed, tooltip=self._tooltip("figure"),
        )  # fmt: skip
        return drawn

    def _named(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Figures by their labels; without those that a group never has, such as a limit that nobody set."""
        labels = dict(zip(self._figures, self._labels, strict=True))
        there = {(row["group"], row["figure"]) for row in rows if row["value"]}
        return [row | {"figure": labels[row["figure"]]} for row in rows if (row["group"], row["figure"]) in there]

    def _time(self, points: Points) -> alt.X:
        """The buckets from the first to the last that has data; those between without any are gaps."""
        import altair as alt

        daily, period = self._subject.period.daily, self._subject.period
        buckets = [b for b in map(period.label, period.buckets()) if points.dates[0] <= b <= points.dates[-1]]
        axis = alt.Axis(
            labelExpr=_DAY if daily else _MONTH,
            labelAngle=0,
            labelOverlap="parity",
            labelSeparation=14,
            labelPadding=6,
            ticks=False,
        )
        scale = alt.Scale(domain=buckets, paddingInner=0.1 if daily else 0.35)
        return alt.X("bucket:O", title=None, axis=axis, scale=scale)

    def _axis(self, ticks: int = _TICKS) -> dict[str, Any]:
        """Axis of the values: its title with the unit, money with its sign."""
        import altair as alt

        title = f"{self._labels[0]} ({self._unit})" if len(self._figures) == 1 else self._unit
        number = "format(abs(datum.value), ',')"
        shown = f"(datum.value < 0 ? '-' : '') + '{self._sign}' + {number}"
        return {
            "title": title if self._unit else self._labels[0],
            "axis": alt.Axis(labelExpr=shown, tickCount=min(ticks, _TICKS)),
        }

    def _color(self, points: Points) -> alt.Color:
        import altair as alt

        colors = [_GREY if g == OTHERS else _COLORS[n] for n, g in enumerate(points.groups)]
        scale = alt.Scale(domain=points.groups, range=colors)
        return alt.Color("group:N", title=self._of(), scale=scale, legend=alt.Legend(labelLimit=220))

    def _shades(self, **legend: Any) -> alt.Color:
        import altair as alt

        colors = ["#6b6b6b" if name == "capacity" else _COLORS[n] for n, name in enumerate(self._figures)]
        scale = alt.Scale(domain=self._labels, range=colors)
        return alt.Color("figure:N", title=None, scale=scale, legend=alt.Legend(**legend))

    def _tooltip(self, *more: str) -> list[Any]:
        import altair as alt

        names = ("bucket", *(["group"] if self._subject.groups else []), *more)
        shown = alt.Tooltip("shown:N", title=self._labels[0] if not more else self._unit)
        return [*(alt.Tooltip(f"{n}:N", title=n.capitalize()) for n in names), shown]

    def _of(self) -> str | None:
        return ", ".join(label.capitalize() for _, label in self._subject.groups) or None

    def _title(self, points: Points) -> Any:
        *first, last = self._labels
        what = f"{', '.join([first[0], *(f.lower() for f in first[1:])])} and {last.lower()}" if first else last
        by = " and ".join(label for _, label in self._subject.groups)
        whole = points.of
        few = (
            f" · {len(points.groups)} largest of {whole}"
            if OTHERS not in points.groups and len(points.groups) < whole
            else ""
        )
        return _titled(f"{what} by {by}" if by else what, _about(self._subject) + few)


def _message(text: str, subject: Subject | None) -> alt.TopLevelMixin:
    import altair as alt

    title = _titled("Nothing to show", _about(subject) if subject else "")
    written = alt.Chart(_data([{"text": text}]), width=_WIDTH, height=120, title=title).mark_text(fontSize=14)
    drawn: alt.Chart = written.encode(text="text:N")
    return drawn


def _titled(text: str, more: str) -> Any:
    import altair as alt

    return alt.TitleParams(text, subtitle=more or alt.Undefined)


def _about(subject: Subject) -> str:
    """The report and its days; whole months by their names."""
    start, end = subject.period.start, subject.period.end
    form = "%B %Y" if start.day == 1 and end == month_end(end) else "%Y-%m-%d"
    return f"{subject.path} · {' to '.join(dict.fromkeys(f'{d:{form}}' for d in (start, end)))}"


def _sign(currency: str) -> str:
    from babel.numbers import get_currency_symbol

    sign = str(get_currency_symbol(currency, locale="en_US"))
    return sign + " " * sign[-1].isalpha()


def _data(rows: list[dict[str, Any]]) -> alt.InlineData:
    import altair as alt

    return alt.InlineData(values=rows)


def _configured(drawn: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """Sizes that can be read on a slide, and no frame."""
    made: Any = drawn
    made = made.configure_view(stroke=None).configure_axis(
        labelFontSize=12, titleFontSize=12, titleFontWeight="normal", titlePadding=10, gridColor="#e6e6e6", domain=False
    )
    made = made.configure_legend(labelFontSize=12, titleFontSize=12).configure_text(fontSize=12, color="#444")
    made = made.configure_title(anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#666", offset=14)
    return cast("alt.TopLevelMixin", made)
