"""Sums of counts: a mixture that is too dim or too bright in the copies near by is put right in the gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sayre.filling.stacking.evidence import levels_of, smooth
from sayre.filling.stacking.pieces import Copies, Piece

Log = NDArray[np.float32]

NEAR = 4.0
"""Voxels over which counts are summed."""
PRIOR = 400.0
"""Counts, of those that weigh, that speak for the mixture as it is."""
MOST = 0.7
"""Largest logarithm of the factor."""


def balance(counts: Log, log: Log, hidden: Log, copies: Copies, piece: Piece) -> Log:
    """Return the logarithm of the factor on the counts of each voxel in the box of a piece.

    It is that of the measured to the expected counts of the copies, over neighbours and voxels as bright,
    each weighing as its Poisson variance and an error of its own size allow, `1/(1 + λ)`. The brightest class
    stays as it is: single voxels decide there, and the error of the roots sees them well.

    Parameters
    ----------
    counts
        Measured counts, float32.
    log, hidden
        `log(1 + counts)` that the mixture expects in the gaps, and in the copies.
    copies
        What was hidden.
    piece
        One of its pieces.
    """
    expected = np.maximum(np.expm1(hidden), 0)
    weight = (copies.mask & ~copies.narrow) / (1 + expected)
    unit = np.float32((2 * np.pi * NEAR**2) ** (counts.ndim / 2))
    found = [piece.moved(weight * counts, shift) * piece.inside for shift in piece.shifts]
    thought = [piece.moved(weight * expected, shift) * piece.inside for shift in piece.shifts]
    shares = [levels_of(piece.moved(hidden, shift)) for shift in piece.shifts]
    factor = np.zeros(piece.inside.shape, np.float32)
    for level, mine in enumerate(levels_of(log[piece.box])[:-1]):
        if mine.any() and piece.shifts:
            sums = [
                unit * smooth([a * s[level] for a, s in zip(one, shares, strict=True)], NEAR, factor.shape)
                for one in (found, thought)
            ]
            factor += mine * np.log((sums[0] + PRIOR) / (sums[1] + PRIOR))
    return np.clip(factor, -MOST, MOST)
