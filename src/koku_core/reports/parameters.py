"""A question after it was checked: what is grouped, filtered, ordered, and what of it `meta` repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from koku_core.declare.reports import Key, Report
from koku_core.declare.trees import Tree
from koku_core.reports.period import Period

ALL = "*"
TAG = "tag"


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a key as a request writes it: `or:tag:app` is the operator `or` before the key `app` of the labels `tag`.

    `labels` is empty for a key of the report itself.
    """

    operator: str
    key: str
    labels: str = ""

    @classmethod
    def read(cls, text: str) -> Name:
        """Take a name apart; a key of labels may itself hold colons."""
        operator, colon, rest = text.partition(":")
        if not colon or operator not in ("and", "or", "exact"):
            operator, rest = "", text
        labels, colon, key = rest.partition(":")
        return cls(operator, key, labels) if colon else cls(operator, rest)

    @property
    def is_label(self) -> bool:
        """Whether it is a key of labels: of tags, or of others."""
        return bool(self.labels)

    @property
    def full(self) -> str:
        """The name without its operator."""
        return f"{self.labels}:{self.key}" if self.labels else self.key


@dataclass(frozen=True, slots=True)
class Match:
    """Values that a key is compared to."""

    name: Name
    key: Key | None  #: None for a label
    values: tuple[str, ...]
    column: str = ""  #: of the labels, for a label


@dataclass(frozen=True, slots=True)
class Group:
    """One level of grouping.

    Attributes:
        name: of the key.
        key: its declaration; None for a label.
        label: what the level is called in answers, its list by `label + "s"`.
        position: where the key first stands in the query; groups nest in this order.
        column: of the labels, for a label.
    """

    name: Name
    key: Key | None
    label: str
    position: int
    column: str = ""


@dataclass(frozen=True, slots=True)
class Inside:
    """That a question is about what lies in some nodes of a tree.

    Attributes:
        tree: the tree.
        nodes: the ids that were asked for, and the names that the request writes their key by.
        names: the names of nodes, by id; known once the tree was read.
    """

    tree: Tree
    nodes: tuple[str, ...]
    written: tuple[Name, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


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
        inside: the nodes of a tree that are looked into; the first two groups are then kind and id of what lies in them.
        empty: a label was named whose key is disabled, so that nothing is answered.
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
    inside: Inside | None = None
    empty: bool = False

    @property
    def ranked(self) -> bool:
        """Whether only the groups of the first ranks are shown one by one."""
        return bool(self.groups) and bool(self.group_limit) and not self.inside

    @property
    def with_others(self) -> bool:
        """Whether the groups below are folded into one."""
        return self.ranked and self.group_offset is None and self.report.folds

    def grouped_by(self, key: str) -> bool:
        """Whether a key (not a label) is among the groups."""
        return any(g.key is not None and g.key.name == key for g in self.groups)

    @property
    def bare(self) -> bool:
        """Whether rows name no sources, nor what is listed beside figures."""
        return self.report.bare and not self.ranked

    @property
    def alone(self) -> bool:
        """Whether rows have at most one group, and no label is grouped or filtered by."""
        tags = any(g.name.is_label for g in self.groups) or any(m.name.is_label for m in self.filters)
        return len(self.groups) <= 1 and not tags
