"""Keys of labels beside the tags (cost categories): which have been seen, and which of them reports know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant, bump


class LabelKeys:
    """The keys of one kind of labels of one tenant."""

    def __init__(self, tenant: Tenant, family: str, labels: str) -> None:
        """Name the kind.

        Args:
            tenant: whose settings.
            family: of the provider.
            labels: their name, as `declare.trees.Labels` has it.
        """
        self._tenant, self._kind = tenant, (family, labels)

    def rows(self) -> list[dict[str, Any]]:
        """All keys in the order of their bytes: `uuid`, `key`, `enabled`."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return rows(
                conn,
                """SELECT uuid::text, key, enabled FROM label_key WHERE (family, labels) = (%s, %s) ORDER BY key COLLATE "C" """,
                self._kind,
            )

    def enable(self, uuids: Iterable[str], *, enabled: bool = True) -> None:
        """Enable keys, or disable them; unknown ones are left out of account. Answers follow at once, since summaries keep all labels."""
        if not self._tenant.exists():
            return
        with self._tenant.transaction() as conn:
            changed = conn.execute(
                "UPDATE label_key SET enabled = %s WHERE (family, labels) = (%s, %s) AND uuid = ANY(%s::uuid[]) AND enabled <> %s",
                (enabled, *self._kind, list(uuids), enabled),
            ).rowcount
            if changed:
                bump(conn, "settings")


def offer(conn: Connection, family: str, labels: str, keys: Iterable[str]) -> None:
    """Note keys that were seen; new ones are enabled."""
    conn.execute(
        "INSERT INTO label_key (family, labels, key) SELECT %s, %s, key FROM unnest(%s::text[]) AS key ON CONFLICT DO NOTHING",
        (family, labels, sorted(keys)),
    )
