"""Where the files of a download lie until they are kept: what an interrupted one has fetched is there for the next."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from koku_core.settings import Settings


@contextmanager
def workplace(settings: Settings, tenant: str, source_uuid: str) -> Iterator[Path]:
    """A source's folder in the data folder. It is removed when the block ends well; after an error, or a crash, it stays."""
    folder = _of_tenant(settings, tenant) / source_uuid
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def sweep(settings: Settings, tenant: str, known: Collection[str] = ()) -> None:
    """Remove what was fetched for sources of a tenant that are no more.

    Args:
        settings: they say where.
        tenant: whose.
        known: the uuids of the sources that there are.
    """
    place = _of_tenant(settings, tenant)
    for folder in place.iterdir() if place.is_dir() else ():
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)  # a download may be removing it now


def _of_tenant(settings: Settings, tenant: str) -> Path:
    return settings.data_dir / "downloads" / tenant
