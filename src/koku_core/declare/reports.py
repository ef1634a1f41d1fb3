"""The report map: names of the API → columns, measures and filters of a summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportMap:
    """Placeholder until the reports package is written."""
