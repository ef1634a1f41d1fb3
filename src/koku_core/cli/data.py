"""`koku ingest`, `refresh`, `report`, `forecast`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koku_core.cli.output import note, progress, show, table, write_json
from koku_core.cli.session import Json, opened
from koku_core.errors import KokuError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from koku_core.declare.deliveries import FileCount
    from koku_core.intake.ingested import Ingested
    from koku_core.reports.answer import Answer

Days = Annotated[bool, typer.Option("--days", help="Count the rows of each day.")]


def ingest(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source's name, number or uuid.")],
    payloads: Annotated[
        list[Path], typer.Argument(help="Payloads of it, in any order.", exists=True, dir_okay=False, readable=True)
    ],
    days: Days = False,
    json: Json = False,
) -> None:
    """Ingest payloads of a source, and say what came in."""
    with opened(context) as koku:
        made = []
        for payload in payloads:
            with progress(payload.name) as step:
                made.append(koku.ingest(source, payload, step))
    _say(made, json=json, days=days)


def refresh(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Which; none: all that are not paused.")] = None,
    days: Days = False,
    json: Json = False,
) -> None:
    """Fetch what changed at the sources, and ingest what waits; safe to stop, safe to repeat.

    A source that fails does not stop the others; the exit status is 1 then.
    """
    made: list[Ingested] = []
    failed: dict[str, KokuError] = {}
    with opened(context) as koku:
        asked = [koku.sources.get(s) for s in sources or ()] or [s for s in koku.sources if not s.paused]
        for source in asked:
            try:
                with progress(source.name) as step:
                    made += koku.refresh(source, step)
            except KokuError as error:
                failed[source.name] = error
        with progress("Working off what waits"):
            koku.work()
    if made or json or not failed:
        _say(made, json=json, days=days)
    if failed:
        raise _failure(failed, len(asked))


def _failure(failed: Mapping[str, KokuError], asked: int) -> KokuError:
    """The error about some sources."""
    if asked == 1:
        return next(iter(failed.values()))
    said = "".join(f"\n  {name}: {error.message}" for name, error in failed.items())
    return KokuError(f"{len(failed)} of {asked} sources could not be brought up to date:{said}", sources=list(failed))


def _say(made: list[Ingested], *, json: bool, days: bool) -> None:
    """Write what came in."""
    if json:
        write_json([asdict(report) for report in made])
        return
    for report in made:
        if days:
            typer.echo(str(report))
            continue
        rows = [_row(file) for file in report.files]
        table(rows, ("file", "kind", "rows", "left out", "days"), empty="It holds no files.")
        note(
            f"{report.source}: {report.state}, {report.rows} rows of {', '.join(f'{m:%Y-%m}' for m in report.months) or 'no month'}."
        )
        for warning in report.warnings:
            note(f"Warning: {warning}.")
    if not made:
        note("Nothing is new.")


def _row(file: FileCount) -> dict[str, Any]:
    days = sorted(file.days)
    return {
        "file": file.file, "kind": file.kind, "rows": file.rows,
        "left out": ", ".join(f"{count} {why}" for why, count in file.left_out.items()),
        "days": f"{days[0]} to {days[-1]} ({len(days)})" if days else "",
    }  # fmt: skip


KeyValues = list[str] | None
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV.")]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw it into a file: .svg, .png, .html or .pdf.", writable=True, dir_okay=False),
]


def report(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            help="The provider's part of the path and the report's name; a wrong one lists those that there are."
        ),
    ],
    group_by: Annotated[KeyValues, typer.Option(metavar="KEY[=VALUE,…]", help="May be repeated.")] = None,
    filter_: Annotated[KeyValues, typer.Option("--filter", metavar="KEY=VALUE,…", help="May be repeated.")] = None,
    exclude: Annotated[KeyValues, typer.Option(metavar="KEY=VALUE,…", help="May be repeated.")] = None,
    order_by: Annotated[str | None, typer.Option(metavar="KEY[=asc|desc]")] = None,
    months: Annotated[int | None, typer.Option(help="-1: this month; -2, -3: one whole month before.")] = None,
    days: Annotated[int | None, typer.Option(help="-10, -30 or -90.")] = None,
    start: Annotated[str | None, typer.Option(metavar="DAY", help="The first day, instead of months or days.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DAY", help="The last day.")] = None,
    resolution: Annotated[str | None, typer.Option(help="daily or monthly.")] = None,
    limit: Annotated[int | None, typer.Option(help="Show so many groups, and fold the others into one.")] = None,
    offset: Annotated[int | None, typer.Option(help="Show the groups from here on, without others.")] = None,
    currency: Annotated[str | None, typer.Option(help="Of the answer.")] = None,
    delta: Annotated[str | None, typer.Option(help="Compare this with the period before: cost, usage, …")] = None,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
) -> None:
    """Ask a report, for example `koku report openshift/costs --group-by project --months -2 --resolution monthly`."""
    _check_form(json, csv, plot)
    options = {
        "group_by": pairs(group_by, "*"), "filter": pairs(filter_), "exclude": pairs(exclude),
        "order_by": pairs([order_by] if order_by else None, "desc"), "months": months, "days": days, "start": start, "end": end,
        "resolution": resolution, "limit": limit, "offset": offset, "currency": currency, "delta": delta,
    }  # fmt: skip
    with opened(context) as koku:
        answer = koku.report(path, **{k: v for k, v in options.items() if v is not None})
        _write(answer, json=json, csv=csv, plot=plot)


def forecast(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(help="As for `koku report`; a wrong one lists those that can be foretold."),
    ],
    currency: Annotated[str | None, typer.Option(help="Of the answer.")] = None,
    cost_type: Annotated[
        str | None, typer.Option(help="What costs are made of, if the provider offers several.")
    ] = None,
    json: Json = False,
    csv: Csv = False,
    plot: Plot = None,
) -> None:
    """Foretell costs until the month ends, for example `koku forecast openshift/costs`."""
    _check_form(json, csv, plot)
    with opened(context) as koku:
        answer = koku.forecast(path, currency=currency, cost_type=cost_type)
        if not answer.columns:
            note("Fewer than 8 of the last 31 days have costs that are like each other: nothing can be foretold.")
        _write(answer, json=json, csv=csv, plot=plot)


def _check_form(json: bool, csv: bool, plot: Path | None) -> None:
    if sum((json, csv, plot is not None)) > 1:
        raise typer.BadParameter("--json, --csv and --plot exclude each other")
    if plot is not None:
        _check(plot)


def _check(plot: Path) -> None:
    """Tell before the work what would come to nothing."""
    from koku_core.errors import UnknownName
    from koku_core.reports.plot import check

    try:
        check(plot)
    except UnknownName as error:
        raise typer.BadParameter(str(error), param_hint="--plot") from error


def _write(answer: Answer, *, json: bool, csv: bool, plot: Path | None) -> None:
    if plot is not None:
        from koku_core.reports.plot import save

        save(answer.plot(), plot)
        note(f"Drawn: {plot}")
    elif json:
        write_json(answer.body())
    elif csv:
        sys.stdout.writelines(answer.csv())
    else:
        show(answer)


def pairs(given: list[str] | None, default: str | None = None) -> dict[str, Any] | None:
    """`KEY=VALUE,…` as a map from key to values; a key without one has the default."""
    if given is None:
        return None
    made: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or (not equals and default is None):
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE")
        made[key] = [v for v in value.split(",") if v] if "," in value else value or default
    return made
