"""Renders a Jinja2 SQL template into a statement and its bound values.

In a template

* `{{ x }}` binds the value of `x`; a list is bound as one array value,
* `{{ x | ident }}` quotes a name, and `{{ table }}` names a `Table`, or is a `Rendered` subquery in its place,
* `{{ 'sum(cost)' | sql }}` is an expression written in the template itself, to hand to a macro,
* a macro's result, and that of a `{% set %}…{% endset %}` block, is SQL.

Whatever else could turn text into SQL (joining, formatting, other filters) is refused when the template is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from markupsafe import Markup

_FILTERS = frozenset({"ident", "sql", "length", "list", "first", "last", "sort"})
_METHODS = frozenset({"items", "keys", "values"})
_TOKEN = re.compile("\x02(\\d+)\x03")
_bound: ContextVar[list[Any]] = ContextVar("bound")


def quote(name: str) -> str:
    """Quote an identifier.

    Raises:
        ValueError: it is empty or holds a NUL character.
    """
    if not name or "\x00" in name:
        raise ValueError(f"not an identifier: {name!r}")
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Table:
    """A table's name, with its schema if it has one; in a template it stands for itself, quoted."""

    name: str
    schema: str = ""

    def __html__(self) -> str:
        """The quoted name: what a template puts into the statement."""
        return f"{quote(self.schema)}.{quote(self.name)}" if self.schema else quote(self.name)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A statement in pieces, one value between each two texts, so that every engine can put its own placeholder there."""

    texts: tuple[str, ...]
    values: tuple[Any, ...]

    def psycopg(self) -> tuple[bytes, tuple[Any, ...]]:
        """The statement with `%s` placeholders, and the values."""
        return "%s".join(t.replace("%", "%%") for t in self.texts).encode(), self.values

    def qmark(self) -> tuple[str, tuple[Any, ...]]:
        """The statement with `?` placeholders, and the values."""
        return "?".join(self.texts), self.values


class _Environment(jinja2.Environment):
    """An environment that refuses every way to put text into SQL but the four of the module's text."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        imported = {node.target for node in tree.find_all(nodes.Import)} | {"m", "loop"}
        for node in tree.find_all((nodes.Concat, nodes.Add, nodes.Mod, nodes.Filter, nodes.Call)):
            why = _refusal(node, imported)
            if why:
                raise jinja2.TemplateSyntaxError(why, node.lineno, name, filename)
        return tree


def _refusal(node: nodes.Node, imported: set[str]) -> str:
    """Why a node may not stand in a template; empty if it may."""
    if isinstance(node, nodes.Filter):
        return _filter_refusal(node)
    if not isinstance(node, nodes.Call):
        return "text is never joined in SQL: bind the values and let the engine do it"
    target = node.node
    if not isinstance(target, nodes.Getattr) or target.attr in _METHODS:
        return ""
    of_macros = isinstance(target.node, nodes.Name) and target.node.name in imported
    return "" if of_macros else f"method {target.attr!r} may not be called in SQL"


def _filter_refusal(node: nodes.Filter) -> str:
    if node.name not in _FILTERS:
        return f"filter {node.name!r} may not be used in SQL (those that may: {', '.join(sorted(_FILTERS))})"
    if node.name == "sql" and not isinstance(node.node, nodes.Const):
        return "filter 'sql' takes an expression written in the template, never a value"
    return ""


@jinja2.pass_context
def _bind(_: jinja2.runtime.Context, value: Any) -> Any:
    if isinstance(value, (Markup, Table, jinja2.Undefined)):
        return value
    if isinstance(value, Rendered):
        tokens = [*map(_token, value.values), ""]
        return Markup(f"({''.join(t + v for t, v in zip(value.texts, tokens, strict=True))})")  # noqa: S704 - SQL already
    return Markup(_token(value))  # noqa: S704 - two control characters and a number


def _token(value: Any) -> str:
    """What stands for a bound value until the whole statement is rendered."""
    values = _bound.get()
    values.append(value)
    return f"\x02{len(values) - 1}\x03"


class Templates:
    """The templates of one package's `sql` folder, with the macros of one engine, which `home` has in `sql/macros`, as `m`."""

    def __init__(self, package: str, engine: str, home: str = "koku_core") -> None:
        loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, "sql"), jinja2.PackageLoader(home, "sql/macros")])
        self._env = _Environment(
            loader=loader,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_bind,
        )
        self._env.filters["ident"] = lambda name: Markup(quote(name))  # noqa: S704 - quoted
        self._env.filters["sql"] = Markup
        self._engine = engine

    def render(self, template: str, values: Mapping[str, Any]) -> Rendered:
        """Render `template` with `values`.

        Raises:
            jinja2.UndefinedError: the template uses a name that is not given.
            jinja2.TemplateSyntaxError: the template puts text into SQL.
        """
        bound: list[Any] = []
        reset = _bound.set(bound)
        try:
            text = self._env.get_template(template).render({**values, "m": self._macros(values)})
        finally:
            _bound.reset(reset)
        pieces = _TOKEN.split(text)
        return Rendered(tuple(pieces[::2]), tuple(bound[int(i)] for i in pieces[1::2]))

    def check(self, template: str) -> None:
        """Load a template without rendering it.

        Raises:
            jinja2.TemplateNotFound: there is none.
            jinja2.TemplateSyntaxError: it is no template, or puts text into SQL.
        """
        self._env.get_template(template)

    def _macros(self, values: Mapping[str, Any]) -> Any:
        return self._env.get_template(f"{self._engine}.sql").make_module(dict(values))


@lru_cache
def templates(package: str, engine: str, home: str = "koku_core") -> Templates:
    """The templates of a package for an engine whose macros are those of `home`, compiled once."""
    return Templates(package, engine, home)
