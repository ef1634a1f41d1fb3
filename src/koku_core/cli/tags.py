"""`koku tags`: which label keys reports and rates may use."""

from __future__ import annotations

from typing import Annotated

import typer

from koku_core.cli.output import listing, note
from koku_core.cli.session import Json, opened

app = typer.Typer(help="The label keys that reports can be grouped by.", no_args_is_help=True)
Provider = Annotated[str, typer.Argument(help="The provider, such as ocp.")]
Keys = Annotated[list[str], typer.Argument(help="Label keys.")]


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List the keys that have been seen or enabled."""
    with opened(context) as koku:
        rows = koku.tags.rows()
    listing(rows, ("family", "key", "enabled"), json=json, empty="No label keys have been seen yet.")


@app.command()
def enable(context: typer.Context, provider: Provider, keys: Keys) -> None:
    """Enable label keys, also such as have not been seen yet."""
    _change(context, provider, keys, on=True)


@app.command()
def disable(context: typer.Context, provider: Provider, keys: Keys) -> None:
    """Disable label keys."""
    _change(context, provider, keys, on=False)


def _change(context: typer.Context, provider: str, keys: list[str], *, on: bool) -> None:
    with opened(context) as koku:
        family = koku.services.plugins.provider(provider).provider.family
        jobs = koku.tags.enable(family, keys) if on else koku.tags.disable(family, keys)
    note(f"Done; {len(jobs)} months are made anew by a worker, or before the next report." if jobs else "Done.")
