"""The sample cluster in the library, and what its groups cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from koku_core import Koku
from koku_core.sources.model import Source


def add_sample(koku: Koku, folder: Path, keys: Sequence[str], *, last: int = 2) -> Source:
    """Add the sample cluster with its last payloads, and enable tag keys."""
    sample = koku.sample("ocp", folder)
    source = koku.sources.add("ocp", name="sample", **sample.credentials)
    for payload in sample.payloads[-last:]:
        koku.ingest(source, payload)
    koku.tags.enable("OCP", keys)
    return source


def costs(koku: Koku, group: str) -> dict[str, Any]:
    """What each group costs this month, and all of them."""
    body = koku.report("openshift/costs", group_by=group, months=-1, resolution="monthly").body()
    name = group.removeprefix("tag:")
    found = {
        row[name]: row["values"][0]["cost"]["total"]["value"] for bucket in body["data"] for row in bucket[f"{name}s"]
    }
    return {**found, "": body["meta"]["total"]["cost"]["total"]["value"]}
