"""Tag keys: which label keys of a provider's family a tenant has enabled for reports and rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import InvalidInput
from koku_core.jobs.months import summarize_all
from koku_core.services import Services
from koku_core.validation import refuse, storable

MAPPED = "Can not disable a key associated with a tag mapping"


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
            InvalidInput: a text can be no key, or more keys would be enabled than the limit allows.
        """
        wanted = list(dict.fromkeys(keys))
        if not all(map(storable, wanted)):
            raise refuse("A label's key holds no NUL and no half of a character.", "keys")
        self._tenant.ensure()
        with self._limited() as conn:
            changed = conn.execute(
                """INSERT INTO tag_key (family, key, enabled) SELECT %s, k, true FROM unnest(%s::text[]) WITH ORDINALITY t (k, n) ORDER BY n
                   ON CONFLICT (family, key) DO UPDATE SET enabled = true WHERE NOT tag_key.enabled RETURNING key""",
                (family.upper(), wanted),
            ).fetchall()
            return self._changed(conn, [family] if changed else [])

    def enable_by_uuid(self, uuids: Iterable[str]) -> list[int]:
        """As `enable`, for keys that have been seen, of any family; unknown ones are left out of account."""
        if not self._tenant.exists():
            return []
        with self._limited() as conn:
            changed = conn.execute(
                "UPDATE tag_key SET enabled = true WHERE uuid = ANY(%s::uuid[]) AND NOT enabled RETURNING family",
                (list(uuids),),
            ).fetchall()
            return self._changed(conn, [family for (family,) in changed])

    def disable(self, family: str, keys: Iterable[str]) -> list[int]:
        """Disable keys; unknown ones are left out of account.

        Returns:
            The ids of the jobs that bring the change to the published months.

        Raises:
            InvalidInput: a key is part of a mapping.
        """
        return self._disable("family = %s AND key = ANY(%s)", (family.upper(), list(filter(storable, keys))))

    def disable_by_uuid(self, uuids: Iterable[str]) -> list[int]:
        """As `disable`, for keys of any family."""
        return self._disable("uuid = ANY(%s::uuid[])", (list(uuids),))

    def _disable(self, which: LiteralString, values: tuple[Any, ...]) -> list[int]:
        if not self._tenant.exists():
            return []
        with self._tenant.transaction() as conn:
            found = rows(conn, f"SELECT uuid::text, family FROM tag_key WHERE enabled AND {which} FOR UPDATE", values)
            uuids = [row["uuid"] for row in found]
            mapped = conn.execute(
                """SELECT uuid::text FROM tag_key WHERE uuid = ANY(%s::uuid[])
                   AND EXISTS (SELECT FROM tag_mapping WHERE uuid IN (child, parent))""",
                (uuids,),
            ).fetchall()
            if mapped:
                raise InvalidInput({"ids": [u for (u,) in mapped]}, message=MAPPED)
            conn.execute("UPDATE tag_key SET enabled = false WHERE uuid = ANY(%s::uuid[])", (uuids,))
            return self._changed(conn, [row["family"] for row in found])

    def enabled(self, family: str) -> list[str]:
        """The enabled keys of a family, sorted."""
        return [row["key"] for row in self.rows() if row["enabled"] and row["family"] == family.upper()]

    def rows(self) -> list[dict[str, Any]]:
        """All keys in the order that they came: `uuid`, `family`, `key`, `enabled`."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return rows(conn, "SELECT uuid::text, family, key, enabled FROM tag_key ORDER BY family, id")

    @contextmanager
    def _limited(self) -> Iterator[Connection]:
        """A transaction after which no more keys are enabled than the limit allows, unless it enables none."""
        limit = self._services.settings.enabled_tag_limit
        with self._tenant.transaction() as conn:
            conn.execute("LOCK TABLE tag_key IN SHARE ROW EXCLUSIVE MODE")
            before = _enabled(conn)
            yield conn
            if limit > 0 and _enabled(conn) > max(before, limit):
                raise InvalidInput(
                    {"enabled": before, "limit": limit}, message=f"The maximum number of enabled tags is {limit}."
                )

    def _changed(self, conn: Connection, families: Iterable[str]) -> list[int]:
        return resummarize(self._services, self._tenant, conn, families)


def _enabled(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM tag_key WHERE enabled").fetchone()
    return int(row[0]) if row else 0


def resummarize(services: Services, tenant: Tenant, conn: Connection, families: Iterable[str]) -> list[int]:
    """Have every published month of some families made anew, and their answers get another ETag.

    Returns:
        The ids of the jobs.
    """
    changed = {family.upper() for family in families}
    if not changed:
        return []
    bump(conn, "settings")
    names = [p.name for p in services.plugins if p.provider.family.upper() in changed]
    uuids = [u for (u,) in conn.execute("SELECT uuid::text FROM source WHERE provider = ANY(%s)", (names,))]
    return summarize_all(conn, tenant.name, uuids)
