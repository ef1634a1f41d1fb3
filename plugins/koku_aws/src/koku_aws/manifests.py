"""The manifest of a bill: which files it consists of, and which month it bills."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from koku_core.errors import PayloadRefused
from koku_core.intake.kept import given_name

SUFFIX = "Manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest.

    Attributes:
        assembly: the id of this state of the bill.
        month: that it bills; None: it does not say (those of data exports need not).
        keys: of the data files, as the report's writer names them.
        account: that pays.
        columns: of the data files, as a CUR's header spells them; none: it does not say.
    """

    assembly: str
    month: date | None
    keys: tuple[str, ...]
    account: str
    columns: tuple[str, ...] = ()


def read(file: Path) -> Manifest:
    """Read a manifest that lies on this disk.

    Raises:
        PayloadRefused: it is none.
    """
    return parse(file.read_bytes(), given_name(file))


def parse(text: bytes, name: str) -> Manifest:
    """Read a manifest: of a CUR, or of a data export (CUR 2.0), whose files are URLs.

    Args:
        text: its bytes.
        name: what to call it in errors.

    Raises:
        PayloadRefused: it is none.
    """
    try:
        body: dict[str, Any] = json.loads(text)
        period = body.get("billingPeriod")
        keys = body.get("reportKeys") or [f.split("/", 3)[-1] for f in body.get("dataFiles", ())]
        assembly = body.get("assemblyId") or body.get("executionId") or ""
        month = _month(str(period["start"])) if period else None
        columns = tuple(
            f"{c['category']}/{c['name']}" for c in body.get("columns") or () if isinstance(c, dict) and "category" in c
        )
        return Manifest(str(assembly), month, tuple(map(str, keys)), str(body.get("account", "")), columns)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PayloadRefused(
            name, f"is no manifest of a Cost and Usage Report ({type(error).__name__}: {error})",
            do="Have AWS write the report anew.",
        ) from error  # fmt: skip


def _month(text: str) -> date:
    """The month of `20261101T000000.000Z`, `2026-11-01` or `2026-11`."""
    digits = text.replace("-", "")
    return date(int(digits[:4]), int(digits[4:6]), 1)
