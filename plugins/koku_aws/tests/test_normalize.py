"""Bills become line items: every form of header, exact amounts, and a message for whatever is wrong."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.koku_aws.tests.bills import FORMS, MONTH, Line, slash

from koku_aws.normalize import normalize
from koku_core.bills.months import bit_of
from koku_core.declare.deliveries import Normalized
from koku_core.errors import PayloadRefused, UnreadableCell
from koku_core.intake.archive import Limits

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\r\n\0"), min_size=1, max_size=12)
KEYS = st.sampled_from(("app", "Name", "cost center", 'a"b', "ä:ö"))
SUMS = {
    "usage_amount": "amount",
    "unblended_cost": "unblended",
    "blended_cost": "blended",
    "savingsplan_effective_cost": "effective",
}


def amounts() -> st.SearchStrategy[Decimal]:
    return st.decimals(-(10**9), 10**9, places=15, allow_nan=False, allow_infinity=False)


def lines(last: date = date(2026, 11, 30)) -> st.SearchStrategy[list[Line]]:
    maps = st.dictionaries(KEYS, NAMES, max_size=3)
    line = st.builds(
        Line, st.dates(MONTH, last), NAMES, st.sampled_from(("Usage", "Tax", "SavingsPlanNegation")), NAMES, NAMES,
        amounts(), amounts(), amounts(), amounts(), maps, maps,
    )  # fmt: skip
    return st.lists(line, min_size=1, max_size=12)


def read(files: Sequence[Path], only: Mapping[date, int] | None = None) -> Normalized:
    return normalize(files, Limits(), only)


def rows(made: Normalized) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made.tables["aws_line_items"].to_pylist()
    return found


@settings(max_examples=60, deadline=None)
@given(lines(), st.sampled_from(("slash", "exported")))
def test_nothing_is_lost_to_the_last_decimal(given_lines: list[Line], form: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = read([FORMS[form](Path(folder), given_lines)])
    for name, attribute in SUMS.items():
        assert sum(r[name] for r in rows(made)) == sum(getattr(line, attribute) for line in given_lines)
    expected = {(line.day, line.service, line.account, line.resource, line.kind) for line in given_lines}
    found = {
        (r["usage_start"], r["product_code"], r["usage_account_id"], r["resource_id"], r["line_item_type"])
        for r in rows(made)
    }
    assert found == expected
    assert {json.dumps(line.tags, sort_keys=True) for line in given_lines} == {
        json.dumps(json.loads(r["tags"]), sort_keys=True) for r in rows(made)
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    line = Line(
        resource="i-1", unblended=Decimal("1.25"), blended=Decimal("1.5"), effective=Decimal("0.75"), amount=Decimal(24),
        tags={"app": "shop"}, categories={"team": "sales"},
    )  # fmt: skip
    made = read([FORMS[form](tmp_path, [line, line, Line(service="AmazonS3")])])
    first, second = sorted(rows(made), key=lambda r: str(r["product_code"]))
    assert (first["usage_start"], first["resource_id"]) == (line.day, "i-1")
    assert [first[n] for n in SUMS] == [2 * getattr(line, a) for a in SUMS.values()]
    assert (json.loads(first["tags"]), json.loads(first["cost_category"])) == (line.tags, line.categories)
    assert (second["tags"], second["product_code"]) == ("{}", "AmazonS3")
    assert made.tag_keys == {"app"}
    assert first["region"] == ("eu-west-1" if form == "exported" else "")


def test_a_bill_covers_its_month(tmp_path: Path) -> None:
    made = read([slash(tmp_path, [Line()])])
    assert made.hours == {date(2026, 11, n): 1 for n in range(1, 31)}


def test_a_line_of_another_month_stands_beside_that_months_bill(tmp_path: Path) -> None:
    refund = Line(day=date(2026, 10, 5), kind="Refund", unblended=Decimal(-3))
    path = slash(tmp_path, [Line(unblended=Decimal(1)), refund])
    made = read([path])
    assert made.hours[refund.day] == bit_of(refund.day, MONTH) == 2
    assert [r["unblended_cost"] for r in rows(read([path], {refund.day: 2}))] == [-3]
    assert rows(read([path], {refund.day: 1})) == []


def test_many_rows_become_few(tmp_path: Path) -> None:
    many = [Line(resource=f"i-{n % 7}", unblended=Decimal("0.1")) for n in range(70_000)]
    made = read([slash(tmp_path, many)])
    assert len(rows(made)) == 7
    assert {r["unblended_cost"] for r in rows(made)} == {Decimal(1000)}
    assert made.files[0].rows == 70_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lineItem/UnblendedCost": "1,25"}, r"row 3, column lineItem/UnblendedCost: '1,25' is not a number"),
        ({"lineItem/UnblendedCost": "1e30"}, "row 3, column lineItem/UnblendedCost: '1e30' is not a number"),
        ({"lineItem/UsageStartDate": "yesterday"}, "row 3, column lineItem/UsageStartDate: 'yesterday' is not a time"),
        ({"bill/BillingPeriodStartDate": ""}, "row 3, column bill/BillingPeriodStartDate: '' is not a time"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(
    change: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Line().cells()
    bad = Line(service="bad")
    monkeypatch.setattr(Line, "cells", lambda self: {**cells, **(change if self.service == "bad" else {})})
    path = slash(tmp_path, [Line(), bad])
    with pytest.raises(UnreadableCell, match=said):
        read([path])


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("lineItem/UsageStartDate,lineItem/UnblendedCost\n2026-11-01,1\n")
    with pytest.raises(PayloadRefused, match="line_item_product_code"):
        read([path])


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = slash(tmp_path, [Line(resource=f"i-{n}") for n in range(5000)])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(PayloadRefused, match="cut off or damaged"):
        read([path])


def test_words_for_list_prices_count_as_nothing(tmp_path: Path) -> None:
    text = gzip.decompress(slash(tmp_path, [Line(unblended=Decimal(1))]).read_bytes()).decode().splitlines()
    path = tmp_path / "words.csv"
    path.write_text(f"{text[0]},pricing/publicOnDemandCost\n{text[1]},convertible\n")
    assert [(r["unblended_cost"], r["public_on_demand_cost"]) for r in rows(read([path]))] == [(1, 0)]
