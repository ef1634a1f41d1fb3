"""One commit to a table: some data files leave it, others come.

pyiceberg's own overwrite carries the lists of removed files from commit to commit and never merges small manifests, so commits become
slower and slower; `_Swap` drops the one and merges the other, as its append does.
"""

# ruff: noqa: TID253 - this module subclasses pyiceberg, and is imported only where a commit is made
from __future__ import annotations

from collections.abc import Collection

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table, TableProperties
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import ExpireSnapshots, _ManifestMergeManager, _OverwriteFiles
from pyiceberg.utils.properties import property_as_int

#: What every table of the lake is made with.
PROPERTIES = {
    "format-version": "2",
    "write.metadata.previous-versions-max": "3",
    "write.summary.partition-limit": "0",
    TableProperties.MANIFEST_MIN_MERGE_COUNT: "20",
    TableProperties.MANIFEST_TARGET_SIZE_BYTES: str(256 * 1024),
}
#: Each commit copies a table's metadata, so it forgets old snapshots early; their files stay until they are swept.
_SNAPSHOTS = 8


class _Swap(_OverwriteFiles):
    """Removes and adds data files, keeping the list of manifests short."""

    def _existing_manifests(self) -> list[ManifestFile]:
        return [m for m in super()._existing_manifests() if m.has_added_files() or m.has_existing_files()]

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        properties = self._transaction.table_metadata.properties
        merge = _ManifestMergeManager(
            target_size_bytes=property_as_int(properties, TableProperties.MANIFEST_TARGET_SIZE_BYTES, 256 * 1024) or 0,
            min_count_to_merge=property_as_int(properties, TableProperties.MANIFEST_MIN_MERGE_COUNT, 20) or 0,
            merge_enabled=True,
            snapshot_producer=self,
        )
        return merge.merge_manifests(manifests)


def swap(table: Table, old: Collection[DataFile], new: Collection[DataFile]) -> None:
    """Commit: the files `old` leave the table, the files `new` come.

    Raises:
        CommitFailedException, ValidationException: somebody else committed meanwhile.
    """
    if not old and not new:
        return
    io: FileIO = table.io
    with table.transaction() as transaction:
        known = sorted(table.snapshots(), key=lambda s: s.timestamp_ms)
        if len(known) > _SNAPSHOTS:
            ExpireSnapshots(transaction).by_ids([s.snapshot_id for s in known[: -_SNAPSHOTS // 2]]).commit()
        with _Swap(Operation.OVERWRITE if old else Operation.APPEND, transaction, io) as change:
            for file in old:
                change.delete_data_file(file)
            for file in new:
                change.append_data_file(file)


def forget_history(table: Table) -> None:
    """Keep the current snapshot alone; the files that only older ones name become garbage."""
    current = table.current_snapshot()
    old = [s.snapshot_id for s in table.snapshots() if current is None or s.snapshot_id != current.snapshot_id]
    if old:
        with table.transaction() as transaction:
            ExpireSnapshots(transaction).by_ids(old).commit()
