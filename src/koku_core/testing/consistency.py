"""Checks that a plugin's declarations fit together, without a database: each problem is a sentence. Needs no pytest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jinja2
from pydantic import SecretStr

from koku_core import hookspecs
from koku_core.declare.columns import Kind
from koku_core.declare.datasets import STAMPS
from koku_core.declare.facts import CONTEXT, Fact
from koku_core.declare.providers import SourceType
from koku_core.declare.reports import HOW, Expression, Report, column
from koku_core.declare.summarize import Summary
from koku_core.plugins import ProviderPlugin
from koku_core.sql import templates
from koku_core.summarize.tables import tables_of, tag_columns

_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Names of tables get `_2026_11`, `_source` behind them, and PostgreSQL cuts names off at 63 bytes.
_LONGEST = 50
_NUMBERS = (Kind.INTEGER, Kind.QUANTITY, Kind.MONEY)


def problems(plugin: ProviderPlugin) -> list[str]:
    """What does not fit together in a plugin's declarations; empty if all does."""
    found = [*_identity(plugin)]
    missing = [h for h in ("koku_normalize", "koku_summarize", "koku_report_map") if not plugin.has(h)]
    if missing:
        return [*found, f"it does not implement {', '.join(missing)}"]
    told = [*_templates(plugin), *_Reports(plugin).problems(), *_lines(plugin)]
    return [*found, *_datasets(plugin), *_facts(plugin.summary), *told]


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    yield from (f"{what} {name!r} is declared twice" for name, count in Counter(names).items() if count > 1)


def _named(what: str, names: Iterable[str]) -> Iterator[str]:
    listed = list(names)
    yield from _twice(what, listed)
    yield from (f"{what} {name!r} is not lower snake case" for name in listed if not _NAME.fullmatch(name))


def _identity(plugin: ProviderPlugin) -> Iterator[str]:
    provider = plugin.provider
    if provider.hooks != hookspecs.VERSION:
        yield f"it was written for hook version {provider.hooks}, this is {hookspecs.VERSION}"
    yield from _named("name", (provider.name,))
    if "/" in provider.api_path or not provider.version or not provider.family:
        yield "api_path must be one part of a path, version and family must not be empty"
    if not provider.source_types:
        yield "it has no source type"
    yield from _twice("source type", (t.name.lower() for t in provider.source_types))
    for kind in provider.source_types:
        yield from _source_type(plugin, kind)
    if plugin.has("koku_receive") != bool(provider.uploads):
        yield "koku_receive and Provider.uploads belong together: one is there without the other"
    earlier = set[str]()
    for resource in provider.access:
        if resource.inherits and resource.inherits not in earlier:
            yield f"access {resource.name} inherits {resource.inherits}, which is not declared before it"
        earlier.add(resource.name)


def _source_type(plugin: ProviderPlugin, kind: SourceType) -> Iterator[str]:
    field = kind.credentials.model_fields.get(kind.key)
    if field is None:
        yield f"the key {kind.key!r} of source type {kind.name} is no field of its credentials"
    elif field.annotation is SecretStr:
        yield f"the key {kind.key!r} of source type {kind.name} is a secret, but keys are shown"
    needed = "koku_receive" if kind.pushed else "koku_download"
    if not plugin.has(needed):
        yield f"source type {kind.name} is {'pushed' if kind.pushed else 'asked'}, but the plugin has no {needed}"


def _datasets(plugin: ProviderPlugin) -> Iterator[str]:
    datasets = plugin.provider.datasets
    yield from _named("dataset", (d.name for d in datasets))
    for dataset in datasets:
        yield from _named(f"column of {dataset.name}", (c.name for c in dataset.columns))
        taken = {c.name for c in STAMPS} & {c.name for c in dataset.columns}
        if taken:
            yield f"dataset {dataset.name} declares {', '.join(sorted(taken))}, which the core adds"
    for step in plugin.summary.steps:
        for dataset in step.reads:
            if dataset not in datasets:
                yield f"template {step.template} reads {dataset.name}, which Provider.datasets does not list"


def _facts(summary: Summary) -> Iterator[str]:
    yield from _named("table", (name for fact in summary.facts for name in tables_of(fact)))
    for fact in summary.facts:
        yield from _fact(fact)
    for step in summary.steps:
        if step.into and step.into not in summary.details:
            yield f"template {step.template} fills {step.into.name}, which Summary.details does not list"


def _fact(fact: Fact) -> Iterator[str]:
    yield from (
        f"table name {n!r} is longer than {_LONGEST}"
        for n in (fact.name, *(r.name for r in fact.rollups))
        if len(n) > _LONGEST
    )
    yield from _named(f"column of {fact.name}", (c.name for c in fact.columns))
    kinds = {c.name: c.kind for c in fact.all_columns}
    if {c.name for c in CONTEXT} & {c.name for c in fact.columns}:
        yield f"{fact.name} declares {', '.join(c.name for c in CONTEXT)}, which the core adds"
    for rollup in fact.rollups:
        used = (*rollup.dims, *rollup.sums, *rollup.maxes, *rollup.texts)
        yield from _twice(f"column of {rollup.name}", used)
        yield from (f"rollup {rollup.name} uses {n}, which {fact.name} has not" for n in used if n not in kinds)
        yield from (
            f"rollup {rollup.name} adds up {n}, which is no number"
            for n in rollup.sums
            if kinds.get(n, Kind.MONEY) not in _NUMBERS
        )
    for tags in fact.tags:
        if kinds.get(tags.column) is not Kind.LABELS:
            yield f"tag table {tags.kind!r} is of {tags.column}, which is no column of labels"
        yield from (
            f"tag table {tags.kind!r} keeps {n}, which {fact.name} has not" for n in tags.dims if n not in kinds
        )
    yield from _twice("tag table", (t.kind for t in fact.tags))


def _lines(plugin: ProviderPlugin) -> Iterator[str]:
    """Line items are of datasets that are there, and told by columns that both have."""
    datasets = {d.name for d in plugin.provider.datasets}
    for line in plugin.report_map.lines:
        name, fact = line.dataset.name, line.fact or plugin.report_map.fact
        if name not in datasets:
            yield f"line items are of {name}, which Provider.datasets does not list"
        joined = line.joined
        told = {
            *line.columns,
            *(c for f in line.found for c in (*f.columns, *f.by)),
            *(joined.columns if joined else ()),
        }
        looked_at = {c for e in (*line.columns.values(), line.where) if e for c in e.columns} | set(
            joined.of if joined else ()
        )
        yield from (
            f"line items of {name} tell {n}, which {fact.name} has not"
            for n in sorted(told - {c.name for c in fact.all_columns})
        )
        own = {c.name for c in line.dataset.all_columns}
        yield from (f"line items of {name} are told by {n}, which it has not" for n in sorted(looked_at - own))


def _templates(plugin: ProviderPlugin) -> Iterator[str]:
    """Each template must be there, and put text into SQL by nothing but the filters that quote and bind."""
    summary, spec = plugin.summary, plugin.cost_model
    wanted = [(summary.package, s.template) for s in summary.steps]
    wanted += [(summary.package, c.template) for c in summary.checks]
    wanted += [(summary.package, x.joined.template) for x in plugin.report_map.lines if x.joined]
    if spec:
        yield from _twice("metric", (m.name for m in spec.metrics))
        yield from _twice("distribution", (d.key for d in spec.distributions))
        if spec.distributions and spec.told is None:
            yield "distributions move costs that are told by rate, but CostModelSpec.told is not given"
        priced = [m.template_of(by_tag=by_tag) for m in spec.metrics for by_tag in (False, True)]
        costs = [*priced, spec.markup, *(d.template for d in spec.distributions)]
        wanted += [(spec.package, t) for t in costs if t]
    for package, name in dict.fromkeys(wanted):
        try:
            templates(package, "postgres").check(name)
        except jinja2.TemplateNotFound as error:
            yield f"template {name} of {package} is not in its folder sql ({error})"
        except (jinja2.TemplateError, ValueError) as error:
            yield f"template {name} of {package}: {error}"


@dataclass
class _Reports:
    """The checks of a report map."""

    plugin: ProviderPlugin

    def problems(self) -> Iterator[str]:
        """What does not fit."""
        reports, fact = self.plugin.report_map, self.plugin.report_map.fact
        if fact.name != self.plugin.summary.fact.name:
            yield f"the reports read {fact.name}, the summary fills {self.plugin.summary.fact.name}"
        if not reports.reports:
            yield "it has no report"
        yield from _twice("report", (r.name for r in reports.reports))
        yield from _twice("breakdown", (r.name for r in reports.breakdowns))
        columns = {c.name for c in fact.all_columns}
        if reports.currency and reports.currency not in columns:
            yield f"the currency is in {reports.currency}, which {fact.name} has not"
        for report in (*reports.reports, *reports.breakdowns):
            of = {c.name for c in (report.fact or fact).all_columns}
            yield from (f"report {report.name}: {p}" for p in self._report(report, of))
            if report.fact and report.fact not in self.plugin.summary.facts:
                yield f"report {report.name} reads {report.fact.name}, which is no fact of the summary"
        yield from self._beside(columns)
        if reports.tags:
            kept = {c.name for c in tag_columns(fact)}
            for key in reports.tags.keys:
                lost = {c for e in key.searched for c in e.columns} - kept
                yield from (f"tags: key {key.name} uses {c}, which no tag table keeps" for c in sorted(lost))
            yield from (
                f"tags: type {t!r} is of no tag table"
                for t in reports.tags.types
                if t not in {x.kind for x in fact.tags}
            )

    def _beside(self, columns: set[str]) -> Iterator[str]:
        """Of labels beside the tags, and of the tree."""
        reports, fact = self.plugin.report_map, self.plugin.report_map.fact
        kinds = {t.kind: t for t in fact.tags}
        for labels in reports.labels:
            if labels.name not in kinds or kinds[labels.name].of_tags or kinds[labels.name].column != labels.column:
                yield f"labels {labels.name} have no tag table of that kind, column and without of_tags"
        tree = reports.tree
        if tree and tree.fact not in self.plugin.summary.details:
            yield f"the tree is told by {tree.fact.name}, which Summary.details does not list"
        if tree:
            there = {c.name for c in tree.fact.columns}
            lost = {tree.node, tree.name, tree.path, tree.leaf, tree.alias} - there | {tree.path, tree.leaf} - columns
            yield from (f"the tree uses {c}, which is not there" for c in sorted(lost))
            known = {k.name for r in reports.reports if r.tree for k in r.keys}
            yield from (f"the tree needs a key {n!r}" for n in (tree.key, tree.within) if n not in known)

    def _report(self, report: Report, columns: set[str]) -> Iterator[str]:
        keys, figures = {k.name for k in report.keys}, {f.name for f in report.figures}
        yield from _twice("key", (k.name for k in report.keys))
        yield from _twice("number", (a.name for a in report.aggregates))
        yield from (
            f"its number {a.name!r} is {a.how!r}, not {', '.join(HOW)}"
            for a in report.every_aggregate
            if a.how not in HOW
        )
        yield from _twice("figure", (f.name for f in report.figures))
        yield from _twice("path", (f.path for f in report.figures))
        for expression in _expressions(report):
            yield from (
                f"{expression.sql!r} uses {c}, which the fact has not" for c in expression.columns if c not in columns
            )
        if report.order and report.order not in figures:  # what clients may name beyond its figures orders nothing
            yield f"its order {report.order!r} is no figure"
        needed = [k for _, groups in report.orders.values() for k in groups] + [
            k for x in report.keys for k in x.order_with
        ]
        needed += [
            *report.delta_with.values(),
            *(t.key for t in report.texts if not t.apart),
            *(f.key for f in report.flags),
        ]
        needed += [f.needs_group for f in report.figures if f.needs_group]
        needed += [report.categories.key] if report.categories else []
        needed += [report.capacity.part] if report.capacity else []
        needed += [*([report.within] if report.within else []), *report.required]
        needed += [*report.usual_groups, *report.parts]
        yield from (f"it needs a key {n!r}, which it has not" for n in dict.fromkeys(needed) if n not in keys)
        kinds = {c.name: c.kind for c in self.plugin.report_map.fact.all_columns}
        if report.tags and kinds.get(report.tags) is not Kind.LABELS:
            yield f"its tags are in {report.tags}, which is no column of labels"
        yield from self._access(report)

    def _access(self, report: Report) -> Iterator[str]:
        declared = self.plugin.provider.access
        used = {k.access for k in report.keys if k.access}
        yield from (
            f"a key needs access to {n}, which Provider.access does not list"
            for n in sorted(used - {r.name for r in declared})
        )
        yield from (
            f"no key of it is restricted by {r.name}, so it leaks" for r in declared if r.opens and r.name not in used
        )


def _expressions(report: Report) -> Iterator[Expression]:
    found: list[Expression | None] = [report.where, *(x.value for x in report.lists), *(t.value for t in report.texts)]
    for key in report.keys:
        found += [key.value, key.condition, *key.search]
    for aggregate in report.every_aggregate:
        found += [aggregate.of, aggregate.where, *map(column, aggregate.per)]
    if report.capacity:
        found += [report.capacity.size, report.capacity.part_amount, report.capacity.amount]
    found += [f.condition for f in report.flags] + ([report.categories.name] if report.categories else [])
    yield from (e for e in found if e)
