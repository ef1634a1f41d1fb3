"""`koku tenants`: list, delete, purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from koku_core.cli.output import listing, note, progress
from koku_core.cli.session import Json, opened

if TYPE_CHECKING:
    from koku_core.koku import Koku

app = typer.Typer(help="The organizations whose costs are kept here, apart from each other.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List the tenants."""
    with opened(context) as koku:
        rows = [_row(koku.tenant(t.name)) for t in koku.services.system.tenants()]
    empty = "There are no tenants yet; the first source makes one."
    listing(rows, ("name", "sources", "kept from"), json=json, empty=empty)


def _row(koku: Koku) -> dict[str, Any]:
    return {
        "name": koku.handle.name,
        "sources": len(koku.sources.list()),
        "kept from": f"{koku.retained_from():%Y-%m}",
    }


@app.command()
def delete(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As `koku tenants list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a tenant with everything that is its own: sources, cost models, figures, line items, kept files, jobs."""
    with opened(context) as koku:
        tenant = koku.tenant(name)
        if not yes:
            count = len(tenant.sources.list())
            typer.confirm(f"Delete the tenant {name}, its {count} sources and all their data?", abort=True)
        with progress(f"Deleting {name}"):
            tenant.delete_tenant()
    note(f"Deleted {name}.")


@app.command()
def purge(context: typer.Context) -> None:
    """Remove what is older than every tenant keeps; workers do so daily by themselves."""
    with opened(context) as koku:
        for tenant in koku.services.system.tenants():
            with progress(tenant.name):
                first = koku.tenant(tenant.name).purge()
            note(f"{tenant.name}: kept from {first:%Y-%m}.")
