"""What SQL that templates may be tempted to use not every engine has, as data. Which engine lacks what, its `Executor.lacking` says.

Each capability is tried on the real engines by `koku_core.testing`, so a gap that is closed, or a new one, makes a test fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """Why an engine lacks something."""

    CANNOT = "the engine cannot, whatever we do"
    NOT_YET = "we have not made it work"
    NEVER = "we decided against it"


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that SQL may want of an engine.

    Attributes:
        what: in words.
        probe: a statement that uses it, and is true where there is such a thing.
        instead: what to write for all engines.
    """

    what: str
    probe: str
    instead: str


CAPABILITIES = {
    "wide products": Capability(
        "a product of two figures with all of its 30 decimals",
        "SELECT cast(1000000.5 AS decimal(33, 15)) * cast(1000000.5 AS decimal(33, 15)) = 1000001000000.25",
        "m.product",
    ),
    "large sums": Capability(
        "sums of figures of more than 23 digits before the point",
        "SELECT sum(cast(x AS decimal(38, 15))) > 0 FROM (VALUES (60000000000000000000000), (60000000000000000000000)) AS v (x)",
        "nothing: a figure has 18 digits at most",
    ),
    "exact quotients": Capability(
        "more decimals of a quotient than its sides have",
        "SELECT 2.0 / 3 < 0.67",
        "m.div",
    ),
    "casts by colons": Capability("x::type", "SELECT '7'::bigint = 7", "cast(x AS type)"),
    "distinct on": Capability(
        "DISTINCT ON",
        "SELECT DISTINCT ON (x) x = 1 FROM (VALUES (1), (1)) AS v (x)",
        "row_number() OVER (PARTITION BY … ORDER BY …) = 1",
    ),
    "groups by alias": Capability(
        "GROUP BY the name of a column of the result",
        "SELECT x + 0 > 0 AS positive FROM (VALUES (1)) AS v (x) GROUP BY positive",
        "GROUP BY 1",
    ),
    "the value at the largest": Capability(
        "max_by",
        "SELECT max_by(x, y) = 2 FROM (VALUES (1, 1), (2, 3)) AS v (x, y)",
        "(array_agg(x ORDER BY y DESC))[1]",
    ),
    "greatest without nulls": Capability(
        "greatest and least leave nulls out",
        "SELECT coalesce(greatest(1, NULL) = 1, false)",
        "coalesce each argument",
    ),
    "nulls last": Capability(
        "nulls come last, also in descending order",
        "SELECT (array_agg(x ORDER BY x DESC))[1] = 1 FROM (VALUES (1), (NULL)) AS v (x)",
        "NULLS LAST",
    ),
    "dates by number": Capability(
        "a date plus a number of days",
        "SELECT DATE '2026-02-28' + 1 = DATE '2026-03-01'",
        "cast(d + interval '1' day AS date)",
    ),
    "escaped patterns": Capability(
        "LIKE escapes by a backslash without being told",
        r"SELECT 'a_b' LIKE 'a\_b' AND NOT 'axb' LIKE 'a\_b'",
        r"LIKE … ESCAPE '\'",
    ),
}
