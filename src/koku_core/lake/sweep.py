"""Removes files that nothing needs any more, and finds those that are needed but gone.

A file is garbage when no live snapshot names it. When that is first seen it is noted, and the file goes when the note is older than the
grace period: so a catalogue restored from a backup no older than that finds all its files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from koku_core.lake.places import filesystem

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from koku_core.database import System

_BATCH = 1000


def needed(table: Table) -> set[str]:
    """The locations of all files that the table's live snapshots name, and of its last metadata."""
    found = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
    for snapshot in table.snapshots():
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in found:
                found.add(manifest.manifest_path)
                found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return found


def sweep(system: System, table: Table, grace: timedelta) -> int:
    """Note what is garbage in a table's folder, and remove what has been for longer than `grace`.

    The caller holds the table's lock, so that no commit is under way.

    Returns:
        How many files were removed.
    """
    garbage = sorted(set(_files(table.location())) - needed(table))
    with system.transaction() as conn:
        conn.execute(
            "DELETE FROM lake_garbage WHERE starts_with(path, %s) AND NOT path = ANY(%s)",
            (f"{table.location()}/", garbage),
        )
        conn.execute("INSERT INTO lake_garbage (path) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (garbage,))
        old = conn.execute(
            "SELECT path FROM lake_garbage WHERE path = ANY(%s) AND since <= clock_timestamp() - %s", (garbage, grace)
        ).fetchall()
    place, _ = filesystem(table.location())
    for (path,) in old:
        place.delete_file(_plain(path))
    _drop_empty_folders([path for (path,) in old])
    with system.connection() as conn:
        conn.execute("DELETE FROM lake_garbage WHERE path = ANY(%s)", ([path for (path,) in old],))
    return len(old)


def _drop_empty_folders(removed: list[str]) -> None:
    """A folder is named after its day, and the one above it after its source; object stores have none."""
    for folder in {Path(_plain(path)).parent for path in removed if path.startswith("file:")}:
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()
            folder.parent.rmdir()


def missing(table: Table) -> list[str]:
    """The files that the live snapshots name but that are not there."""
    from pyarrow.fs import FileType

    place, _ = filesystem(table.location())
    wanted = sorted(needed(table))
    gone = []
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        infos = place.get_file_info([_plain(path) for path in batch])
        gone += [path for path, info in zip(batch, infos, strict=True) if info.type != FileType.File]
    return gone


def _files(location: str) -> Iterator[str]:
    """The locations of all files below a location."""
    from pyarrow.fs import FileSelector, FileType

    place, root = filesystem(location)
    for info in place.get_file_info(FileSelector(root, recursive=True, allow_not_found=True)):
        if info.type == FileType.File:
            yield location + info.path.removeprefix(root)


def _plain(location: str) -> str:
    return location.partition("://")[2]
