"""Every macro means the same on every engine: one template with all of them, on the real servers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from pydantic import SecretStr

import koku_core.sql
from koku_core.declare.columns import Column, Kind, labels, money, text
from koku_core.devtools.trino_server import TrinoServer
from koku_core.executors.trino import relations
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Table, Templates
from koku_core.summarize.staging import stage

COLUMNS = (
    labels("labels"), labels("absent"), text("other"), money("large"), money("small"), money("half"), text("word"),
    Column("first", Kind.DATE), Column("last", Kind.DATE),
)  # fmt: skip
ROW = {
    "labels": '{"app":"web \\"1\\"","emoji":"🦜","tier":"a,b"}', "absent": None, "other": '{"app":"right","new":""}',
    "large": Decimal("999999999999999.123456789012345"), "small": Decimal("77.000000000000007"), "half": Decimal("0.000000070710678"),
    "word": "axe", "first": date(2024, 2, 28), "last": date(2024, 3, 1),
}  # fmt: skip
VALUES = {"wanted": ["app", "emoji", "it's"], "key": "emoji", "words": ["x", "axe"]}
EXPECTED: Mapping[str, Any] = {
    "kept": {"app": 'web "1"', "emoji": "🦜"}, "kept_of_none": {}, "kept_without_keys": {},
    "merged": {"app": "right", "emoji": "🦜", "new": ""}, "merged_with_none": {"app": "right", "new": ""}, "none": None,
    "got": "🦜", "missing": None, "as_text": 'app\x01web "1"\x02emoji\x01🦜\x02tier\x01a,b', "each_length": 11, "is_in": True,
    "quotient": Decimal("12987012987012.974448671403938"), "by_zero": None, "negative": Decimal("-25.666666666666669"),
    "whole_numbers": Decimal("0.666666666666667"), "product": Decimal("76999999999999939.506172753950559"),
    "negative_product": Decimal("-76999999999999939.506172753950559"), "small_product": Decimal("0.000000000000005"),
    "figure": Decimal("77.000000000000007"), "days": 2, "seconds": 172800, "joined": "B, axe", "found": "a", "not_found": None,
    "among": True,
}  # fmt: skip
TABLE = pa.table({c.name: pa.array([ROW[c.name]], c.kind.arrow) for c in COLUMNS})


def read(found: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an engine, each value as the expected one is written."""
    kinds = {name: type(value) for name, value in EXPECTED.items()}
    made = {}
    for name, value in found.items():
        if kinds[name] is dict:
            made[name] = json.loads(value) if isinstance(value, str) else value
        elif kinds[name] is Decimal and value is not None:
            made[name] = Decimal(value)
        else:
            made[name] = value
    return made


def test_the_template_uses_every_macro_and_all_engines_have_the_same() -> None:
    folder = Path(koku_core.sql.__file__).parent / "macros"
    macros = {path.stem: set(re.findall(r"{% macro ([a-z]\w*)", path.read_text())) for path in folder.glob("*.sql")}
    assert macros.pop("postgres") == macros.pop("trino")
    assert macros == {}
    used = set(
        re.findall(r"\bm\.(\w+)", (Path(__file__).parent.parent / "macro_cases" / "sql" / "macros.sql").read_text())
    )
    assert used == set(re.findall(r"{% macro ([a-z]\w*)", (folder / "trino.sql").read_text()))


def test_on_postgresql(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        stage(conn, "cases", COLUMNS, TABLE)
        rendered = Templates("tests.macro_cases", "postgres").render(
            "macros.sql", {**VALUES, "datasets": {"cases": Table("cases", "pg_temp")}}
        )
        cursor = conn.execute(*rendered.psycopg())
        row = cursor.fetchone()
        assert row is not None
        assert read(dict(zip([c.name for c in cursor.description or ()], row, strict=True))) == EXPECTED


@pytest.mark.slow
def test_on_trino(trino: TrinoServer) -> None:
    server = Trino(TrinoUrl.of(SecretStr(trino.url)))
    cases = relations.values(COLUMNS, TABLE)
    rendered = Templates("tests.macro_cases", "trino").render("macros.sql", {**VALUES, "datasets": {"cases": cases}})
    with server.query(rendered) as (names, blocks):
        ((row,),) = blocks
        assert read(dict(zip(names, row, strict=True))) == EXPECTED
