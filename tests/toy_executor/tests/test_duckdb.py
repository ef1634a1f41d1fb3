"""DuckDB passes the published kit, with every macro and the templates of all providers."""

from __future__ import annotations

from typing import ClassVar

import hypothesis
import pytest
from tests import macro_cases
from tests.contract.test_engines import AWS, OCP
from tests.contract.test_macros import HINTS

import koku_acme
import koku_aws
import koku_duckdb
import koku_ocp
from koku_core.plugins import Plugins
from koku_core.testing import ExecutorConformance

PROVIDERS = {"acme": koku_acme, "aws": koku_aws, "macros": macro_cases, "ocp": koku_ocp}


@pytest.mark.slow
class TestDuckDB(ExecutorConformance):
    executor = "duckdb"
    hints: ClassVar = {"aws": AWS, "ocp": OCP, "macro_cases": HINTS}
    generated = hypothesis.settings(ExecutorConformance.generated, max_examples=1)

    @pytest.fixture
    def plugins(self) -> Plugins:
        return Plugins((), extra={"duckdb": koku_duckdb, **PROVIDERS})
