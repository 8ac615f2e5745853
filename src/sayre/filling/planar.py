"""Filling of 2D patterns by a network of Table 4.1 of Masto's thesis."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]
LEAST = 1e-6
"""Logarithm by which a pattern without counts is scaled."""


def scaled(counts: Floats, mask: NDArray[np.bool_] | None = None) -> Floats:
    """Compute `log(1 + I)` over its largest value in each pattern.

    Parameters
    ----------
    counts
        float32 `(patterns, side, side)`.
    mask
        Where nothing was measured, same shape; None is nowhere. The largest value is that of the others.
    """
    logarithms = np.log1p(counts)
    measured = logarithms if mask is None else np.where(mask, np.float32(0), logarithms)
    return np.asarray(logarithms / np.maximum(measured.max(axis=(1, 2), keepdims=True), LEAST), np.float32)


def fill_planar(
    network: nn.Module,
    counts: Floats,
    mask: NDArray[np.bool_],
    *,
    whole_scale: bool = True,
    batch: int = 64,
) -> Floats:
    """Fill the gaps of patterns.

    Parameters
    ----------
    network
        One of `sayre.networks.planar.NETWORKS`, trained for the width of the gaps.
    counts
        float32 `(patterns, side, side)`.
    mask
        The gaps, same shape.
    whole_scale
        Whether patterns are scaled by their largest counts even where these are in the gap, as in the thesis.
        A measurement does not tell these: False scales by what was measured.
    batch
        Patterns that are filled at a time.

    Returns
    -------
    `log(1 + I)`, float32, same shape; measured pixels as they came.
    """
    device = next(network.parameters()).device
    filled = np.empty(counts.shape, np.float32)
    for first in range(0, len(counts), batch):
        part = slice(first, first + batch)
        gap = torch.from_numpy(mask[part]).to(device)
        with torch.inference_mode():
            logarithms = torch.from_numpy(counts[part]).to(device).log1p()
            measured = logarithms.masked_fill(gap, 0.0)
            largest = (logarithms if whole_scale else measured).amax((1, 2), keepdim=True).clamp(min=LEAST)
            predicted = network(measured / largest) * largest
            filled[part] = torch.where(gap, predicted, logarithms).cpu().numpy()
    return filled
