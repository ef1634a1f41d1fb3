"""A provider whose one template uses every macro: what engines make of it they make of everybody's templates."""

from __future__ import annotations

from koku_core import hookimpl
from koku_core.declare.columns import Column, Kind, labels, money, text
from koku_core.declare.datasets import Dataset
from koku_core.declare.facts import Fact
from koku_core.declare.providers import Provider
from koku_core.declare.summarize import Context, Step, Summary

CASES = Dataset(
    "macro_cases",
    (
        labels("labels"), labels("absent"), text("other"), money("large"), money("small"), money("half"), text("word"),
        Column("first", Kind.DATE), Column("last", Kind.DATE), Column("place", Kind.INTEGER),
    ),
)  # fmt: skip
FACT = Fact(
    "macro_results",
    (
        *map(labels, ("kept", "kept_of_none", "kept_without_keys", "merged", "merged_with_none", "none")),
        *map(text, ("got", "missing", "as_text", "joined", "found", "not_found")),
        *(Column(name, Kind.INTEGER) for name in ("place", "each_length", "days", "seconds")),
        *(Column(name, Kind.BOOLEAN) for name in ("is_in", "among")),
        *map(money, ("quotient", "half_quotient", "by_zero", "negative", "whole_numbers", "product", "negative_product")),
        *map(money, ("small_product", "figure")),
    ),
)  # fmt: skip
SUMMARY = Summary("tests.macro_cases", FACT, (Step("macros.sql", (CASES,), (Context.ENABLED_TAG_KEYS,)),))


@hookimpl
def koku_provider() -> Provider:
    return Provider(
        name="macro_cases",
        label="Macros",
        api_path="macros",
        family="MACROS",
        source_types=(),
        datasets=(CASES,),
        version="1",
    )


@hookimpl
def koku_summarize() -> Summary:
    return SUMMARY
