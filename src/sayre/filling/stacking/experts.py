"""Experts: what several methods expect in the gaps of a pattern, and in hidden copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.interpolate import linear_fill
from sayre.numerics.slabs import at_once
from sayre.numerics.smoothing import smoothed

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

EDGE_WIDTH = 1.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`log(1 + expected counts)` and its standard error (NaN where none is stated), of the pattern's shape.

    Read only where voxels are hidden.
    """

    log: Log
    sigma: Log


@dataclass(frozen=True, kw_only=True)
class Expert:
    """What one method expects.

    Attributes
    ----------
    name
        Of the method.
    gap
        Its estimate in the masked voxels.
    hidden
        Its estimate in the copies, made without the counts of copies and masked voxels.
    """

    name: str
    gap: Estimate
    hidden: Estimate


def interpolating(values: Log, mask: Mask, copies: Mask, linear: tuple[Log, Log]) -> list[Expert]:
    """Return linear interpolation from the nearest voxels, and from counts that are smoothed at the edges.

    Parameters
    ----------
    values
        `log(1 + I)`, float32; masked entries are ignored.
    mask
        True where not measured.
    copies
        True where hidden besides.
    linear
        `values` filled by `linear_fill`, without the mask and without both.
    """
    edges = at_once(*(partial(from_smoothed_edges, values, hidden) for hidden in (mask, mask | copies)))
    experts = []
    for name, made in (("linear", linear), ("edges", edges)):
        gap, hidden = (
            Estimate(log=filled, sigma=np.full(filled.shape, np.nan, np.float32)) for filled in made
        )
        experts.append(Expert(name=name, gap=gap, hidden=hidden))
    return experts


def from_smoothed_edges(values: Log, mask: Mask) -> Log:
    """Fill by linear interpolation between means of the measured counts around each edge.

    Single photons at the edge weigh less than by plain interpolation, which pays along dim rods.

    Parameters
    ----------
    values
        `log(1 + I)`, float32; masked entries are ignored.
    mask
        True where not measured.
    """
    measured = (~mask).astype(np.float32)
    counts = np.where(mask, np.float32(0), np.expm1(values))
    weight = smoothed(measured, EDGE_WIDTH)
    mean = smoothed(counts, EDGE_WIDTH) / np.maximum(weight, np.float32(1e-3))
    return linear_fill(np.log1p(mean), mask)
