"""All commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from koku_core.cli import accounts, costs, data, demo, dev, inspect, lines, serving, sources, tags, tenants

app = typer.Typer(
    name="koku",
    help="Cost management: bills and usage become answers about cost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from koku_core import __version__

        typer.echo(f"koku-core {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(envvar="KOKU_TENANT", help="Whose data.")] = "default",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Settings come from KOKU_… variables; without any, koku runs its own PostgreSQL in your data folder."""
    context.obj = tenant


app.add_typer(sources.app, name="sources")
app.add_typer(accounts.app, name="accounts")
app.add_typer(tags.app, name="tags")
app.add_typer(costs.app, name="cost-models")
app.add_typer(tenants.app, name="tenants")
app.add_typer(dev.app, name="dev")
for command in (
    demo.demo, demo.sample, data.ingest, data.refresh, data.report, lines.lines, data.forecast, serving.serve, serving.worker,
    inspect.migrate, inspect.jobs, inspect.plugins, inspect.doctor,
):  # fmt: skip
    app.command()(command)
