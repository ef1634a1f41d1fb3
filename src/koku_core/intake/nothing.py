"""What deliveries had nothing of: hours of a dataset without a row.

The lake tells by its rows which delivery covers which hours. Of hours without rows it tells nothing, so the report remembers them: else an
older delivery that is worked off late would bring rows back that a newer one had taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from psycopg.types.json import Jsonb

from koku_core.database.server import Connection
from koku_core.declare.deliveries import Normalized

#: Where a report keeps it, among its details.
NOTHING = "nothing"
Hours = dict[date, dict[str, int]]  #: by day and delivery


def nothing(normalized: Normalized, hours: Mapping[date, int]) -> Jsonb:
    """The hours that a delivery covers and has no rows of, by dataset and day."""
    found = {}
    for name, table in normalized.tables.items():
        missing = hours.keys() - set(table["usage_start"].unique().to_pylist())
        found[name] = {day.isoformat(): hours[day] for day in sorted(missing)}
    return Jsonb({NOTHING: {name: days for name, days in found.items() if days}})


def of_others(
    conn: Connection, provider: str, source_key: str, delivery: str, days: Iterable[date]
) -> dict[str, Hours]:
    """The hours that other deliveries of a source, which are done, had nothing of: by dataset, day and delivery."""
    rows = conn.execute(
        """SELECT delivery, dataset, day::date, hours::bigint
           FROM report, jsonb_each(details -> %s) AS empty (dataset, days), jsonb_each_text(days) AS told (day, hours)
           WHERE provider = %s AND source_key = %s AND delivery <> %s AND state = 'done' AND day::date = ANY(%s)""",
        (NOTHING, provider, source_key, delivery, list(days)),
    ).fetchall()
    found: dict[str, Hours] = {}
    for other, dataset, day, mask in rows:
        found.setdefault(dataset, {}).setdefault(day, {})[other] = mask
    return found
