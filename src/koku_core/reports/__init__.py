"""Answers: a question of the API or of the library becomes one SQL statement, and its rows JSON, CSV or Arrow.

The way of a question: `query` reads the text, `questions` opens one state of the data, `validation` checks the question against the report
map, `access` restricts it, `plan` chooses the table, `sql` writes the statement, `reading` runs it, `pack` and `table` make an answer of
the rows; `service` leads it through.
"""

from koku_core.reports.answer import Answer
from koku_core.reports.service import Reports

__all__ = ["Answer", "Reports"]
