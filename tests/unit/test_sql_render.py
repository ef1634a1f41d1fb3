"""Nothing but bound values and quoted names gets into SQL."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koku_core.sql import Table, Templates, quote

Render = Callable[..., Any]


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Render:
    """Renders one template text, as a package's template."""
    folder = tmp_path / "package_of_templates" / "sql"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("package_of_templates", None)
    importlib.invalidate_caches()

    def render(text: str, **values: Any) -> Any:
        (folder / "t.sql").write_text(text)
        return Templates("package_of_templates", "postgres").render("t.sql", values)

    return render


def test_a_value_is_bound_and_a_percent_sign_is_text(render: Render) -> None:
    statement = render("SELECT {{ x }} WHERE a LIKE 'b%'", x="it's")
    assert statement.psycopg() == (b"SELECT %s WHERE a LIKE 'b%%'", ("it's",))
    assert statement.qmark() == ("SELECT ? WHERE a LIKE 'b%'", ("it's",))


def test_names_are_quoted(render: Render) -> None:
    statement = render("SELECT {{ n | ident }} FROM {{ t }}", n='a"b', t=Table("rows", "pg_temp"))
    assert statement.psycopg() == (b'SELECT "a""b" FROM "pg_temp"."rows"', ())


def test_a_macro_gets_an_expression_of_the_template_and_binds_a_value(render: Render) -> None:
    statement = render("SELECT {{ m.div('sum(x)' | sql, y) }}", y=3)
    assert statement.psycopg() == (b"SELECT round(cast(sum(x) AS numeric(100, 18)) / nullif(%s, 0), 15)", (3,))


@pytest.mark.parametrize(
    "text",
    ["{{ x ~ 'a' }}", "{{ x + 'a' }}", "{{ 'a%s' % x }}", "{{ x | safe }}", "{{ x | sql }}", "{{ x.format(1) }}",
     "{{ (x | ident).join([x]) }}", "{{ x | replace('a', 'b') }}"],
)  # fmt: skip
def test_what_could_turn_text_into_sql_is_refused(render: Render, text: str) -> None:
    with pytest.raises(jinja2.TemplateSyntaxError):
        render(text, x="drop table")


def test_a_missing_value_is_an_error(render: Render) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("SELECT {{ nobody_gave_this }}")


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        quote(name)


@given(value=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_any_text_comes_back_as_it_went_in(render: Render, server_dsn: str, value: str) -> None:
    with psycopg.connect(server_dsn) as conn:
        assert conn.execute(*render("SELECT {{ v }}::text", v=value).psycopg()).fetchone() == (value,)
