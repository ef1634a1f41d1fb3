"""Answers: a question of the API or of the library becomes one SQL statement, and its rows JSON, CSV or Arrow.

The way of a question: `query` reads the text, `validation` checks it against the report map, `access` restricts it, `plan` chooses the
table, `sql` writes the statement, `service` runs it, `pack` and `table` make an answer of the rows.
"""

from koku_core.reports.answer import Answer
from koku_core.reports.service import Reports

__all__ = ["Answer", "Reports"]
