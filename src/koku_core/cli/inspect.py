"""Looking at what is there: `koku jobs`, `plugins`, `migrate`, `doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koku_core.cli.output import listing, note, progress, table, write_json
from koku_core.cli.session import Json, opened

if TYPE_CHECKING:
    from koku_core.jobs.queue import Job


def jobs(
    context: typer.Context,
    state: Annotated[
        list[str] | None, typer.Option(help="waiting, running, done, failed or cancelled; may be repeated.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Of one source alone.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
    cancel: Annotated[int | None, typer.Option(metavar="ID", help="Cancel this job first.")] = None,
    json: Json = False,
) -> None:
    """List the jobs of the tenant, newest first."""
    from koku_core.errors import UnknownName
    from koku_core.jobs.queue import STATES

    for wrong in [s for s in state or () if s not in STATES]:
        raise UnknownName("job state", wrong, STATES)
    with opened(context) as koku:
        if cancel is not None:
            koku.jobs.cancel(cancel)
        uuid = koku.sources.get(source).uuid if source else None
        found = koku.jobs.list(state or (), uuid, limit)
    if json:
        write_json([asdict(j) for j in found])
    else:
        columns = ("id", "kind", "state", "progress", "created", "started", "finished", "error")
        table([_job(j) for j in found], columns, empty="There are no such jobs.")


def _job(job: Job) -> dict[str, Any]:
    row = asdict(job)
    done, total, what = (job.progress.get(k) for k in ("done", "total", "what"))
    return row | {"progress": f"{done:g}/{total:g} {what or ''}".strip() if total else ""}


def plugins(json: Json = False) -> None:
    """List the plugins that are installed, and why one cannot be used."""
    import warnings

    from koku_core.plugins import Plugins, PluginWarning
    from koku_core.settings import Settings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the table says the same
        found = Plugins(Settings.of_environment().plugins).found
    if json:
        write_json([asdict(p) for p in found])
        return
    rows = [asdict(p) | {"hooks": [h.removeprefix("koku_") for h in p.hooks]} for p in found]
    table(
        rows,
        ("name", "distribution", "version", "hooks", "error"),
        empty="No plugin is installed; try `pip install koku-ocp`.",
    )


def migrate(context: typer.Context) -> None:
    """Bring the tables of every tenant to this version; safe while others do the same."""
    with progress("Migrating"), opened(context) as koku:
        tenants = koku.services.system.tenants()
    note(f"The shared tables and those of {len(tenants)} tenants are up to date.")


def doctor(context: typer.Context, json: Json = False) -> None:
    """Say what is wrong with the data, and how to mend it; exit status 1 if anything is."""
    with opened(context) as koku, progress("Looking"):
        findings = koku.doctor()
    listing([asdict(f) for f in findings], ("severity", "where", "what", "do"), json=json, empty="Nothing is wrong.")
    if any(f.severity == "error" for f in findings):
        raise typer.Exit(1)
