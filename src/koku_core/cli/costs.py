"""`koku cost-models`: what prices the sources."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import typer

from koku_core.cli.output import table, write_json
from koku_core.cli.session import Json, opened

app = typer.Typer(help="The cost models that price what is used.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """List the cost models."""
    with opened(context) as koku:
        models = list(koku.cost_models)
    if json:
        write_json(models)
    else:
        columns = ("name", "for", "currency", "rates", "markup %", "sources", "uuid")
        table([_row(m) for m in models], columns, empty="There are no cost models yet.")


def _row(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": model["name"],
        "for": model["source_type"],
        "currency": model["currency"],
        "rates": len(model["rates"]),
        "markup %": f"{Decimal((model.get('markup') or {}).get('value') or 0):.4g}",
        "sources": [s["name"] for s in model["sources"]],
        "uuid": model["uuid"],
    }
