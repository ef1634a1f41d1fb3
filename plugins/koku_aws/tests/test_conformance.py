"""AWS passes the published kit, as any provider must."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

import koku_aws
from koku_aws import sample
from koku_core.testing import ProviderConformance
from koku_core.testing.corpus import Line

#: The quick part has the kit of the toy's provider.
pytestmark = pytest.mark.slow


class TestAws(ProviderConformance):
    plugin = koku_aws
    awkward_key = "service"
    awkward_figure = "cost_total"
    awkward_factor = Decimal("1.1")

    def awkward(self, folder: Path, lines: Sequence[Line]) -> Path:
        tags = dict.fromkeys(f"resourceTags/user:{key}" for line in lines for key in line.labels)
        header = [c for c in sample.HEADER if c not in tags]
        return sample.bill(folder, lines[0].day.replace(day=1), [self.row(line) for line in lines], [*header, *tags])

    def row(self, line: Line) -> dict[str, str]:
        usual = next(iter(sample.lines(line.day)))
        plain = {name: value for name, value in usual.items() if name.startswith(("bill/", "identity/", "lineItem/"))}
        tags = {f"resourceTags/user:{key}": value for key, value in line.labels.items()}
        return {**plain, "lineItem/ProductCode": line.name, "lineItem/UnblendedCost": str(line.amount), **tags}
