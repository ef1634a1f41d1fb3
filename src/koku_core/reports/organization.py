"""`organizations/PROVIDER/`: the nodes of a tree as a period saw them last, and the leaves that were in each last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import sql

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.declare.reports import Key, ReportMap, TagReport
from koku_core.declare.trees import Tree
from koku_core.errors import AccessDenied
from koku_core.reports.conditions import Conditions, Values, all_of
from koku_core.reports.inside import Node, nodes
from koku_core.reports.parameters import ALL, Parameters
from koku_core.reports.query import Parsed
from koku_core.reports.tags import TagValidation
from koku_core.reports.validation import Validation


class TreeValidation(TagValidation):
    """The checks of a question about a tree: it chooses nodes, a period and a page."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.keys = {n: k for n, k in self.keys.items() if n not in ("key", "value")}

    def _filter(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        return Validation._filter(self, given, errors)

    def _exclude(self, given: Parsed, errors: dict[str, Any]) -> dict[str, Any]:
        return Validation._exclude(self, given, errors)


def asked_of(reports: ReportMap) -> tuple[Tree, TagReport]:
    """The tree of a report map, and what questions about it may be filtered by."""
    tree = reports.tree
    assert tree is not None  # noqa: S101 - only called for a provider with a tree
    return tree, TagReport(tuple(k for r in reports.reports[:1] for k in r.keys if k.name == tree.key))


def rows(
    conn: Connection, reports: ReportMap, parameters: Parameters, access: Access, *, key_only: bool
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The nodes that somebody may see, by id, and the lists that limit them.

    Raises:
        AccessDenied: a filter names a node that the asker may not see.
    """
    tree, _ = asked_of(reports)
    keys = {k.name: k for k in reports.reports[0].keys}
    limits = {name: access.restriction(keys[name].access) for name in (tree.within, tree.key)}
    seen = {name: list(values) for name, values in limits.items() if values}
    there = nodes(conn, tree, parameters.period)
    permitted = {i: n for i, n in there.items() if limits[tree.key] is None or set(limits[tree.key] or ()) & set(n.way)}
    _check(keys[tree.key], parameters, permitted, there)
    leaves = _leaves(conn, tree, keys[tree.within], limits[tree.within], parameters)
    wanted = [n for n in permitted.values() if _wanted(tree, parameters, n)]
    return [_row(tree, n, permitted.values(), leaves.get(n.id, ()), key_only) for n in sorted(wanted, key=_id)], seen


def _id(node: Node) -> str:
    return node.id


def _check(key: Key, parameters: Parameters, permitted: Mapping[str, Node], there: Mapping[str, Node]) -> None:
    named = {v for m in parameters.filters if not m.name.operator for v in m.values if v != ALL}
    if named & (there.keys() - permitted.keys()):
        raise AccessDenied(key.access)


def _wanted(tree: Tree, parameters: Parameters, node: Node) -> bool:
    """Whether a node is what filters name; exclusions have no effect, as in lists of tags."""
    for match in parameters.filters:
        text, values = node.id.casefold(), [v.casefold() for v in match.values]
        found = [v == text if match.name.operator == "exact" else v in text or v == ALL for v in values]
        if not (all(found) if match.name.operator == "and" else any(found)):
            return False
    return True


def _leaves(
    conn: Connection, tree: Tree, key: Key, limit: tuple[str, ...] | None, parameters: Parameters
) -> dict[str, list[str]]:
    """By node the names of the leaves that were in it when the period saw them last; a limit that is empty limits nothing."""
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (tree.fact.name,)).fetchone() == (None,):
        return {}
    values = Values()
    days = [values.bind(d, "date") for d in (parameters.period.start, parameters.period.end)]
    found: list[sql.Composable] = [
        sql.SQL("usage_start BETWEEN {} AND {}").format(*days),
        sql.SQL("{} IS NOT NULL").format(sql.Identifier(tree.leaf)),
    ]
    found += Conditions(values).access({key: limit} if limit else {})
    text = sql.SQL(
        """SELECT DISTINCT ON ({leaf}) {node}, coalesce({alias}, {leaf}) FROM {table} WHERE {where}
           ORDER BY {leaf}, usage_start DESC, {path}"""
    ).format(
        **{n: sql.Identifier(getattr(tree, n)) for n in ("leaf", "node", "alias", "path")},
        table=sql.Identifier(tree.fact.name), where=all_of(found),
    )  # fmt: skip
    by_node: dict[str, list[str]] = defaultdict(list)
    for node, alias in conn.execute(text, values.all):
        by_node[node].append(alias)
    return by_node


def _row(tree: Tree, node: Node, seen: Iterable[Node], leaves: Iterable[str], key_only: bool) -> dict[str, Any]:
    own = (node.id, node.name, node.path)
    row: dict[str, Any] = dict(zip(tree.fields, own, strict=False)) | {"level": len(node.way) - 1}
    below = sorted(n.id for n in seen if n.parent == node.path)
    return row if key_only else row | {tree.fields[3]: below, tree.fields[4]: sorted(leaves)}
