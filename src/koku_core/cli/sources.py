"""`koku sources`: list, add, change, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koku_core.cli.output import listing, note, progress, table, write_json
from koku_core.cli.session import Json, opened

if TYPE_CHECKING:
    from koku_core.koku import Koku
    from koku_core.sources.model import Source

app = typer.Typer(help="The accounts, subscriptions and clusters whose costs are known here.", no_args_is_help=True)
_COLUMNS = ("name", "type", "key", "paused", "last payload", "uuid")
Minutes = Annotated[
    float | None,
    typer.Option(metavar="MINUTES", help="How often it is asked for new reports, if not as often as the others."),
]


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List the sources."""
    with opened(context) as koku:
        rows = [_row(s) for s in koku.sources]
    listing(
        rows, _COLUMNS, json=json, empty="There are no sources yet; `koku sources add TYPE NAME key=value` makes one."
    )


@app.command()
def add(
    context: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Such as ocp.")],
    name: Annotated[str, typer.Argument(help="What to call it.")],
    values: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE…", help="Its credentials and where its reports lie; @FILE reads a value."),
    ],
    poll_minutes: Minutes = None,
    json: Json = False,
) -> None:
    """Add a source, for example `koku sources add ocp prod cluster_id=my-ocp-cluster-1`."""
    with opened(context) as koku:
        credentials, place = _split(koku, type_, dict(_pair(v) for v in values))
        added = koku.sources.add(type_, name=name, data_source=place or None, poll_minutes=poll_minutes, **credentials)
        _tell(added, json=json)


@app.command("set")
def set_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, number or uuid.")],
    new_name: Annotated[str | None, typer.Option("--name", help="What to call it.")] = None,
    paused: Annotated[
        bool | None, typer.Option("--pause/--resume", help="Whether nothing is fetched or accepted.")
    ] = None,
    poll_minutes: Minutes = None,
    json: Json = False,
) -> None:
    """Change a source, for example `koku sources set bills --poll-minutes 15`."""
    with opened(context) as koku:
        found = koku.sources.get(name)
        _tell(koku.sources.update(found, name=new_name, paused=paused, poll_minutes=poll_minutes), json=json)


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, number or uuid.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a source and all that came of it: rows, line items, kept files, jobs."""
    with opened(context) as koku:
        source = koku.sources.get(name)
        if not yes:
            typer.confirm(f"Remove {source.name} ({source.key}) and all its data?", abort=True)
        with progress(f"Removing {source.name}"):
            koku.sources.remove(source)
    note(f"Removed {source.name}.")


def _tell(source: Source, *, json: bool) -> None:
    if json:
        write_json(_row(source))
    else:
        table([_row(source)], _COLUMNS, empty="")


def _row(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "type": source.source_type,
        "key": source.key,
        "paused": source.paused,
        "poll minutes": source.poll_minutes,
        "last payload": source.last_payload,
        "uuid": source.uuid,
    }


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="KEY=VALUE")
    if value.startswith("@"):
        try:
            return key, Path(value[1:]).read_text().strip()
        except OSError as error:
            raise typer.BadParameter(f"{value[1:]} cannot be read: {error.strerror}", param_hint="KEY=VALUE") from error
    return key, value


def _split(koku: Koku, type_: str, values: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that are credentials, and those that say where the reports lie."""
    _, kind = koku.services.plugins.source_type(type_)
    fields = kind.data_source.model_fields if kind.data_source else {}
    place = {k: v for k, v in values.items() if k in fields and k not in kind.credentials.model_fields}
    return {k: v for k, v in values.items() if k not in place}, place
