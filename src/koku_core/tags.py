"""Tag keys: which label keys of a provider's family a tenant has enabled for reports and rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import InvalidInput
from koku_core.services import Services
from koku_core.sources.registry import summarize_all


class TagKeys:
    """The tag keys of one tenant. A change makes every month of the family's sources anew, by jobs."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def enable(self, family: str, keys: Iterable[str]) -> list[int]:
        """Enable keys, also such as have not been seen yet; makes the tenant if need be.

        Returns:
            The ids of the jobs that bring the change to the published months.

        Raises:
            InvalidInput: more keys would be enabled than the limit allows.
        """
        self._tenant.ensure()
        wanted = sorted(set(keys))
        with self._tenant.transaction() as conn:
            conn.execute("LOCK TABLE tag_key IN SHARE ROW EXCLUSIVE MODE")
            changed = conn.execute(
                """INSERT INTO tag_key (family, key, enabled) SELECT %s, k, true FROM unnest(%s::text[]) k
                   ON CONFLICT (family, key) DO UPDATE SET enabled = true WHERE NOT tag_key.enabled RETURNING key""",
                (family.upper(), wanted),
            ).fetchall()
            self._check_limit(conn)
            return self._changed(conn, family, bool(changed))

    def disable(self, family: str, keys: Iterable[str]) -> list[int]:
        """Disable keys; unknown ones are left out of account.

        Returns:
            The ids of the jobs that bring the change to the published months.
        """
        if not self._tenant.exists():
            return []
        with self._tenant.transaction() as conn:
            changed = conn.execute(
                "UPDATE tag_key SET enabled = false WHERE family = %s AND key = ANY(%s) AND enabled RETURNING key",
                (family.upper(), sorted(set(keys))),
            ).fetchall()
            return self._changed(conn, family, bool(changed))

    def enabled(self, family: str) -> list[str]:
        """The enabled keys of a family, sorted."""
        return [row["key"] for row in self.rows() if row["enabled"] and row["family"] == family.upper()]

    def rows(self) -> list[dict[str, Any]]:
        """All keys: `uuid`, `family`, `key`, `enabled`."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return rows(conn, "SELECT uuid::text, family, key, enabled FROM tag_key ORDER BY family, key")

    def _check_limit(self, conn: Connection) -> None:
        limit = self._services.settings.enabled_tag_limit
        row = conn.execute("SELECT count(*) FROM tag_key WHERE enabled").fetchone()
        if limit > 0 and row and row[0] > limit:
            raise InvalidInput(
                {"enabled": row[0], "limit": limit}, message=f"The maximum number of enabled tags is {limit}."
            )

    def _changed(self, conn: Connection, family: str, changed: bool) -> list[int]:
        if not changed:
            return []
        bump(conn, "settings")
        plugin = self._services.plugins.by_family(family)
        if plugin is None:
            return []
        uuids = [u for (u,) in conn.execute("SELECT uuid::text FROM source WHERE provider = %s", (plugin.name,))]
        return summarize_all(conn, self._tenant.name, uuids)
