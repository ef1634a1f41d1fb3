"""Questions about what lies in nodes of a tree: `group_by[org_unit_id]=ou-1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql
from psycopg.pq import TransactionStatus

from koku_core.access import Access
from koku_core.database.server import Connection
from koku_core.declare.reports import Expression, Key, ReportMap, Text
from koku_core.declare.trees import SEPARATOR, Tree
from koku_core.reports.access import Restrictions, restrict
from koku_core.reports.draft import Draft
from koku_core.reports.fields import UNSUPPORTED
from koku_core.reports.parameters import ALL, Group, Inside, Match, Name, Parameters
from koku_core.reports.period import Period

#: What rows tell of themselves: whether they are nodes or leaves, their ids, their names.
KIND, ID, ALIAS = "type", "id", "alias"
#: How many entities a page has, unless somebody says so.
PAGE = 10
_PATH = f"string_to_array({{path}}, '{SEPARATOR}')"


def refused(question: Draft, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with groups by nodes: nodes have to be named, and several need `or:`."""
    tree = question.reports.tree
    named = {n: v for n, v in given.items() if tree and Name.read(n).full == tree.key}
    if not tree or not named:
        return {}
    values = [v for value in named.values() for v in (value if isinstance(value, list) else [value])]
    if question.report.tree is None or ALL in values or not all(isinstance(v, str) for v in values):
        return dict.fromkeys(named, UNSUPPORTED)
    if isinstance(named.get(tree.key), list):
        return {tree.several: f"Multiple {tree.key} must be represented with the or: prefix."}
    return {}


def asked(question: Draft) -> Inside | None:
    """The nodes that are looked into; None: it is no such question."""
    tree = question.report.tree
    named = {n: v for n, v in question.maps["group_by"].items() if tree and Name.read(n).full == tree.key}
    nodes = dict.fromkeys(v for values in named.values() for v in values)
    return Inside(tree, tuple(nodes), tuple(map(Name.read, named))) if tree and nodes else None


def groups(inside: Inside) -> list[Group]:
    """The two groups that stand for what lies in the nodes: whether it is a node or a leaf, and its id."""
    tree, below = inside.tree, _below(inside.tree)
    kind = f"CASE WHEN {below} IS NULL THEN '{tree.kinds[1]}' ELSE '{tree.kinds[0]}' END"
    values = (
        (KIND, Expression(kind, (tree.path,))),
        (ID, Expression(f"coalesce({below}, {tree.leaf})", (tree.path, tree.leaf))),
    )
    return [Group(Name("", name), Key(name, value), name, -1) for name, value in values]


def text(inside: Inside) -> Text:
    """The names of leaves; those of nodes are in `Inside.names`."""
    return Text(ALIAS, ID, Expression(inside.tree.alias, (inside.tree.alias,)))


def condition(inside: Inside) -> str:
    """SQL of rows that lie in the nodes, which are `{nodes}`."""
    return f"{_PATH.format(path=inside.tree.path)} && {{nodes}}"


def _below(tree: Tree) -> str:
    """SQL of the node on the path to a row that lies directly in the topmost of the nodes asked for."""
    path = _PATH.format(path=tree.path)
    return f"({path})[(SELECT min(array_position({path}, asked)) FROM unnest({{nodes}}) AS asked) + 1]"


@dataclass(frozen=True, slots=True)
class Node:
    """A node as a period saw it last."""

    id: str
    name: str
    path: str

    @property
    def way(self) -> list[str]:
        """The ids from the root down to it."""
        return self.path.split(SEPARATOR)

    @property
    def parent(self) -> str:
        """The path of the node above; empty for a root."""
        return self.path.rpartition(SEPARATOR)[0]


def nodes(conn: Connection, tree: Tree, period: Period) -> dict[str, Node]:
    """The nodes that were there in a period, by id, as they were last."""
    if conn.execute("SELECT to_regclass(quote_ident(%s))", (tree.fact.name,)).fetchone() == (None,):
        return {}
    query = sql.SQL(
        """SELECT DISTINCT ON ({node}) {node}, {name}, {path} FROM {table}
           WHERE usage_start BETWEEN %s AND %s AND {leaf} IS NULL ORDER BY {node}, usage_start DESC, {path}"""
    ).format(
        **{n: sql.Identifier(getattr(tree, n)) for n in ("node", "name", "path", "leaf")}, table=sql.Identifier(tree.fact.name)
    )  # fmt: skip
    return {i: Node(i, name or i, path) for i, name, path in conn.execute(query, (period.start, period.end))}


def permitted(
    conn: Connection, reports: ReportMap, parameters: Parameters, access: Access
) -> tuple[Parameters, Restrictions]:
    """The question with what it must know of the tree, and what its rows must be, as `restrict` says.

    Who may see a node may name those below it too.

    Raises:
        AccessDenied: it names something that the asker may not see, or nothing may be seen at all.
    """
    keys, tree = parameters.report.keys, reports.tree
    key = next((k for k in keys if tree and k.name == tree.key), None)
    if tree is None or key is None:
        return parameters, restrict(access, keys, parameters.filters)
    limited = access.restriction(key.access)
    failed = conn.info.transaction_status == TransactionStatus.INERROR  # there is no such tenant
    there = nodes(conn, tree, parameters.period) if (parameters.inside or limited) and not failed else {}
    below = [n.id for n in there.values() if set(limited or ()) & set(n.way)]
    looked_into = parameters.inside
    named = [Match(n, key, looked_into.nodes) for n in looked_into.written] if looked_into else []
    restrictions = restrict(access, keys, [*parameters.filters, *named], {key.name: below})
    return _known(parameters, there), restrictions


def _known(parameters: Parameters, there: Mapping[str, Node]) -> Parameters:
    """The question once the tree is read; `meta` repeats that leaves are grouped by where there is nothing but leaves."""
    inside = parameters.inside
    if inside is None:
        return parameters
    tree = inside.tree
    shown = {n: v for n, v in parameters.echo["group_by"].items() if Name.read(n).full not in (tree.key, tree.within)}
    if not any(node.way[-2:-1] and node.way[-2] in inside.nodes for node in there.values()):
        shown[tree.within] = [ALL]
    names = {node.id: node.name for node in there.values()}
    return replace(parameters, inside=replace(inside, names=names), echo={**parameters.echo, "group_by": shown})
