"""`koku accounts`: add, list, remove, and make tokens."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koku_core.cli.output import listing, note, write_json
from koku_core.cli.session import Json, opened
from koku_core.errors import UnknownName

if TYPE_CHECKING:
    from koku_core.accounts import Accounts
    from koku_core.koku import Koku

app = typer.Typer(
    help="Who reaches the API without a gateway in front of it: operators and scripts.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="Its user name, which is its client_id too.")]
From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="Take it from a file (- reads the input) instead of making it.")
]  # fmt: skip


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List the accounts of the tenant."""
    from dataclasses import asdict

    with opened(context) as koku:
        rows = [asdict(a) for a in _accounts(koku).list(koku.handle)]
    empty = "There are no accounts yet; `koku accounts add NAME` makes one."
    listing(rows, ("name", "role", "tenant", "created"), json=json, empty=empty)


@app.command()
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[
        str, typer.Option(help="operator (uploads, and adds its source), reader (reads everything) or admin.")
    ] = "operator",
    from_: From = None,
    json: Json = False,
) -> None:
    """Make an account, and write its secret, which is not shown again."""
    given = _read(from_)
    with opened(context) as koku:
        secret = _accounts(koku).add(koku.handle, name, role=role, secret=given)
    if json:
        write_json({"client_id": name, "client_secret": None if given else secret})
    elif given is None:
        note(f"Account {name}. Its secret, which is not shown again:")
        typer.echo(secret)


@app.command()
def token(
    context: typer.Context,
    name: Name,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long it works; else until the account is removed.")
    ] = None,
    from_: From = None,
) -> None:
    """Make a token of an account, for what cannot ask for one itself, and write it; it is not shown again."""
    given = _read(from_)
    with opened(context) as koku:
        accounts = _accounts(koku)
        if name not in {a.name for a in accounts.list(koku.handle)}:
            raise UnknownName("account", name, (a.name for a in accounts.list(koku.handle)))
        made = accounts.issue(name, timedelta(days=days) if days else None, token=given)
    if given is None:
        typer.echo(made)


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Remove an account; its secret and tokens work no longer."""
    with opened(context) as koku:
        _accounts(koku).remove(koku.handle, name)
    note(f"Removed {name}.")


def _accounts(koku: Koku) -> Accounts:
    from koku_core.accounts import Accounts

    return Accounts(koku.services.system)


def _read(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="--from") from error
