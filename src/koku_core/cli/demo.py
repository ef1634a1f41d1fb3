"""`koku demo`: a sample, priced, as a report, and the API's address; `koku sample`: its files."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koku_core.cli.output import note, progress, show
from koku_core.cli.session import opened

if TYPE_CHECKING:
    from starlette.requests import Request

    from koku_core.access import Identity
    from koku_core.declare.deliveries import Sample
    from koku_core.koku import Koku

TENANT = "demo"


def demo(
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the API when the report is written.")] = True,
    port: Annotated[int, typer.Option(help="Of the API; 0: any free one.")] = 8000,
    admin_port: Annotated[int, typer.Option(help="Of the administration calls; 0: any free one.")] = 5042,
) -> None:
    """Show what koku does: ingest a bundled sample, price it, report it, and serve the API; in a tenant of its own."""
    from koku_core.errors import PluginError
    from koku_core.koku import Koku

    with progress("Starting PostgreSQL"):
        library = Koku.open(tenant=TENANT)
    with library as koku:
        samples = [p for p in koku.services.plugins if p.has("koku_sample")]
        if not samples:
            raise PluginError("No plugin that is installed has a sample. Install one: pip install koku-ocp")
        for plugin in samples:
            with tempfile.TemporaryDirectory(prefix="koku-demo-") as folder:
                sample = koku.sample(plugin.provider.name, folder)
                _load(koku, plugin.provider.family, sample)
            _show(koku, sample)
        if serve:
            from koku_core.cli.server import Address, run

            run(koku, Address("127.0.0.1", port), Address("127.0.0.1", admin_port), identify=_anybody)


def sample(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(help="Such as ocp.")],
    folder: Annotated[Path, typer.Argument(help="Where to write it.", file_okay=False)] = Path(),
) -> None:
    """Write a sample of what a provider reads, and tell what to do with it."""
    with opened(context) as koku:
        made = koku.sample(provider, folder)
    values = " ".join(shlex.quote(f"{k}={v}") for k, v in {**made.credentials, **made.data_source}.items())
    typer.echo(f"koku sources add {made.source_type} {shlex.quote(made.name)} {values}")
    typer.echo(shlex.join(["koku", "ingest", made.name, *map(str, made.payloads)]))
    if made.report:
        options = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in made.question.items())
        typer.echo(f"koku report {made.report} {options}")


def _load(koku: Koku, family: str, sample: Sample) -> None:
    """Register the source and its prices unless an earlier demonstration did, then ingest."""
    source = next((s for s in koku.sources if s.name == sample.name), None)
    if source is None:
        source = koku.sources.add(
            sample.source_type, name=sample.name, data_source=sample.data_source or None, **sample.credentials
        )
        koku.tags.enable(family, sample.tag_keys)
        if sample.cost_model is not None:
            koku.cost_models.create({**sample.cost_model, "source_uuids": [source.uuid]})
    for payload in sample.payloads:
        with progress(f"Ingesting {payload.name}") as step:
            koku.ingest(source, payload, step)
    with progress("Working off what waits"):
        koku.work()


def _show(koku: Koku, sample: Sample) -> None:
    if not sample.report:
        return
    options = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in sample.question.items())
    note(f"\nkoku --tenant {TENANT} report {sample.report} {options}\n")
    show(koku.report(sample.report, **sample.question))


def _anybody(request: Request) -> Identity:
    """The demonstration is open to whoever can reach this machine's loopback."""
    from koku_core.access import EVERYTHING, Identity

    return Identity(TENANT, "demo", EVERYTHING)
