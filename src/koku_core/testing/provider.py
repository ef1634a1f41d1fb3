"""`ProviderConformance`: all tests of the kit as one class to inherit."""

from __future__ import annotations

from koku_core.testing.answers import Answers
from koku_core.testing.basic import Basic
from koku_core.testing.lines import BehindFigures
from koku_core.testing.optional import Awkward, Broken, CostModels, Downloads


class ProviderConformance(Basic, Answers, BehindFigures, CostModels, Broken, Downloads, Awkward):
    """What a provider must pass. The subclass names the plugin, which must have a `koku_sample`.

    Attributes:
        plugin: the module (or object) with the hooks.
        settings: changed settings, for example `{"executor": "trino"}`.

    What the plugin does not declare is skipped. Override `awkward`, and set `awkward_key` and `awkward_figure`, to try input that
    nobody would think of.
    """
