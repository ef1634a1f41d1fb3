"""`koku dev`: servers that a developer needs, on loopback."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from koku_core.cli.output import note

app = typer.Typer(help="Start servers that a developer needs, on loopback.", no_args_is_help=True)


@app.callback()
def dev() -> None:
    """Start servers that a developer needs, on loopback."""


@app.command()
def trino(
    quick: Annotated[bool, typer.Option(help="Have Trino start sooner, and be slower with much data.")] = False,
) -> None:
    """Start an object store and a Trino that reads the lake on it; write the settings to use them, then `ready`.

    They work on the database of the settings, keep what is stored in the data folder, and end with this command, however that ends. At
    first Trino is installed from Maven's registry, into the user's cache folder (450 MB).
    """
    from koku_core.cli.serving import on_signals
    from koku_core.devtools.stack import lake_and_trino
    from koku_core.settings import Settings

    stop = threading.Event()
    on_signals(stop.set)
    note("Starting an object store and Trino; this takes some 20 seconds.")
    with lake_and_trino(Settings.of_environment(), quick=quick) as exported:
        for name, value in exported.items():
            typer.echo(f"{name}={value}")
        typer.echo("ready")
        note("Stop with Ctrl-C.")
        stop.wait()
