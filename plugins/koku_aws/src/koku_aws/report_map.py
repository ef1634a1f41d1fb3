"""The reports about bills, as data: a line here is a key, a figure or a report of the API."""

from __future__ import annotations

from dataclasses import replace

from koku_aws.facts import CATEGORIES, COST_TYPES, DAILY_SUMMARY, INSTANCE_ROWS, INSTANCES, ORGANIZATION, STORAGE_ROWS
from koku_aws.lines import LINES
from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Choice,
    Expression,
    Figure,
    Key,
    Report,
    ReportMap,
    ResourceType,
    TagReport,
    Text,
    column,
)
from koku_core.declare.trees import Labels, Tree

ACCOUNT = Key("account", column("usage_account_id"), (column("account_alias"), column("usage_account_id")),
              order="account", access="aws.account", csv="id")  # fmt: skip
#: Who may see a unit may see what is below it.
_BELOW = Expression("string_to_array(organizational_unit_path, '&') && {values}", ("organizational_unit_path",))
UNIT = Key(
    "org_unit_id",
    search=(column("organizational_unit_path"),),
    access="aws.organizational_unit",
    opens=True,
    allowed=_BELOW,
    refused=("exact",),
)
INSTANCE_TYPE = Key("instance_type", column("instance_type"), filter=False, exclude=False)
KEYS = (
    ACCOUNT,
    Key("service", column("product_code"), order="service"),
    Key("region", column("region"), order="region"),
    Key("az", column("availability_zone")),
    Key("product_family", column("product_family"), order="product_family"),
    UNIT,
    Key("storage_type", filter=False, exclude=False, inert=True),
)
TREE = Tree(
    ORGANIZATION, "org_unit_id", "account",
    node="organizational_unit_id", name="organizational_unit_name", path="organizational_unit_path",
    leaf="usage_account_id", alias="account_alias", kinds=("organizational_unit", "account"), entities="org_entities",
    fields=("org_unit_id", "org_unit_name", "org_unit_path", "sub_orgs", "accounts"), several="or_unit_id",
)  # fmt: skip
#: No row is known to be of a cluster as long as no cluster is matched.
COST_CATEGORIES = Labels(CATEGORIES, "cost_category", "aws_category_keys", "categories", {"openshift": "false"})
ALIAS = Text("account_alias", "account", column("account_alias"), others="{label}", csv="alias")


def _cost_type(*, or_unblended: bool = False) -> Choice:
    """The parameter that chooses the cost; `or_unblended`: where that is none, the unblended one counts."""

    def of(name: str, usual: str) -> Expression:
        return Expression(f"coalesce(nullif({name}, 0), {usual})", (name, usual)) if or_unblended else column(name)

    chosen = {
        name: (
            Aggregate("raw", of(cost, "unblended_cost"), money="bill"),
            Aggregate("markup", of(markup, "markup_cost"), money="bill"),
        )
        for name, (cost, markup) in COST_TYPES.items()
    }
    return Choice("cost_type", "unblended_cost", chosen)


def _cost_block() -> tuple[Figure, ...]:
    """The three objects infrastructure, supplementary and cost; a cloud has no costs of a cost model but markup."""
    parts = (("raw", "raw"), ("markup", "markup"), ("usage", "0"), ("total", "raw + markup"))
    found = [Figure(f"infra_{name}", sql, f"infrastructure.{name}", CURRENCY) for name, sql in parts]
    found += [Figure(f"sup_{name}", "0", f"supplementary.{name}", CURRENCY) for name, _ in parts]
    return (*found, *(Figure(f"cost_{name}", sql, f"cost.{name}", CURRENCY) for name, sql in parts))


_ORDERS = {
    "account_alias": ("account_alias", ("account",)),
    "cost": ("cost_total", ()), "infrastructure": ("infra_total", ()), "supplementary": ("sup_total", ()),
    "usage": ("usage", ()),
}  # fmt: skip

COSTS = Report(
    "costs",
    "What accounts cost.",
    (*KEYS, replace(INSTANCE_TYPE, value=None, search=(column("instance_type"),), inert=True)),
    (),
    _cost_block(),
    forecast=("infra_total", "sup_total", "cost_total"),
    orders=_ORDERS,
    deltas={"cost": "cost_total", "cost_total": "cost_total"},
    texts=(ALIAS,),
    tags="tags",
    units={"cost_units": CURRENCY},
    choice=_cost_type(),
    labels=(COST_CATEGORIES,),
    tree=TREE,
)


def _used(
    name: str, doc: str, unit: str, rows: Expression, key: Key, *, within: str = "", or_unblended: bool = False
) -> Report:
    """A report about what was used of something."""
    return Report(
        name,
        doc,
        (*KEYS, key),
        (Aggregate("usage", column("usage_amount")),),
        (Figure("usage", "usage", "usage", unit), *_cost_block()),
        where=rows,
        order="usage",
        orders=_ORDERS,
        deltas={"usage": "usage"},
        refused_deltas=("cost", "cost_total"),
        texts=(ALIAS,),
        tags="tags",
        units={"cost_units": CURRENCY, "usage_units": unit},
        choice=_cost_type(or_unblended=or_unblended),
        labels=(COST_CATEGORIES,),
        within=within,
        limit_alone=bool(within),
    )


INSTANCE_TYPES = _used(
    "instance-types", "How long instances ran, by type, and what they cost.", "Hrs",
    Expression(INSTANCE_ROWS, ("instance_type",)), INSTANCE_TYPE, within="instance_type",
)  # fmt: skip
STORAGE = _used(
    "storage", "How much was stored, and what it cost.", "GB-Mo",
    Expression(STORAGE_ROWS, ("product_family", "unit")), replace(INSTANCE_TYPE, value=None, search=(column("instance_type"),), inert=True),
    or_unblended=True,
)  # fmt: skip
RESOURCE = Key("resource_id", column("resource_id"), filter=False, exclude=False, order="resource_id")
_NAME = "coalesce(tags ->> 'Name', resource_id)"
_TAG_LIST = """(SELECT coalesce(jsonb_agg(jsonb_build_object('key', key, 'values', jsonb_build_array(value))), '[]')
                FROM jsonb_each_text(cast(substr({value}, 11) AS jsonb)))"""


def _last(name: str, sql: str, *columns: str, shown: str = "substr({value}, 11)", csv: str = "") -> Text:
    """A fact of an instance as its last day has it."""
    return Text(name, "resource_id", Expression(f"usage_start::text || {sql}", columns or (sql,)), shown=shown, csv=csv)


def _instance_costs() -> Choice:
    """As `_cost_type`, but what a savings plan covers costs nothing of its own: that is negated by lines without an instance."""
    choice = _cost_type()
    covered = Expression("line_item_type <> 'SavingsPlanCoveredUsage'", ("line_item_type",))
    names = ("unblended_cost", "blended_cost")
    changed = {n: tuple(replace(a, where=covered) for a in choice.aggregates[n]) for n in names}
    return replace(choice, aggregates={**choice.aggregates, **changed})


EC2_COMPUTE = Report(
    "resources/ec2-compute",
    "The instances of a month, and what they cost.",
    (
        replace(ACCOUNT, value=None, search=ACCOUNT.searched, order=""),
        Key("region", search=(column("region"),)),
        Key("instance", search=(Expression(_NAME, ("tags", "resource_id")), column("resource_id"))),
        Key("operating_system", search=(column("operating_system"),)),
        UNIT,
        RESOURCE,
    ),
    (Aggregate("usage", column("usage_amount")),),
    (Figure("usage", "usage", "usage", "Hrs"), *_cost_block()),
    where=Expression(INSTANCES, ("product_code", "product_family", "resource_id")),
    order="usage",
    orders={"cost": ("cost_total", ()), "usage": ("usage", ()), **{
        n: (n, ()) for n in ("instance_name", "instance_type", "operating_system", "account", "account_alias", "region")
    }},
    refused_deltas=("cost", "cost_total"),
    texts=(
        _last("account_alias", "account_alias"),
        _last("account", "usage_account_id"),
        _last("instance_name", _NAME, "tags", "resource_id"),
        _last("instance_type", "instance_type"),
        _last("operating_system", "operating_system"),
        _last("region", "region"),
        _last("vcpu", "vcpu", shown="cast(substring(substr({value}, 11) FROM '^[0-9][0-9]?[0-9]?[0-9]?$') AS integer)"),
        _last("memory", "memory"),
        _last("tags", "tags::text", "tags", shown=_TAG_LIST, csv="-"),
    ),
    tags="tags",
    units={"cost_units": CURRENCY, "usage_units": "Hrs"},
    choice=_instance_costs(),
    labels=(COST_CATEGORIES,),
    within="resource_id",
    inventory=True,
    usual_order="resource_id",
)  # fmt: skip
#: No instance is known to be a cluster's node as long as no cluster is matched, so no row fulfils it.
_ON_OPENSHIFT = {"openshift": Expression("false", ())}
_IS_INSTANCE = Expression(INSTANCES, ("product_code", "product_family", "resource_id"))
_INSTANCE = Key("instance", column("resource_id"), (Expression(_NAME, ("tags", "resource_id")), column("resource_id")))
RESOURCE_TYPES = (
    ResourceType("accounts", ACCOUNT, alias=("account_alias", column("account_alias")), switches=_ON_OPENSHIFT),
    ResourceType("regions", Key("region", column("region")), (ACCOUNT,), switches=_ON_OPENSHIFT, counted=False),
    ResourceType("services", Key("service", column("product_code")), (ACCOUNT,), switches=_ON_OPENSHIFT, counted=False),
    ResourceType(
        "organizational-units", replace(UNIT, value=column("organizational_unit_id"), search=(column("organizational_unit_id"),)),
        fact=ORGANIZATION,
    ),
    ResourceType(
        "ec2-compute-instances", _INSTANCE, (ACCOUNT,), alias=("instance_name", Expression(_NAME, ("tags", "resource_id"))),
        where=_IS_INSTANCE, counted=False,
    ),
    ResourceType("ec2-compute-os", Key("operating_system", column("operating_system")), (ACCOUNT,), where=_IS_INSTANCE, counted=False),
)  # fmt: skip
TAGS = TagReport((ACCOUNT, UNIT))

REPORT_MAP = ReportMap(
    DAILY_SUMMARY,
    (COSTS, INSTANCE_TYPES, STORAGE, EC2_COMPUTE),
    TAGS,
    currency="currency_code",
    resource_types=RESOURCE_TYPES,
    labels=(COST_CATEGORIES,),
    tree=TREE,
    lines=LINES,
)
