"""How long this process took to answer requests, by resource and status."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

#: Upper ends of the buckets, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, math.inf)


@dataclass(slots=True)
class Spread:
    """The answers of one kind: how many fell into each bucket, and the sum of their seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    seconds: float = 0.0


class Requests:
    """Counts answers; safe from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spreads: dict[tuple[str, str, int], Spread] = {}

    def add(self, method: str, resource: str, status: int, seconds: float) -> None:
        """Count an answer of a resource (its path with `{name}` for what varies)."""
        with self._lock:
            spread = self._spreads.setdefault((method, resource, status), Spread())
            spread.buckets[bisect.bisect_left(BUCKETS, seconds)] += 1
            spread.seconds += seconds

    def spreads(self) -> Iterator[tuple[tuple[str, str, int], Spread]]:
        """Method, resource and status, with what was counted."""
        with self._lock:
            found = [(key, Spread(list(s.buckets), s.seconds)) for key, s in sorted(self._spreads.items())]
        yield from found


#: Those of this process.
REQUESTS = Requests()
