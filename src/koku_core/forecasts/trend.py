"""The straight line through the costs of past days, and how far days to come may lie from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Fewer days than these tell nothing.
FEWEST = 8
#: A day that lies further from the middle half of the days than so many times that half's width does not count.
_WIDTHS = 1.5
#: How many of a hundred days to come lie outside of the interval.
_OUTSIDE = 0.05


@dataclass(frozen=True, slots=True)
class Trend:
    """A forecast of some days.

    Attributes:
        values: what is expected of each day; never below 0, as the other two.
        lowest, highest: between these it is with a probability of 95 %, if days scatter as they did.
        rsquared: which part of the past days' scatter the line explains; not a number where they do not scatter.
        pvalues: how likely the line's height on the first day, and its slope, are chance.
    """

    values: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    rsquared: float
    pvalues: tuple[float, float]


def trend(past: Mapping[int, float], ahead: Sequence[int]) -> Trend | None:
    """Draw the line by least squares and go on along it.

    Args:
        past: costs by the number of their day.
        ahead: the numbers of the days to come.

    Returns:
        The forecast; None: too few days are left when those that lie far off do not count.

    Raises:
        ModuleNotFoundError: the extra `forecast` is not installed.
    """
    usual = _usual(past)
    if len(usual) < FEWEST:
        return None
    if len(set(usual.values())) == 1:
        flat = (max(next(iter(usual.values())), 0.0),) * len(ahead)
        return Trend(flat, flat, flat, math.nan, (math.nan, math.nan))
    return _fitted(usual, ahead)


def _usual(past: Mapping[int, float]) -> dict[int, float]:
    """The days without those that lie far off."""
    import numpy as np

    if not past:
        return {}
    low, high = (float(q) for q in np.percentile(list(past.values()), [25, 75]))
    most = _WIDTHS * (high - low)
    return {day: value for day, value in past.items() if low - most <= value <= high + most}


def _fitted(past: Mapping[int, float], ahead: Sequence[int]) -> Trend:
    import numpy as np

    try:
        from statsmodels.regression.linear_model import OLS
    except ModuleNotFoundError as error:
        how = "pip install 'koku-core[forecast]'"
        raise ModuleNotFoundError(f"Forecasts need {error.name}: {how}", name=error.name) from error

    def points(days: Sequence[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([(1.0, day) for day in days])

    with np.errstate(all="ignore"):  # days on a line without scatter divide by it
        found = OLS(np.array(list(past.values())), points(list(past))).fit()
        told = found.get_prediction(points(ahead))
        interval = told.conf_int(obs=True, alpha=_OUTSIDE)
        pvalues = tuple(float(p) for p in found.pvalues)
        rsquared = float(found.rsquared)
    middle, lowest, highest = (
        tuple(max(float(v), 0.0) for v in column) for column in (told.predicted_mean, *interval.T)
    )
    return Trend(middle, lowest, highest, rsquared, (pvalues[0], pvalues[1]))
