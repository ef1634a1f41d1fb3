"""Opening the library for one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from koku_core.koku import Koku
    from koku_core.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


def settings() -> Settings:
    """The settings of the environment.

    Raises:
        SettingError: one cannot be used.
    """
    from pydantic import ValidationError

    from koku_core.errors import SettingError
    from koku_core.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "KOKU_" + "_".join(map(str, first["loc"])).upper()
        raise SettingError(name, f"{first['input']!r}: {first['msg']}") from error


def opened(context: typer.Context) -> Koku:
    """The library for the tenant that the command line names; use it as a context manager."""
    from koku_core.koku import Koku

    return Koku.open(tenant=context.obj, settings=settings())
