"""Which price lists priced what is published: as it was, whatever has become of the lists since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from psycopg import sql

from koku_core.clock import add_months, month_of
from koku_core.database.server import Connection, rows
from koku_core.database.tenant import Tenant
from koku_core.services import Services
from koku_core.sources.model import Source

_READ = """
    SELECT DISTINCT usage_start AS day, price_list::text AS uuid, p.name, price_list_version AS version
    FROM {} LEFT JOIN price_list AS p ON p.uuid = price_list
    WHERE source_uuid = %s AND usage_start >= %s AND usage_start < %s AND price_list IS NOT NULL
    ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """A price list, as it priced some days that follow each other.

    Attributes:
        first, last: the days.
        uuid: the list's.
        name: what it is called now; None: it has been removed.
        version: which of its versions it was.
    """

    first: date
    last: date
    uuid: str
    name: str | None
    version: int


def applied(services: Services, tenant: Tenant, source: Source, month: date) -> list[Applied]:
    """The lists that priced the published days of a month; none for a source whose provider does not tell costs by rate."""
    fact = services.plugins.provider(source.provider).summary.by_rate
    if fact is None or not tenant.exists():
        return []
    first = month_of(month)
    with tenant.connection() as conn:
        if not _is_there(conn, fact.name):
            return []
        found = rows(conn, sql.SQL(_READ).format(sql.Identifier(fact.name)), (source.uuid, first, add_months(first, 1)))
    return list(_stretches(found))


def _is_there(conn: Connection, table: str) -> bool:
    row = conn.execute("SELECT to_regclass(quote_ident(%s)) IS NOT NULL", (table,)).fetchone()
    return bool(row and row[0])


def _stretches(found: list[dict[str, Any]]) -> Iterator[Applied]:
    """Days that follow each other and were priced by the same version of the same list."""

    def stretch(pair: tuple[int, Mapping[str, Any]]) -> tuple[date, str, int]:
        place, row = pair
        return row["day"] - timedelta(place), row["uuid"], row["version"]

    for (_, uuid, version), some in groupby(enumerate(found), key=stretch):
        days = [row for _, row in some]
        yield Applied(days[0]["day"], days[-1]["day"], uuid, days[0]["name"], version)
