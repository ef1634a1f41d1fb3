"""Cost groups: which projects, or what else a provider has, belong together. The built-in ones are declared by providers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql

from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant
from koku_core.declare.reports import CostGroups as Declared
from koku_core.declare.reports import ReportMap
from koku_core.errors import InvalidInput
from koku_core.reports.conditions import raw
from koku_core.reports.resource_types import table_of
from koku_core.services import Services
from koku_core.tags import resummarize

_LISTED = 6
#: What the daily summary does: of the patterns that match, that of the largest group counts.
_READ = """
    SELECT found.value AS project, cost_group.name AS "group", found.holders AS clusters, matched.built_in AS "default"
    FROM (SELECT {value} AS value, array_agg(DISTINCT {holder} ORDER BY {holder}) AS holders FROM {table} WHERE {where} GROUP BY 1) AS found
    LEFT JOIN LATERAL (SELECT cost_group_id, built_in FROM cost_group_pattern WHERE found.value LIKE pattern
                       ORDER BY cost_group_id DESC, built_in DESC LIMIT 1) AS matched ON true
    LEFT JOIN cost_group ON cost_group.id = matched.cost_group_id
    WHERE found.value <> '' ORDER BY lower(found.value) COLLATE "C", found.value
"""


class CostGroups:
    """The cost groups of one tenant. A change makes every published month anew, by jobs."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def names(self) -> list[str]:
        """The names of all groups."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return _names(conn)

    def rows(self) -> list[dict[str, Any]]:
        """What can be grouped: `project`, its `group` or None, the `clusters` that have it, `default` if the assignment is built in."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return self._rows(conn)

    def _rows(self, conn: Connection) -> list[dict[str, Any]]:
        maps = [plugin.report_map for plugin in self._services.plugins]
        return [row for reports in maps if reports.cost_groups for row in _read(conn, reports, reports.cost_groups)]

    def add(self, assignments: Sequence[tuple[str, str]]) -> list[int]:
        """Put projects into groups; built-in assignments stay as they are.

        Args:
            assignments: (project, group).

        Returns:
            The ids of the jobs that bring the change to the published months.

        Raises:
            InvalidInput: there is no such project or group.
        """
        return self._change(
            assignments,
            """INSERT INTO cost_group_pattern (pattern, cost_group_id) SELECT %s, id FROM cost_group WHERE name = %s
               ON CONFLICT (pattern) DO UPDATE SET cost_group_id = excluded.cost_group_id
               WHERE NOT cost_group_pattern.built_in AND cost_group_pattern.cost_group_id <> excluded.cost_group_id RETURNING 1""",
        )

    def remove(self, assignments: Sequence[tuple[str, str]]) -> list[int]:
        """Take projects out of groups; built-in assignments stay.

        Args:
            assignments: (project, group).

        Returns:
            The ids of the jobs.

        Raises:
            InvalidInput: there is no such project or group.
        """
        return self._change(
            assignments,
            """DELETE FROM cost_group_pattern WHERE pattern = %s AND NOT built_in
               AND cost_group_id = (SELECT id FROM cost_group WHERE name = %s) RETURNING 1""",
        )

    def _change(self, assignments: Sequence[tuple[str, str]], statement: str) -> list[int]:
        if not self._tenant.exists():
            _check(assignments, [], [])
            return []
        with self._tenant.transaction() as conn:
            conn.execute("LOCK TABLE cost_group_pattern IN SHARE ROW EXCLUSIVE MODE")
            there = self._rows(conn)
            _check(assignments, [row["project"] for row in there], _names(conn))
            built_in = {row["project"] for row in there if row["default"]}
            changed = [
                conn.execute(statement.encode(), (_escaped(project), group)).fetchone()
                for project, group in assignments if project not in built_in
            ]  # fmt: skip
            if not any(changed):
                return []
            families = [p.provider.family for p in self._services.plugins if p.report_map.cost_groups]
            return resummarize(self._services, self._tenant, conn, families)


def _names(conn: Connection) -> list[str]:
    return [name for (name,) in conn.execute("SELECT name FROM cost_group ORDER BY name")]


def _read(conn: Connection, reports: ReportMap, declared: Declared) -> list[dict[str, Any]]:
    value, holder = declared.key.value, declared.holders.value
    if value is None or holder is None:
        return []
    table = table_of(
        reports.fact, {*value.columns, *holder.columns, *(declared.where.columns if declared.where else ())}
    )
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (table,)).fetchone() == (None,):
        return []
    where = raw(declared.where.sql) if declared.where else sql.SQL("true")
    text = sql.SQL(_READ).format(value=raw(value.sql), holder=raw(holder.sql), table=sql.Identifier(table), where=where)
    return rows(conn, text)


def _escaped(project: str) -> str:
    """The LIKE pattern of one project alone."""
    return project.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _check(assignments: Iterable[tuple[str, str]], projects: Sequence[str], groups: Sequence[str]) -> None:
    """Refuse projects and groups that are not there."""
    errors: dict[str, list[str]] = {}
    for project, group in assignments:
        for name, value, choices in (("project", project, projects), ("group", group, groups)):
            if value not in choices:
                errors.setdefault(name, []).append(_no_choice(value, choices))
    if errors:
        raise InvalidInput(errors)


def _no_choice(value: str, choices: Sequence[str]) -> str:
    if not 1 <= len(choices) <= _LISTED:
        return f"Select a valid choice. '{value}' is not a valid choice."
    listed = f"Choice is {choices[0]}" if len(choices) == 1 else f"Choices are {', '.join(choices)}"
    return f"Select a valid choice. {listed}."
