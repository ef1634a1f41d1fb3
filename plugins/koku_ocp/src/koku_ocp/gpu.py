"""What the operator's report says of a GPU, cleaned: its model, its vendor, its slices."""

from __future__ import annotations

import re

_PROFILE = re.compile(r"(\d+)g\.(\d+)gb")
#: Slices of a whole GPU, where the operator is too old to tell.
_SLICES = (("A30", 4), ("A100", 7), ("H100", 7), ("H200", 7), ("B200", 7), ("RTX PRO 6000", 4), ("RTX PRO 5000", 2))


def vendor(name: str) -> str:
    """The vendor, without the resource's name."""
    return "nvidia" if name == "nvidia_com_gpu" else name


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
