"""Acme Cloud passes the published kit."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import koku_acme
from koku_core.testing import ProviderConformance
from koku_core.testing.corpus import Line


class TestAcme(ProviderConformance):
    plugin = koku_acme
    awkward_key = "resource"
    awkward_figure = "cost_total"

    def awkward(self, folder: Path, lines: Sequence[Line]) -> Path:
        path = folder / "bill.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                [*["day", "account", "region", "service", "resource", "usage", "unit", "cost", "currency", "tags"]]
            )
            writer.writerows(
                (x.day, "shop", "north", "machines", x.name, 1, "", x.amount, "USD", json.dumps(x.labels))
                for x in lines
            )
        return path
