"""The reports about GPUs and the instances that they are divided into, as data."""

from __future__ import annotations

from dataclasses import replace

from koku_core.declare.reports import (
    CURRENCY,
    Aggregate,
    Expression,
    Figure,
    Key,
    Listed,
    Report,
    ResourceType,
    Text,
    column,
)
from koku_ocp.facts import ALL_GPU_ROWS, GPU_ROWS, INSTANCE_ROWS
from koku_ocp.report_map.parts import (
    CLUSTER,
    CLUSTERS,
    NARROWING,
    NODE,
    OWN_COST_ORDERS,
    PROJECT,
    PROJECT_TEXTS,
    of_type,
)

_ROWS = Expression(GPU_ROWS, ("data_source", "namespace", "cost_model_rate_type"))
_NAME = Expression("gpu_vendor || '_' || gpu_model || '_' || coalesce(node, '')", ("gpu_vendor", "gpu_model", "node"))
VENDOR = Key("gpu_vendor", column("gpu_vendor"), order="gpu_vendor")
MODEL = Key("gpu_model", column("gpu_model"), order="gpu_model")
MODE = Key("gpu_mode", column("gpu_mode"), order="gpu_mode")
NAME = Key("gpu_name", _NAME, filter=False, exclude=False, operators=False, order="gpu_name")
PROFILE = Key("mig_profile", column("mig_profile"), order="mig_profile")


def _apart(name: str, of: Expression | None = None) -> Text:
    """A text that tells the rows of a group apart."""
    return Text(name, "", of or column(name), others="{label}", apart=True)


_NODE, _VENDOR, _MODEL = (_apart(name) for name in ("node", "gpu_vendor", "gpu_model"))
#: Instances of several GPUs may have one number.
_GPU = Text("gpu", "", column("resource_id"), apart=True, hidden=True)
_COST = column("cost_model_gpu_cost")


def _money(block: str, prefix: str, of: str) -> tuple[Figure, ...]:
    """One object of the cost block: a cluster's bill has no GPUs, so that prices are all there is."""
    figures = {"raw": "0", "markup": "0", "usage": of, "total": of}
    return tuple(Figure(f"{prefix}_{name}", sql, f"{block}.{name}", CURRENCY) for name, sql in figures.items())


GPUS = Report(
    "gpu",
    "The GPUs that projects used, and what they cost.",
    (CLUSTER, PROJECT, replace(NODE, plain_group=False), VENDOR, MODEL, NAME, MODE, PROFILE),
    (
        Aggregate("model_infra", _COST, of_type("Infrastructure"), money="model"),
        Aggregate("model_sup", _COST, of_type("Supplementary"), money="model"),
        Aggregate("memory", column("gpu_memory_gigabytes"), how="max"),
    ),
    (
        Figure("gpu_memory", "memory", "gpu_memory", "GB", total=False),
        Figure("gpu_count", "coalesce(cardinality(gpus), 0)", "gpu_count", "GPUs", integer=True, total=False),
        *_money("infrastructure", "infra", "model_infra"),
        *_money("supplementary", "sup", "model_sup"),
        *_money("cost", "cost", "model_infra + model_sup"),
    ),
    where=_ROWS,
    orders={
        **OWN_COST_ORDERS,
        **{n: (n, ()) for n in ("gpu_vendor", "gpu_model", "gpu_mode", "node", "gpu_memory", "gpu_count")},
    },
    lists=(CLUSTERS, Listed("gpus", column("resource_id"), hidden=True)),
    texts=(_NODE, _MODEL, _VENDOR, _apart("gpu_mode"), *PROJECT_TEXTS),
    units={"cost_units": CURRENCY, "gpu_memory_units": "GB", "gpu_count_units": "GPUs"},
    within="gpu_name",
    drops_tags=True,
)

INSTANCES = Report(
    "gpu/mig_profiles",
    "The instances that GPUs of one model are divided into.",
    (
        CLUSTER,
        NODE,
        *(replace(k, value=None, search=k.searched, exclude=False, order="") for k in (VENDOR, MODEL)),
        replace(PROFILE, filter=False, exclude=False),
        replace(PROJECT, value=None, search=PROJECT.searched, inert=True),
        Key("persistentvolumeclaim", filter=False, exclude=False, inert=True, order="persistentvolumeclaim"),
        Key("storageclass", filter=False, exclude=False, inert=True),
    ),
    tuple(
        Aggregate(name, column(name), how="max")
        for name in ("mig_slice_count", "gpu_max_slices", "mig_memory_gigabytes")
    ),
    (
        Figure("compute", "mig_slice_count", "compute", "g", integer=True, total=False),
        Figure("memory", "mig_memory_gigabytes", "memory", "gb", integer=True, total=False),
        Figure("mig_slice_count", "mig_slice_count", "mig_slice_count", integer=True, total=False),
        Figure("gpu_max_slices", "gpu_max_slices", "gpu_max_slices", integer=True, total=False),
    ),
    where=Expression(INSTANCE_ROWS, (*_ROWS.columns, "mig_profile")),
    order="",
    orders=OWN_COST_ORDERS,
    lists=(CLUSTERS,),
    texts=(_MODEL, _VENDOR, _apart("mig_id", column("mig_instance_id")), _apart("gpu_name", _NAME), _NODE, _GPU),
    within="mig_profile",
    required=("gpu_vendor", "gpu_model", "node"),
    required_by="MIG profiles",
    ranked_with=("mig_id",),
    folds=False,
    limit_alone=True,
    bare=True,
    drops_tags=True,
)

#: Vendors and models, idle ones too, since what is left of them has a price.
_ALL = Expression(ALL_GPU_ROWS, ("data_source",))
_BY_VENDOR = Key("vendor_name", column("gpu_vendor"))
VENDORS = ResourceType("gpu-vendors", VENDOR, (CLUSTER, PROJECT), counted=False, narrowing=NARROWING, where=_ALL)
MODELS = ResourceType(
    "gpu-models", MODEL, (CLUSTER, PROJECT), counted=False, narrowing=(*NARROWING, _BY_VENDOR), where=_ALL
)
