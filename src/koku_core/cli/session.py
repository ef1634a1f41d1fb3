"""Opening the library for one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from koku_core.koku import Koku

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


def opened(context: typer.Context) -> Koku:
    """The library for the tenant that the command line names; use it as a context manager."""
    from koku_core.koku import Koku

    return Koku.open(tenant=context.obj)
