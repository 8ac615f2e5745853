"""Weights that sum to one and make the smallest squared error, for many places at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SWEEPS = 8
"""Over all pairs of weights; later ones change the third digit."""
LEAST = 1e-9


def stacked(products: Floats, penalty: Floats) -> Floats:
    """Return weights w ≥ 0 of sum one that minimise `w·G·w + c·w` at each place, `(experts, places)`.

    Each step moves weight between two experts to where the error along that line is smallest.

    Parameters
    ----------
    products
        Mean products G of the errors of each two experts, `(experts, experts, places)`.
    penalty
        What the weight of each expert costs, `(experts, places)`.
    """
    experts, places = penalty.shape
    weights = np.zeros((experts, places), np.float32)
    alone = np.einsum("kkp->kp", products) + penalty
    weights[np.argmin(alone, 0), np.arange(places)] = 1
    slope = 2 * np.einsum("jkp,kp->jp", products, weights) + penalty
    for _ in range(SWEEPS):
        for a in range(experts):
            for b in range(a):
                bend = 2 * (products[a, a] + products[b, b] - 2 * products[a, b])
                step = (slope[b] - slope[a]) / np.maximum(bend, LEAST)
                step = np.clip(step, -weights[a], weights[b])
                weights[a] += step
                weights[b] -= step
                slope += 2 * step * (products[:, a] - products[:, b])
    return weights
