"""The toy provider with other templates, for tests that need statements of their own."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import koku_acme
from koku_acme.normalize import LINE_ITEMS
from koku_acme.summarize import SUMMARY
from koku_core import hookimpl
from koku_core.declare.summarize import CostModelSpec, Step

#: What a summarize template gives, from `i`.
COLUMNS = "i.usage_start, i.account, i.region, i.service, i.resource, i.unit, i.currency, i.usage"
#: A bill of one line.
BILL = """day,account,region,service,resource,usage,unit,cost,currency,tags
2026-11-10,shop,north,disks,d,1,GB-Mo,1.5,USD,
"""


@contextlib.contextmanager
def toy_with(folder: Path, templates: Mapping[str, str]) -> Iterator[ModuleType]:
    """The toy provider with the templates `daily.sql` and `markup.sql` of a test, in a package that is there for a while."""
    package = f"toy_{uuid.uuid4().hex}"
    place = folder / package / "sql"
    place.mkdir(parents=True)
    (place.parent / "__init__.py").touch()
    for name, template in templates.items():
        (place / name).write_text(template)
    summary = replace(SUMMARY, package=package, steps=(Step("daily.sql", (LINE_ITEMS,)),))
    spec = CostModelSpec(package, markup="markup.sql" if "markup.sql" in templates else None)
    toy = ModuleType(package)
    for name in ("koku_provider", "koku_download", "koku_normalize", "koku_report_map"):
        setattr(toy, name, getattr(koku_acme, name))
    toy.koku_summarize = hookimpl(lambda: summary, specname="koku_summarize")  # type: ignore[attr-defined]  # a module made here
    toy.koku_cost_model = hookimpl(lambda: spec, specname="koku_cost_model")  # type: ignore[attr-defined]  # a module made here
    sys.path.insert(0, str(folder))
    try:
        yield toy
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(package, None)
