"""What a cost model may do with a bill: a markup, on each kind of cost."""

from __future__ import annotations

from koku_core.declare.summarize import CostModelSpec

COST_MODEL = CostModelSpec("koku_aws", markup="markup.sql")
