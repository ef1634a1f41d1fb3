"""Random clusters as the operator tells of them, hour by hour, and random cost models for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import GIB, rate, tag_rate
from plugins.koku_ocp.tests.payloads import at
from plugins.koku_ocp.tests.second_opinion.usage import MACHINE

from koku_ocp import reports
from koku_ocp.cost_model import METRICS
from koku_ocp.reports import Report

FIRST = -240  # hours from the start of payloads to the 31st of October
DAYS = (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2))
KEYS = ("env", "quo\"te'", "emoji😀\\", "k" * 70)
VALUES = ("a", "b", 'it\'s "b\\c" 😀', "v" * 70)
NODES, SPACES = ("n1", "n2", "n3"), ("shop", "batch", "openshift-etcd", "openshift-kube-apiserver", "it's")
MODELS = {"NVIDIA-A100-SXM4-80GB": ("1g.10gb", "3g.40gb"), "Tesla-T4": (), "NVIDIA A30": ("2g.12gb",)}
SWITCHES = ("platform_cost", "worker_cost", "gpu_unallocated")


class Drawn:
    """The rows of a cluster's reports."""

    def __init__(self) -> None:
        self.reports: dict[Report, list[dict[str, Any]]] = defaultdict(list)

    def __repr__(self) -> str:
        return f"Drawn({', '.join(f'{report.name}: {len(rows)} rows' for report, rows in self.reports.items())})"

    def __getitem__(self, report: Report) -> list[dict[str, Any]]:
        return self.reports[report]


some_labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
figures = st.one_of(st.just(0), st.integers(0, 4000))
some_hours = st.lists(st.sampled_from((0, 1, 2, 7, 22, 23)), min_size=1, max_size=4, unique=True).map(sorted)


def text(labels: Mapping[str, str]) -> str:
    """Labels as the operator writes them."""
    return "|".join(f"label_{k}:{v}" for k, v in labels.items())


@st.composite
def drawn_clusters(draw: st.DrawFn, volumes: bool = True) -> Drawn:
    """Up to three nodes on some hours of up to three days about the end of a month, and what runs on them."""
    made = Drawn()
    nodes = draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True))
    for place in range(draw(st.integers(1, 3))):
        hours = [FIRST + place * 24 + hour for hour in draw(some_hours)]
        sizes = {n: (draw(st.integers(1, 64)), draw(st.integers(1, 256))) for n in nodes}
        _label(draw, made, hours, nodes)
        for number in range(draw(st.integers(0, 4))):
            _pod(draw, made, hours, sizes, f"p{number}", None)
        for name in draw(st.lists(st.sampled_from(("vm", "it's")), max_size=2, unique=True)):
            _pod(draw, made, hours, sizes, f"virt-launcher-{name}", name)
        _gpus(draw, made, hours, nodes)
    if not volumes:
        made.reports.pop(reports.STORAGE, None)
    return made


def _label(draw: st.DrawFn, made: Drawn, hours: list[int], nodes: list[str]) -> None:
    """Labels of nodes and namespaces, which may change within the day."""
    for report, name, names in (
        (reports.NODE_LABELS, "node", nodes),
        (reports.NAMESPACE_LABELS, "namespace", SPACES[:3]),
    ):
        for each in names:
            sets = draw(st.lists(some_labels, max_size=2))
            for place, hour in enumerate(hours if sets else ()):
                made[report].append(at(hour, **{name: each, f"{name}_labels": text(sets[place % len(sets)])}))


def _pod(
    draw: st.DrawFn, made: Drawn, hours: list[int], sizes: Mapping[str, tuple[int, int]], pod: str, machine: str | None
) -> None:
    """A pod, or a machine's, that may move, change its labels, and mount claims that others mount too."""
    space = draw(st.sampled_from(SPACES[:2] if machine else SPACES))
    nodes = draw(st.lists(st.sampled_from(list(sizes) if machine else [*sizes, ""]), min_size=1, max_size=2))
    sets, role = (
        draw(st.lists(some_labels, min_size=1, max_size=2)),
        draw(st.sampled_from(("worker", "master", "infra", "odd", ""))),
    )
    told = machine is not None and draw(st.sampled_from((True, True, False)))
    claims = draw(st.lists(st.sampled_from(("data", "logs")), max_size=2, unique=True))
    shared, names_node, claim_labels = draw(st.booleans()), draw(st.booleans()), draw(some_labels)
    for place, hour in enumerate(hours):
        node, found = nodes[place % len(nodes)], dict(sets[place % len(sets)])
        cores, gib = sizes.get(node, (0, 0))
        used = draw(st.lists(figures, min_size=6, max_size=6))
        made[reports.POD].append(at(
            hour, namespace=space, node=node, pod=pod, resource_id=f"i-{node}", node_role=role,
            pod_labels=text(found | ({MACHINE: machine} if machine else {})),
            **{c: n * 3.6 for c, n in zip(reports.POD.sums[:3], used, strict=False)},
            **{c: n * 3600 * GIB // 1000 for c, n in zip(reports.POD.sums[3:], used[3:], strict=True)},
            node_capacity_cpu_cores=cores, node_capacity_cpu_core_seconds=cores * 3600,
            node_capacity_memory_bytes=gib * GIB, node_capacity_memory_byte_seconds=gib * GIB * 3600,
        ))  # fmt: skip
        if told:
            made[reports.VM].append(at(hour, namespace=space, node=node, vm_name=machine, vm_labels=text(found),
                                       vm_uptime_total_seconds=draw(st.sampled_from((3600, 1800, 0))),
                                       vm_cpu_request_cores=draw(st.integers(1, 8))))  # fmt: skip
        for claim in claims:
            whole = draw(st.integers(1, 100)) if place == 0 else 10
            made[reports.STORAGE].append(at(
                hour, namespace=space, pod=pod, node=node if names_node else "", persistentvolumeclaim=claim,
                persistentvolume=f"pv-{claim}" if shared else f"pv-{space}-{claim}-{pod}", storageclass="gp3",
                persistentvolumeclaim_labels=text(claim_labels), persistentvolumeclaim_capacity_bytes=10 * GIB,
                persistentvolumeclaim_capacity_byte_seconds=10 * GIB * 3600, volume_request_storage_byte_seconds=whole * GIB * 3600,
                persistentvolumeclaim_usage_byte_seconds=whole * GIB * 1800,
            ))  # fmt: skip


def _gpus(draw: st.DrawFn, made: Drawn, hours: list[int], nodes: list[str]) -> None:
    """A node's GPUs as its labels tell, and some use of GPUs of one or two models, whole or divided."""
    if draw(st.booleans()):
        return
    node, model = draw(st.sampled_from(nodes)), draw(st.sampled_from(sorted(MODELS)))
    labels = {
        "nvidia_com_gpu_present": "true", "nvidia_com_gpu_count": str(draw(st.integers(1, 4))), "nvidia_com_gpu_product": model,
        "nvidia_com_mig_strategy": draw(st.sampled_from(("", "mixed"))),
    }  # fmt: skip
    for hour in hours:
        others = [
            r
            for r in made[reports.NODE_LABELS]
            if (r["node"], r["interval_start"]) == (node, at(hour)["interval_start"])
        ]
        row = others[0] if others else at(hour, node=node, node_labels="")
        row["node_labels"] = "|".join(filter(None, (row["node_labels"], text(labels))))
        made[reports.NODE_LABELS].extend([] if others else [row])
    for place, used in enumerate(draw(st.lists(st.sampled_from(sorted(MODELS)), max_size=3))):
        profile = draw(st.sampled_from(("", *MODELS[used])))
        made[reports.GPU].extend(
            at(hour, node=node, namespace=draw(st.sampled_from(SPACES[:3])), pod="p0", gpu_uuid=f"GPU-{used}-{place % 2}",
               gpu_model_name=used, gpu_vendor_name="nvidia_com_gpu", gpu_memory_capacity_mib=40960, mig_profile=profile,
               mig_instance_id=str(place) if profile else "", gpu_pod_uptime=draw(st.sampled_from((3600, 600))))
            for hour in hours
        )  # fmt: skip


prices = st.decimals("0", "9999", places=4).map(str)


@st.composite
def drawn_models(draw: st.DrawFn) -> dict[str, Any]:
    """Rates of some metrics, of both cost types, by tiers or by label."""
    rates = []
    for number, (metric, kind) in enumerate(draw(st.lists(
        st.tuples(st.sampled_from(METRICS), st.sampled_from(("Infrastructure", "Supplementary"))), min_size=1, max_size=8,
        unique_by=lambda found: (found[0].name, found[1]),
    ))):  # fmt: skip
        if metric.tags and (not metric.tiered or draw(st.booleans())):
            gpus = metric.name.startswith("gpu")
            choices = ("NVIDIA A100 SXM4 80GB", "Tesla T4", "other") if gpus else VALUES
            values = draw(st.dictionaries(st.sampled_from(choices), prices, min_size=1))
            default = draw(st.one_of(st.none(), st.sampled_from(sorted(values))))
            rates.append(
                tag_rate(metric.name, "nvidia" if gpus else draw(st.sampled_from(KEYS[:3])), values, default, kind)
            )
        else:
            cut = draw(st.one_of(st.integers(1, 200), st.decimals("0.01", "2", places=2)))
            rates.append(rate(metric.name, 0, kind, ((None, cut, draw(prices)), (cut, None, draw(prices)))))
        rates[-1]["custom_name"] = f"rate {number}"
    info: dict[str, Any] = {switch: draw(st.booleans()) for switch in SWITCHES}
    return {
        "name": "m", "description": "", "source_type": "OCP", "currency": "USD", "rates": rates,
        "distribution_info": {"distribution_type": draw(st.sampled_from(("cpu", "memory"))), **info},
    }  # fmt: skip
