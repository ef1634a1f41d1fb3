"""Which line items are behind the rows of a daily summary, as declarations: with them `line-items/` answers for a provider's reports.

A question's conditions are asked of the line items themselves, so each column of the fact that they look at must be told of a line item.
The dataset's own column of that name tells it: an empty text is null, labels are those of enabled keys, mapped keys under their parent's.
Where that is not so a declaration says; a column that nothing tells is null, as it is in the rows that are made of other datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from koku_core.declare.datasets import Dataset
from koku_core.declare.facts import Fact
from koku_core.declare.reports import Expression
from koku_core.declare.summarize import Context


@dataclass(frozen=True, slots=True)
class Found:
    """Columns of the fact that follow from others of the same source and day: what is published says which values go together.

    Attributes:
        columns: those that are found (`account_alias`).
        by: columns of the fact that are known already (`usage_account_id`); none: each day of a source has one value.
        where: SQL over columns of the fact: rows that count.
    """

    columns: tuple[str, ...]
    by: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Columns of the fact that take other datasets to tell, by a template of the plugin's `sql` folder.

    The template is one SELECT. It sees `{{ lines }}`, a table with `line`, `usage_start` and the columns `of` of the dataset's line items;
    the datasets and contexts by `{{ datasets.NAME }}`, of the same source and days; and `source_uuid`, `source_name`, `source_key`. It
    selects `line` and `columns`; a line item may have several rows. It always runs in PostgreSQL.

    Attributes:
        template: its file.
        columns: of the fact, that it tells.
        of: columns of the dataset that it reads.
        reads: other datasets; one of fewer columns than the provider's is read with those alone.
        contexts: small datasets of the core.
    """

    template: str
    columns: tuple[str, ...]
    of: tuple[str, ...]
    reads: tuple[Dataset, ...] = ()
    contexts: tuple[Context, ...] = ()


@dataclass(frozen=True, slots=True)
class LineItems:
    """A dataset whose line items are behind rows of the fact.

    Attributes:
        dataset: one of the provider's.
        columns: for columns of the fact what tells them: SQL over columns of the dataset.
        found: columns of the fact that follow from others.
        joined: columns of the fact that take other datasets.
        where: the line items that count: SQL over columns of the dataset; None: all.
        fact: whose rows they are behind; None: that of the report map.
    """

    dataset: Dataset
    columns: Mapping[str, Expression] = field(default_factory=dict)
    found: tuple[Found, ...] = ()
    joined: Joined | None = None
    where: Expression | None = None
    fact: Fact | None = None
