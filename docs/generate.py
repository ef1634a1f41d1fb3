"""Writes docs/reference from the code: `python -m docs.generate`; with `--check` it only says whether that is up to date."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docs.markdown import function, table, text

FOLDER = Path(__file__).parent / "reference"


def settings() -> Iterator[str]:
    from koku_core.settings import Settings

    fields = [(f"`KOKU_{n.upper()}`", _default(f), f.description or "") for n, f in Settings.model_fields.items()]
    yield "# Settings\n\nVariables of the environment, or fields of `koku_core.settings.Settings`."
    yield table(("variable", "default", "meaning"), *fields)
    yield "`KOKU_TENANT` says whose data the command line works on; default `default`."


def cli() -> Iterator[str]:
    from typer.main import get_command

    from koku_core.cli.app import app

    yield "# Command line\n\nErrors are a message and exit status 1, wrong usage is exit status 2; `--json` is for programs."
    yield from _commands("koku", get_command(app))


def hooks() -> Iterator[str]:
    from koku_core import hookspecs

    yield f"# Hooks\n\n{inspect.getdoc(hookspecs)}\n\nThese are of version {hookspecs.VERSION}."
    yield from (function(n, f) for n, f in vars(hookspecs).items() if n.startswith("koku_") and inspect.isfunction(f))


def python() -> Iterator[str]:
    from koku_core import Koku, Rate
    from koku_core.lines.answer import Lines
    from koku_core.reports import options
    from koku_core.reports.answer import Answer

    for kind in (Koku, Answer, Lines, Rate):
        yield f"# {kind.__name__}\n\n{text(kind)}"
        for name, member in vars(kind).items():
            found = getattr(member, "__func__", getattr(member, "func", member))
            if not name.startswith("_") and inspect.isfunction(found):
                yield function(name, found, attribute=hasattr(member, "func"))
    yield f"# Options of a report\n\n```text\n{inspect.getdoc(options)}\n```"


def rest() -> Iterator[str]:
    from koku_core.api.app import resources
    from koku_core.api.openapi import document
    from koku_core.api.paths import BASE
    from koku_core.plugins import Plugins

    library: Any = SimpleNamespace(services=SimpleNamespace(plugins=Plugins(["ocp"])))
    paths = document(resources(library), BASE)["paths"].items()
    yield f"# REST API\n\nBelow `{BASE}`, with the OpenShift plugin; others bring their own. `openapi.json` there has the whole of it."
    rows = [
        (m.upper(), f"`{p[1:]}`", o["summary"], _query(o)) for p, operations in paths for m, o in operations.items()
    ]
    yield table(("method", "path", "what", "parameters"), *rows)


def errors() -> Iterator[str]:
    from koku_core import errors as module

    found = [e for e in vars(module).values() if inspect.isclass(e) and issubclass(e, module.KokuError)]
    yield f"# Errors\n\n{inspect.getdoc(module)}"
    retried = [
        "yes" if issubclass(e, module.Transient) else "no" if issubclass(e, module.Terminal) else "" for e in found
    ]
    rows = zip((f"`{e.__name__}`" for e in found), retried, (str(inspect.getdoc(e)) for e in found), strict=True)
    yield table(("error", "retried", "what"), *rows)


def _commands(path: str, command: Any) -> Iterator[str]:
    shown = [p for p in command.params if p.help and p.name != "help" and "completion" not in p.name and not p.hidden]
    arguments = {p: p.metavar or p.name.rstrip("_").upper() for p in shown if p.param_type_name == "argument"}
    yield f"## {' '.join([path, *arguments.values()])}\n\n{command.help or command.callback.__doc__}"
    rows = [(f"`{arguments.get(p) or '/'.join([*p.opts, *p.secondary_opts])}`", p.help) for p in shown]
    yield table(("parameter", "meaning"), *rows) if rows else ""
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(f"{path} {name}", each)


def _default(field: Any) -> str:
    value = "~/.local/share/koku" if field.default_factory else field.default
    return "" if value is None else f"`{value}`"


def _query(operation: dict[str, Any]) -> str:
    return ", ".join(f"`{p['name']}`" for p in operation.get("parameters", []) if p["in"] == "query")


def pages() -> Iterator[tuple[Path, str]]:
    """Each page of the reference, as it should be."""
    for page in (settings, cli, hooks, python, rest, errors):
        parts = ["<!-- Made by `python -m docs.generate`; change the code instead. -->", *filter(None, page())]
        yield FOLDER / f"{page.__name__}.md", "\n\n".join(parts) + "\n"


def main() -> None:
    """Write what is stale; or, if just asked, fail."""
    stale = [(path, made) for path, made in pages() if not path.exists() or path.read_text() != made]
    if "--check" in sys.argv and stale:
        sys.exit(f"Stale: {', '.join(path.name for path, _ in stale)}. Run `python -m docs.generate`.")
    for path, made in stale:
        path.write_text(made)


if __name__ == "__main__":
    main()
