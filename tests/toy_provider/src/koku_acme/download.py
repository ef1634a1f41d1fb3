"""What is new at the source → files: a bill is a CSV for each month, rewritten as the month goes on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from koku_core.declare.deliveries import Download
from koku_core.intake.local import local_folder
from koku_core.settings import Settings
from koku_core.sources.model import Source


def download(source: Source, state: Mapping[str, Any], folder: Path, settings: Settings) -> Iterator[Download]:
    """Each bill whose bytes are others than those in `state`, oldest month first."""
    known = dict(state)
    for bill in sorted(local_folder(settings, source.data_source["folder"]).glob("bill-*.csv")):
        digest = hashlib.sha256(bill.read_bytes()).hexdigest()
        if known.get(bill.name) != digest:
            known[bill.name] = digest
            yield Download(f"{bill.name} {digest}", (Path(shutil.copy(bill, folder)),), state=dict(known))
