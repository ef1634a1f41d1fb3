"""Pieces of Markdown that the reference is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any


def function(name: str, of: Any, *, attribute: bool = False) -> str:
    """A function or attribute with its exact signature, and what its docstring says."""
    signature = inspect.signature(of)
    plain = [
        p.replace(annotation=_Raw(p.annotation)) for n, p in signature.parameters.items() if n not in ("self", "cls")
    ]
    shown = signature.replace(parameters=plain, return_annotation=_Raw(signature.return_annotation))
    code = f"{name}: {signature.return_annotation}" if attribute else f"{name}{shown}"
    return f"## {name}\n\n```python\n{code}\n```\n\n{text(of)}"


class _Raw(str):
    """An annotation that is shown as it is written."""

    __repr__ = str.__str__


def text(documented: Any) -> str:
    """A docstring: its sections as they stand in the code."""
    prose, *sections = re.split(r"\n\n(?=(?:Args|Attributes|Returns|Raises):\n)", inspect.getdoc(documented) or "")
    return prose + ("\n\n```text\n" + "\n\n".join(sections) + "\n```" if sections else "")


def table(header: Sequence[str], *rows: Sequence[str]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *([" ".join(c.split()).replace("|", "\\|") for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
