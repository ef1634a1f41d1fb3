"""The report map: names of the API → columns, figures and filters of a daily summary. Data, no behaviour.

SQL in a declaration is an expression that PostgreSQL understands, over columns of the fact; it never holds a value from outside. Adding a
report, a key or a figure is one line in a plugin's report map: routes, validation, OpenAPI, SQL, JSON and CSV follow from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from koku_core.declare.facts import Fact
from koku_core.declare.trees import Labels, Tree

if TYPE_CHECKING:
    from koku_core.declare.lines import LineItems

#: The unit of a figure that is money: the currency that the answer is given in.
CURRENCY = "currency"
#: How an aggregate may be made of its rows.
HOW = ("sum", "max", "each")
#: The operators that a key may carry before its name (`filter[exact:project]`).
OPERATORS = ("and", "or", "exact")


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL over columns of the fact, and which columns those are: they decide which rollup can answer."""

    sql: str
    columns: tuple[str, ...]


def column(name: str) -> Expression:
    """The expression that is one column."""
    return Expression(name, (name,))


@dataclass(frozen=True, slots=True)
class Key:
    """A name that reports are filtered, grouped and ordered by.

    Attributes:
        name: as in `filter[NAME]`, `group_by[NAME]`; its groups are listed under `NAMEs`.
        value: what a group of it is; None: it cannot be grouped by.
        search: what filters look at, any of them being enough; default `value`.
        filter, exclude: whether it may be filtered, excluded by.
        order: what `order_by` calls it; empty: it cannot be ordered by, unless it is a figure.
        order_with: an order by it needs one of these groups; default: itself.
        operators: whether `and:`, `or:` and `exact:` may stand before it.
        exclude_operators: whether they may in `exclude` too.
        refused: those of them that `filter` refuses in words of its own.
        access: the resource of an access list that restricts it (`openshift.cluster`).
        opens: a list of its resource is enough to see rows, even if the first key that is restricted has none.
        allowed: SQL of what access requires instead of equality with what filters look at; `{values}` is the array of the list.
        choices: the only values it may have, in lower case; they are echoed in upper case.
        exclude_choices: those for `exclude`, if they are others.
        condition: SQL of a condition instead of a search; `{values}` is the array of lower-case values.
        inert: it may be grouped by without groups of it, since clients do; values that are named filter by its `search`, if it has one.
        csv: what CSV calls it, if not the same.
        plain_group: whether it may be grouped by without an operator before it.
    """

    name: str
    value: Expression | None = None
    search: tuple[Expression, ...] = ()
    filter: bool = True
    exclude: bool = True
    order: str = ""
    order_with: tuple[str, ...] = ()
    operators: bool = True
    exclude_operators: bool = True
    refused: tuple[str, ...] = ()
    access: str = ""
    opens: bool = False
    allowed: Expression | None = None
    choices: tuple[str, ...] = ()
    exclude_choices: tuple[str, ...] = ()
    condition: Expression | None = None
    inert: bool = False
    csv: str = ""
    plain_group: bool = True

    @property
    def searched(self) -> tuple[Expression, ...]:
        """What filters look at."""
        return self.search or ((self.value,) if self.value else ())


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is added up over the rows of the fact (or their largest value): the raw material of figures.

    Attributes:
        name: for the SQL of figures.
        of: the expression that is aggregated; null counts as nothing.
        where: rows that count; its columns must be keys of a rollup.
        how: `sum`, `max`, or `each`: the largest of each of what is counted, added up.
        money: whose currency it is in: `bill` (column `ReportMap.currency`), `model` (of the source's cost model); empty: not money.
        per: for `each`, columns that tell apart what is counted, beside its source and the groups.
    """

    name: str
    of: Expression
    where: Expression | None = None
    how: str = "sum"
    money: str = ""
    per: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that chooses what a report's figures are made of (`cost_type`); answers repeat it.

    Attributes:
        name: of the parameter, and of the tenant's setting that counts where a request does not choose.
        default: what counts where there is no such setting either.
        aggregates: what each value stands for; the names are the same for all.
    """

    name: str
    default: str
    aggregates: Mapping[str, tuple[Aggregate, ...]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of an answer.

    Attributes:
        name: in CSV, Arrow, `order_by` and `delta` (`cost_total`).
        sql: over the names of aggregates.
        path: where JSON has it (`cost.total`); with a unit it is `{"value", "units"}` there, else the bare number.
        unit: its unit, `CURRENCY`, or empty.
        needs_group: it exists only if this key is grouped by.
        integer: it is a whole number.
        unit_of_nothing: whether its unit is told in a total of no rows; without it, that is the number 0, as clients know it.
        total: whether `meta.total` has it.
    """

    name: str
    sql: str
    path: str
    unit: str = ""
    needs_group: str = ""
    integer: bool = False
    unit_of_nothing: bool = True
    total: bool = True


@dataclass(frozen=True, slots=True)
class Listed:
    """A list beside the figures: the distinct values that a row is made of (`clusters`).

    Attributes:
        name: in JSON and CSV.
        value: of a row of the fact.
        total: whether the total has it too.
        repeated: whether the row of the other groups names a value once for each group that has it, as clients know it.
        shown: SQL of what is listed instead, a json array, made of the values, which are the array `{values}`; empty: they themselves.
        hidden: it is there for figures alone, whose SQL may count it (`cardinality(NAME)`).
    """

    name: str
    value: Expression
    total: bool = False
    repeated: bool = False
    shown: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text beside the figures of rows that are grouped by `key`.

    Attributes:
        name: in JSON and CSV.
        key: the group that it belongs to.
        apart: instead, rows are told apart by it, however they are grouped, so that a group has a row for each of its values; it is left
            out where a key of its name is grouped by.
        hidden: answers do not have it; it only tells rows apart.
        value: over columns of the fact; the largest of the row's values.
        shown: SQL that makes the text of that value, which is `{value}`; empty: it is the text.
        of_group: instead, SQL over the group's own value, which is `{value}`.
        ranked: only in answers with `filter[limit]`.
        ranked_null: what stands for null in answers with `filter[limit]`; clients know it so.
        others: what the row of the other groups has; `{label}`: what that row is called. Without it a value's texts are run together.
        csv: what CSV calls it, if not the same; `-`: CSV does not have it.
    """

    name: str
    key: str
    value: Expression | None = None
    shown: str = ""
    of_group: str = ""
    ranked: bool = False
    ranked_null: int | None = None
    others: str | None = None
    csv: str = ""
    apart: bool = False
    hidden: bool = False

    def stands(self, groups: Collection[str], *, folded: bool) -> bool:
        """Whether rows have it that are grouped by these keys; `folded`: in an answer that folds groups."""
        if self.apart:
            return self.name not in groups
        return self.key in groups and (folded or not self.ranked)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much there was to use. Rows get `capacity` and, beside it and `request`, what of it was not used.

    Capacity belongs to whole sources, so every row of a source has all of it; grouped by `part` (nodes) it is that of the part alone.

    Attributes:
        part: the key of the parts that a source is made of.
        unit: of `capacity`.
        size, size_unit: the size of a part, whose sum over the parts is `count`.
        amount: the source's capacity on a day; None: the figure `capacity` is a plain sum.
        part_amount: that of a part on a day.
        part_how: whether it is the largest (`max`) or the sum (`sum`) of what the part's rows say.
        used: figures whose larger one is what was used of it.
    """

    part: str
    unit: str
    size: Expression
    size_unit: str
    part_amount: Expression
    part_how: str = "max"
    amount: Expression | None = None
    used: tuple[str, str] = ("usage", "request")


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes or no in `meta`: whether a row that the question is about fulfils `condition`; only when grouped by `key`."""

    name: str
    key: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class Categories:
    """The parameter `category`: groups of `key` are shown under the name of the category that they are in.

    Attributes:
        key: the key whose groups have categories.
        name: the category's name, null without one.
        table: the tenant's table with the column `name` of all categories.
    """

    key: str
    name: Expression
    table: str


@dataclass(frozen=True, slots=True)
class Report:
    """One report, `reports/PROVIDER/NAME/`.

    Attributes:
        name: the end of its path.
        doc: what it answers, for OpenAPI.
        keys: what it may be filtered, grouped and ordered by.
        aggregates, figures: its numbers, in the order of JSON.
        where: the rows of the fact that it is about. A rollup answers if its `where` is the same.
        order: the figure that orders its groups, largest first, when nothing else is asked; empty: their names do, rising.
        orders: what `order_by` calls figures beside their own names; a name maps to the figure and the groups it needs one of.
        deltas: what `delta` accepts, and the figure behind it.
        compared: figures that `delta=A__B` may compare.
        refused_deltas: values of `delta` that the provider's other reports accept; they are refused in another shape, as clients know it.
        delta_with: for a value of `delta`, the group that it needs.
        lists, texts: what stands beside the figures.
        capacity: as described there.
        tags: the column of labels that `tag:` means; empty: it knows no tags.
        labels: labels beside the tags that it knows.
        tree: the tree whose nodes it can be grouped by; None: by none.
        alone: blocks of JSON that are left empty unless rows have at most one group and no tag is involved.
        total_names: what a block is called in `meta.total`, if not the same.
        units: CSV columns that tell a unit, and the unit.
        flags: yes and no in `meta`.
        categories: the parameter `category`, if it has it.
        choice: the parameter that chooses what its figures are made of, if it has one.
        inventory: it lists what there was in one month: it is asked about a month, by nobody's groups, and its pages are of rows.
        usual_order: a key whose values order its rows, falling, when nothing else is asked; empty: `order` does.
        within: a key that every answer is grouped by, below what is asked for, unless groups that are asked for are ranked; empty: none.
        required: keys that every question must be filtered by; `required_by` is what a refusal calls the report.
        ranked_with: texts that tell rows apart and are ranked together with the groups.
        folds: whether the groups below the first ranks become one row.
        limit_alone: whether `filter[limit]` needs no group but that of `within`.
        bare: its rows name sources, and lists, in answers with `filter[limit]` alone, as clients know it.
        drops_tags: a question about tags is answered as if it named none, as clients know it; only without `tags`.
        forecast: the figures that `forecasts/PROVIDER/NAME/` foretells, in the order of JSON, where each is called by the first word of its
            path; empty: nothing of it is foretold.
        fact: whose rows it is about; None: the daily summary's.
        usual_groups: keys that an answer is grouped by if nothing is asked for.
        parts: keys that groups are broken down by, below the others, unless one of them is asked for; they are ranked with them.
    """

    name: str
    doc: str
    keys: tuple[Key, ...]
    aggregates: tuple[Aggregate, ...]
    figures: tuple[Figure, ...]
    where: Expression | None = None
    order: str = "cost_total"
    orders: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    deltas: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    delta_with: Mapping[str, str] = field(default_factory=dict)
    refused_deltas: tuple[str, ...] = ()
    lists: tuple[Listed, ...] = ()
    texts: tuple[Text, ...] = ()
    capacity: Capacity | None = None
    tags: str = ""
    alone: tuple[str, ...] = ()
    total_names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    categories: Categories | None = None
    choice: Choice | None = None
    within: str = ""
    inventory: bool = False
    usual_order: str = ""
    required: tuple[str, ...] = ()
    required_by: str = ""
    ranked_with: tuple[str, ...] = ()
    folds: bool = True
    limit_alone: bool = False
    bare: bool = False
    drops_tags: bool = False
    forecast: tuple[str, ...] = ()
    labels: tuple[Labels, ...] = ()
    tree: Tree | None = None
    fact: Fact | None = None
    usual_groups: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def groupable(self) -> tuple[str, ...]:
        """The names of the keys whose groups a question may ask for, as they are."""
        return () if self.inventory else tuple(k.name for k in self.keys if k.value and k.plain_group)

    @property
    def every_aggregate(self) -> tuple[Aggregate, ...]:
        """Its aggregates, with those of every value of its choice."""
        chosen = self.choice.aggregates.values() if self.choice else ()
        return (*self.aggregates, *(a for some in chosen for a in some))


@dataclass(frozen=True, slots=True)
class TagReport:
    """The tag endpoints of a provider, `tags/PROVIDER/`: what the fact's tag tables may be filtered by.

    Attributes:
        keys: their expressions are over columns of the tag table; those that cannot be filtered by restrict access alone.
        types: values of `filter[type]`; each is a `TagTable.kind`.
    """

    keys: tuple[Key, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A list of what a provider's reports can be asked about, `resource-types/PROVIDER-NAME/`.

    Attributes:
        name: the end of its path (`nodes`).
        key: its values are listed; searches look at what its filters look at; its access restricts the rows.
        within: keys whose access restricts the rows too, and opens the list to whoever has no list of `key`'s.
        alias: what a row is called beside its `value`, if it has another name, and the expression of it.
        where: the rows of the fact that count.
        switches: parameters that are true or false, each with the condition that it stands for; at most one may be true.
        narrowing: keys by which the list can be narrowed with parameters of their names.
        counted: whether `resource-types/` tells how many there are.
        fact: whose values they are; None: the daily summary's.
    """

    name: str
    key: Key
    within: tuple[Key, ...] = ()
    alias: tuple[str, Expression] | None = None
    where: Expression | None = None
    switches: Mapping[str, Expression] = field(default_factory=dict)
    narrowing: tuple[Key, ...] = ()
    counted: bool = True
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class CostGroups:
    """What can be put into cost groups by `settings/cost-groups/`.

    Attributes:
        key: its values are what is put into groups (`project`).
        holders: where a value is found, for people, and the key that they are filtered by (`cluster`).
        where: the rows of the fact that count.
    """

    key: Key
    holders: Key
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class ReportMap:
    """All reports of a provider.

    Attributes:
        fact: the daily summary that they read, with its rollups.
        reports: at least one.
        tags: the tag endpoints; None: it has no tags.
        currency: the fact's column with the currency of the bill; empty: all money is in the cost model's currency.
        max_groups: how many keys a question may be grouped by.
        resource_types: the lists below `resource-types/`.
        cost_groups: what can be put into cost groups; None: nothing of this provider.
        labels: labels beside the tags.
        tree: what is told below `organizations/`; None: nothing.
        lines: the datasets whose line items are behind the fact's rows; none: `line-items/` does not answer for the provider.
        breakdowns: reports that tell what others' figures are made of, `breakdown/PROVIDER/NAME/`.
    """

    fact: Fact
    reports: tuple[Report, ...] = ()
    tags: TagReport | None = None
    currency: str = ""
    max_groups: int = 2
    resource_types: tuple[ResourceType, ...] = ()
    cost_groups: CostGroups | None = None
    labels: tuple[Labels, ...] = ()
    tree: Tree | None = None
    lines: tuple[LineItems, ...] = ()
    breakdowns: tuple[Report, ...] = ()

    def report(self, name: str, *, breakdown: bool = False) -> Report | None:
        """The report, or breakdown, of that name; None: there is none."""
        return next((r for r in (self.breakdowns if breakdown else self.reports) if r.name == name), None)
