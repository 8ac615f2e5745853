"""Means of a sample, how well they are known, and what that says of a claim."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_with_interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean and its interval of 95 % confidence, of the values that are defined."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float(known.mean()) if len(known) else float("nan"), float("nan"), float("nan")
    mean, half = float(known.mean()), 1.96 * float(known.std(ddof=1)) / float(np.sqrt(len(known)))
    return mean, mean - half, mean + half


def verdict(low: float, high: float) -> str:
    """Say whether an interval of a difference that is claimed to be positive confirms the claim.

    Parameters
    ----------
    low, high
        Ends of the interval.
    """
    if low > 0:
        return "confirmed"
    return "contradicted" if high < 0 else "undecided"
