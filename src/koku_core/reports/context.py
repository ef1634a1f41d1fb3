"""What a question depends on besides its data: settings, enabled tags, categories, currencies, versions; read in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import sql

from koku_core import currencies, settings_store
from koku_core.database.server import Connection
from koku_core.declare.facts import Fact
from koku_core.declare.reports import ReportMap


@dataclass(frozen=True, slots=True)
class Context:
    """The state of a tenant as a question sees it; the default is that of a tenant without anything.

    Attributes:
        currency: what answers are given in when a request names none.
        enabled_currencies: what a request may name.
        tags: the enabled tag keys of the provider's family; `children`: for a parent key, the keys mapped to it.
        categories: the names of all categories.
        priced_in: (source, month) → the currency of the cost model that the month is priced by.
        rates: (base, month) → factor to the currency of the question: what the tenant has set, else what the feed says.
        fed: whether there is a feed of rates.
        retained_months: how many months the tenant keeps; None: as the installation says.
        has_data: whether the fact's tables exist.
        chosen: the tenant's settings for the choices of reports, by their names.
        labels: of the provider's labels beside the tags, by their names: the keys that were seen, and whether they are enabled.
        versions: counters of what has changed; part of every ETag.
    """

    currency: str = currencies.DEFAULT
    enabled_currencies: tuple[str, ...] = currencies.INITIALLY_ENABLED
    tags: frozenset[str] = frozenset()
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    priced_in: Mapping[tuple[str, date], str] = field(default_factory=dict)
    rates: Mapping[tuple[str, date], Decimal] = field(default_factory=dict)
    fed: bool = False
    retained_months: int | None = None
    has_data: bool = False
    chosen: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    versions: str = ""


#: The fields of a context that are settings of the tenant.
_SETTINGS = {
    "currency": settings_store.CURRENCY,
    "enabled_currencies": settings_store.ENABLED_CURRENCIES,
    "retained_months": settings_store.RETENTION,
}
_READ = """
    SELECT set_config('statement_timeout', %(timeout)s, true) || set_config('jit', 'off', true) || set_config('work_mem', '32MB', true),
        (SELECT jsonb_object_agg(name, value) FROM setting WHERE name = ANY(%(settings)s)),
        (SELECT array_agg(key) FROM tag_key WHERE family = %(family)s AND enabled),
        (SELECT jsonb_object_agg(parent, children) FROM (
            SELECT p.key AS parent, jsonb_agg(c.key ORDER BY c.key) AS children
            FROM tag_mapping m JOIN tag_key p ON p.uuid = m.parent JOIN tag_key c ON c.uuid = m.child
            WHERE c.family = %(family)s AND c.enabled GROUP BY p.key) AS mapped),
        {categories},
        (SELECT jsonb_agg(jsonb_build_array(source_uuid, month, priced_in)) FROM published_month WHERE priced_in IS NOT NULL),
        (SELECT jsonb_agg(jsonb_build_array(base, month, rate::text)) FROM (
            WITH asked AS (SELECT coalesce(%(currency)s,
                (SELECT value #>> '{{}}' FROM setting WHERE name = %(account_currency)s), %(default)s) AS target)
            SELECT DISTINCT ON (base, month) base, month, rate FROM (
                SELECT 1 AS place, base, month, rate FROM static_rate_month JOIN asked USING (target)
                UNION ALL SELECT 2, base, first::date, rate FROM static_rate JOIN asked USING (target),
                    generate_series(starts::timestamp, least(ends, starts + interval '50 years'), '1 month') AS first
                UNION ALL SELECT 3, base, month, rate FROM koku.exchange_rate JOIN asked USING (target)
            ) AS given ORDER BY base, month, place) AS rates),
        EXISTS (SELECT FROM koku.exchange_rate),
        to_regclass(quote_ident(%(fact)s)) IS NOT NULL,
        (SELECT jsonb_object_agg(labels, keys) FROM (
            SELECT labels, jsonb_object_agg(key, enabled) AS keys FROM label_key WHERE family = %(family)s GROUP BY labels) AS of_kind),
        (SELECT string_agg(name || '=' || value, ',' ORDER BY name) FROM version)
"""


def read(
    conn: Connection, reports: ReportMap, fact: Fact, family: str, currency: str | None, timeout_s: float
) -> Context:
    """Read the context of a question, and set the limits of this transaction's statements; none runs long enough to be worth compiling.

    Args:
        conn: in a transaction.
        reports: the provider's report map.
        fact: whose rows the question is about.
        family: of its tag keys.
        currency: what the request asks for.
        timeout_s: the time limit.
    """
    table = next((r.categories.table for r in reports.reports if r.categories), None)
    names = (
        sql.SQL("(SELECT array_agg(name ORDER BY name) FROM {})").format(sql.Identifier(table)) if table else sql.NULL
    )
    choices = {r.choice.name for r in reports.reports if r.choice}
    row = conn.execute(
        sql.SQL(_READ).format(categories=names),
        {
            "timeout": f"{max(int(timeout_s * 1000), 1)}ms", "family": family, "currency": currency, "fact": fact.name,
            "settings": [*_SETTINGS.values(), *choices],
            "account_currency": settings_store.CURRENCY, "default": currencies.DEFAULT,
        },
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    _, settings, tags, children, categories, priced_in, rates, fed, has_data, labels, versions = row
    return Context(
        **_settings(settings or {}),
        tags=frozenset(tags or ()),
        children={k: tuple(v) for k, v in (children or {}).items()},
        categories=tuple(categories or ()),
        priced_in={(source, date.fromisoformat(month)): base for source, month, base in priced_in or ()},
        rates={(base, date.fromisoformat(month)): Decimal(rate) for base, month, rate in rates or ()},
        fed=fed,
        has_data=has_data,
        chosen={name: value for name, value in (settings or {}).items() if name in choices},
        labels=labels or {},
        versions=versions or "",
    )


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return {field: values[name] for field, name in _SETTINGS.items() if name in values}
