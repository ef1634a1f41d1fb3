"""What the operator's reports say of GPUs, cleaned: model, vendor, slices, and what a node's labels say it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PROFILE = re.compile(r"([1-9]\d?)g\.(\d{1,5})gb", re.ASCII)
#: What the device plugin appends to the model of a node whose GPUs are all sliced alike, or shared by time.
_SLICED, _SHARED = (
    re.compile(r"[-_ ]MIG[-_ ]([1-9]\d?)g\.\d+gb.*$", re.IGNORECASE | re.ASCII),
    re.compile(r"[-_ ]SHARED$", re.IGNORECASE),
)
#: Slices of a whole GPU, where the operator is too old to tell.
_SLICES = (("A30", 4), ("A100", 7), ("H100", 7), ("H200", 7), ("B200", 7), ("RTX PRO 6000", 4), ("RTX PRO 5000", 2))


@dataclass(frozen=True, slots=True)
class Inventory:
    """The GPUs of a node, as its labels tell.

    Attributes:
        model: in words.
        count: how many; of slices if `slice_count` is not null; None: the labels do not say.
        slice_count: slices of each of the alike instances that all GPUs are divided into; None: GPUs are counted.
        max_slices: slices of a whole GPU, where they are sliced; None: not sliced, or not known.
    """

    model: str
    count: int | None
    slice_count: int | None
    max_slices: int | None


def inventory(labels: Mapping[str, str]) -> Inventory | None:
    """The GPUs that a node's labels tell of; None: it has none.

    With the strategy `single` the label of the count counts instances; their profile stands at the end of the model, if it is told.
    """
    if labels.get("nvidia_com_gpu_present", "").lower() != "true":
        return None
    strategy = labels.get("nvidia_com_mig_strategy", "").lower()
    product = _SHARED.sub("", labels.get("nvidia_com_gpu_product", ""))
    profile = _SLICED.search(product)
    name = model(_SLICED.sub("", product))
    count = re.fullmatch(r"\d{1,6}", labels.get("nvidia_com_gpu_count", ""), re.ASCII)
    each = (int(profile[1]) if profile else 1) if strategy == "single" else None
    most = max_slices(name) if strategy in ("single", "mixed") else None
    return Inventory(name, int(count[0]) if count else None, each, most)


def vendor(name: str) -> str:
    """The vendor, without the resource's name or the number of the device (`nvidia_com_gpu`, `nvidia0`)."""
    return "nvidia" if name == "nvidia_com_gpu" or re.fullmatch(r"nvidia\d+", name) else name


def model(name: str) -> str:
    """The model in words: `NVIDIA-A100-SXM4-80GB` is `NVIDIA A100 SXM4 80GB`."""
    return re.sub(r"[^0-9A-Za-z]+", " ", name).strip()


def slices(profile: str) -> tuple[int, int] | None:
    """Slices and MiB of an instance by its profile (`2g.10gb`); None: it is no slice."""
    found = _PROFILE.match(profile)
    return (int(found[1]), int(found[2]) * 1024) if found else None


def max_slices(name: str) -> int | None:
    """Slices of a whole GPU of a model; None: not known."""
    upper = name.upper()
    return dict(_SLICES).get(upper) or next((count for known, count in _SLICES if known in upper), None)
