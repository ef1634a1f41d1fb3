"""Mappings of tag keys: what is labelled by a child's key counts as labelled by its parent's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput
from koku_core.services import Services
from koku_core.tags import resummarize
from koku_core.validation import refuse, uuid_text

UNKNOWN = "Invalid, disabled, or missing uuid provided."
_READ = """
    SELECT k.uuid::text, k.family, k.key, m.parent::text,
           EXISTS (SELECT FROM tag_mapping WHERE parent = k.uuid) AS is_parent,
           (SELECT p.uuid::text FROM cost_model p JOIN cost_model_price_list a ON a.cost_model_uuid = p.uuid
               JOIN price_list l ON l.uuid = a.price_list_uuid, jsonb_array_elements(l.rates) AS rate
            WHERE upper(p.family) = k.family AND rate #>> '{tag_rates,tag_key}' = k.key ORDER BY p.created, p.uuid LIMIT 1) AS cost_model_id
    FROM tag_key k LEFT JOIN tag_mapping m ON m.child = k.uuid WHERE k.enabled ORDER BY k.key, k.family
"""


class TagMappings:
    """The mappings of one tenant. A change makes every month of the children's sources anew, by jobs."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def rows(self) -> list[dict[str, Any]]:
        """The enabled keys by name: `uuid`, `family`, `key`, `parent` or None, `is_parent`, `cost_model_id` of a rate by it or None."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return rows(conn, _READ)

    def add(self, parent: str, children: Sequence[str]) -> list[int]:
        """Map keys to a parent.

        Args:
            parent: the uuid of an enabled key.
            children: those of other enabled keys.

        Returns:
            The ids of the jobs that bring the change to the published months.

        Raises:
            InvalidInput: a key is not there, or cannot be a child or parent.
        """
        if not self._tenant.exists():
            raise refuse(UNKNOWN)
        with self._tenant.transaction() as conn:
            conn.execute("LOCK TABLE tag_key, tag_mapping IN SHARE ROW EXCLUSIVE MODE")
            known = {row["uuid"]: row for row in rows(conn, _READ)}
            _check(known, parent, children)
            for child in children:
                conn.execute("INSERT INTO tag_mapping (child, parent) VALUES (%s, %s)", (child, parent))
            return resummarize(self._services, self._tenant, conn, (known[c]["family"] for c in children))

    def remove_children(self, uuids: Iterable[str]) -> list[int]:
        """Take children from their parents.

        Raises:
            InvalidInput: none of the keys is a child.
        """
        return self._remove("child = ANY(%s::uuid[])", list(uuids))

    def remove_parents(self, uuids: Iterable[str]) -> list[int]:
        """Take all children from some parents.

        Raises:
            InvalidInput: none of the keys is a parent.
        """
        return self._remove("parent = ANY(%s::uuid[])", list(uuids))

    def _remove(self, which: str, uuids: list[str]) -> list[int]:
        if not self._tenant.exists():
            raise InvalidInput([UNKNOWN])
        with self._tenant.transaction() as conn:
            families = _deleted(conn, which, [found for uuid in uuids if (found := uuid_text(uuid))])
            if not families:
                raise InvalidInput([UNKNOWN])
            return resummarize(self._services, self._tenant, conn, families)


def _deleted(conn: Connection, which: str, uuids: list[str]) -> list[str]:
    """The families of the children that were taken from their parents."""
    text = f"WITH gone AS (DELETE FROM tag_mapping WHERE {which} RETURNING child) SELECT family FROM gone JOIN tag_key ON uuid = child"
    return [family for (family,) in conn.execute(text.encode(), (uuids,))]


def _check(known: dict[str, dict[str, Any]], parent: str, children: Sequence[str]) -> None:
    """Refuse what would be no mapping, with all that is wrong of the first kind of wrong."""
    named = [parent, *children]
    if not children or len(set(named)) < len(named) or not set(named) <= known.keys():
        raise refuse(UNKNOWN)
    mine = [known[uuid] for uuid in children]
    wrong = [
        ("a parent cannot become a child: {}", [r["uuid"] for r in mine if r["is_parent"]]),
        ("a child cannot become a parent: {}", [parent] if known[parent]["parent"] else []),
        ("child already linked to a parent: {}", [r["uuid"] for r in mine if r["parent"]]),
        ("child is being used in a cost model: {}", [
            {"cost_model_id": r["cost_model_id"], "child_key": r["key"]} for r in mine if r["cost_model_id"]
        ]),
    ]  # fmt: skip
    for text, found in wrong:
        if found:
            raise refuse(text.format(found))
