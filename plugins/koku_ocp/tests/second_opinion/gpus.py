"""What GPUs were used for and what was left of them, in GPU-days: section D7 and the differences of GPUs."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from fractions import Fraction
from typing import Any

from plugins.koku_ocp.tests.second_opinion.reading import Reports
from plugins.koku_ocp.tests.second_opinion.usage import HOUR, Row

LEFT = "GPU unallocated"
SLICES = {"A30": 4, "A100": 7, "H100": 7, "H200": 7, "B200": 7, "RTX PRO 6000": 4, "RTX PRO 5000": 2}
Month = tuple[int, int]


def in_words(model: str) -> str:
    """`NVIDIA-A100-SXM4-80GB` as `NVIDIA A100 SXM4 80GB`."""
    return re.sub(r"[^0-9A-Za-z]+", " ", model).strip()


def slices_of(model: str) -> int | None:
    """Slices of a whole GPU of a model."""
    upper = model.upper()
    return SLICES.get(upper) or next((n for known, n in SLICES.items() if known in upper), None)


def _vendor(text: str) -> str:
    return "nvidia" if re.fullmatch(r"nvidia(\d+|_com_gpu)", text) else text


def _profile(text: str) -> int | None:
    found = re.match(r"(\d+)g\.\d+gb", text)
    return int(found[1]) if found else None


def gpus_of(reports: Reports) -> list[Row]:
    """The rows of pods, and what is left of each node and model; labels are the vendor and the model."""
    used, seen = _used(reports)
    made = [Row(day, namespace, node, "GPU", {vendor: model}, {"gpu_days": days})
            for (day, namespace, node, vendor, model), days in used.items()]  # fmt: skip
    free: dict[tuple[date, str, str], Fraction] = defaultdict(Fraction)
    for (day, node, model), hours in _there(reports, seen).items():
        free[day, node, model] += hours / 24
    for (day, _, node, _, model), days in used.items():
        if (day, node, model) in free:
            free[day, node, model] -= days
    made += [Row(day, LEFT, node, "GPU", {"nvidia": model}, {"gpu_days": max(left, Fraction(0))})
             for (day, node, model), left in free.items()]  # fmt: skip
    return made


def _used(reports: Reports) -> tuple[dict[Any, Fraction], dict[tuple[Month, str], dict[str, set[str]]]]:
    """GPU-days by day, namespace, node, vendor and model; and the GPUs of each model seen on a node in a month."""
    used: dict[Any, Fraction] = defaultdict(Fraction)
    seen: dict[tuple[Month, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    instances: dict[Any, dict[str, int]] = defaultdict(dict)
    for line in reports["gpu"]:
        part = _profile(line.get("mig_profile", ""))
        if part:
            instances[line["day"], line["node"], line["gpu_uuid"]][line.get("mig_instance_id", "")] = part
    for line in reports["gpu"]:
        model, day = in_words(line["gpu_model_name"]), line["day"]
        seen[(day.year, day.month), line["node"]][model].add(line["gpu_uuid"])
        part = _profile(line.get("mig_profile", ""))
        most = int(line.get("gpu_max_slices", 0)) or slices_of(model)
        if part and not most:
            most = sum(instances[day, line["node"], line["gpu_uuid"]].values())
        share = Fraction(part, most) if part and most else Fraction(1)
        key = day, line["namespace"], line["node"], _vendor(line["gpu_vendor_name"]), model
        used[key] += Fraction(line["gpu_pod_uptime"]) / HOUR / 24 * share
    return used, seen


def _there(
    reports: Reports, seen: dict[tuple[Month, str], dict[str, set[str]]]
) -> dict[tuple[date, str, str], Fraction]:
    """GPU-hours that a node had of each model, as its labels tell: the labelled model has what others do not."""
    hours: dict[tuple[date, str, str], Fraction] = defaultdict(Fraction)
    for line in reports["node"]:
        labels, day, node = line["node_labels"], line["day"], line["node"]
        if labels.get("nvidia_com_gpu_present", "").lower() != "true":
            continue
        product, strategy = labels.get("nvidia_com_gpu_product", ""), labels.get("nvidia_com_mig_strategy", "")
        divided = re.search(r"-MIG-(\d+)g\.\d+gb", product) if strategy == "single" else None
        named = in_words(re.sub(r"-MIG-.*", "", product))
        models = seen.get(((day.year, day.month), node), {})
        model = next((m for m in sorted(models) if named in m or m in named), named)
        whole = Fraction(int(labels["nvidia_com_gpu_count"]))
        if strategy == "single":
            whole *= Fraction(int(divided[1]) if divided else 1, slices_of(model) or 1)
        others = {m: len(ids) for m, ids in models.items() if m != model}
        for other, count in others.items():
            hours[day, node, other] += count
        hours[day, node, model] += max(whole - sum(others.values()), Fraction(0))
    return hours
