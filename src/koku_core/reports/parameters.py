"""A question after it was checked: what is grouped, filtered, ordered, and what of it `meta` repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from koku_core.declare.reports import Key, Report
from koku_core.reports.period import Period

ALL = "*"
TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a key as a request writes it: `or:tag:app` is the operator `or` before the tag key `app`."""

    operator: str
    key: str
    is_tag: bool

    @classmethod
    def read(cls, text: str) -> Name:
        """Take a name apart; a tag key may itself hold colons."""
        operator, colon, rest = text.partition(":")
        if not colon or operator not in ("and", "or", "exact"):
            operator, rest = "", text
        return cls(operator, rest.removeprefix(TAG), rest.startswith(TAG))

    @property
    def full(self) -> str:
        """The name without its operator."""
        return TAG + self.key if self.is_tag else self.key


@dataclass(frozen=True, slots=True)
class Match:
    """Values that a key is compared to."""

    name: Name
    key: Key | None  #: None for a tag
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One level of grouping.

    Attributes:
        name: of the key.
        key: its declaration; None for a tag.
        label: what the level is called in answers, its list by `label + "s"`.
        position: where the key first stands in the query; groups nest in this order.
    """

    name: Name
    key: Key | None
    label: str
    position: int


@dataclass(frozen=True, slots=True)
class Order:
    """What the rows of a bucket are ordered by: a figure, a group's value, the delta, or their standing on a day."""

    by: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Delta:
    """A comparison: of a figure with the period before, or of two figures (`compared`) of one period."""

    figure: str
    compared: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A checked question.

    Attributes:
        groups: in the order in which they nest.
        filters, excludes: what rows must and must not match; those of different keys are all required.
        order: None: the report's own order.
        order_day: rank the groups by this day of the period.
        limit, offset: the page, in buckets (in rows for CSV); a limit of 0 is all.
        group_limit, group_offset: the ranking; None: not asked for.
        categories: names whose category mode is on.
        chosen: what the figures are made of, of a report with a choice.
        echo: what `meta` repeats.
    """

    report: Report
    period: Period
    currency: str
    groups: tuple[Group, ...] = ()
    filters: tuple[Match, ...] = ()
    excludes: tuple[Match, ...] = ()
    order: Order | None = None
    order_day: Any = None
    delta: Delta | None = None
    limit: int = 100
    offset: int = 0
    group_limit: int | None = None
    group_offset: int | None = None
    categories: tuple[str, ...] | None = None
    chosen: str = ""
    echo: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether only the groups of the first ranks are shown one by one."""
        return bool(self.groups) and bool(self.group_limit)

    @property
    def with_others(self) -> bool:
        """Whether the groups below are folded into one."""
        return self.ranked and self.group_offset is None

    def grouped_by(self, key: str) -> bool:
        """Whether a key (not a tag) is among the groups."""
        return any(g.key is not None and g.key.name == key for g in self.groups)

    @property
    def alone(self) -> bool:
        """Whether rows have at most one group, and no tag is grouped or filtered by."""
        tags = any(g.name.is_tag for g in self.groups) or any(m.name.is_tag for m in self.filters)
        return len(self.groups) <= 1 and not tags
