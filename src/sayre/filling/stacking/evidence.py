"""Weights of experts in a gap, by how well each of them filled the hidden copies near by.

The error of an expert at a copied voxel is `(√n − E√N)²` for n counts where it expects a mean λ of Poisson
counts N, over `1/4 + RELATIVE² λ/4`: photon noise, and a relative error of the filling; large ones are
damped. It is averaged over the copies of a voxel, over its neighbours and over voxels as bright: a rod is
judged by rods, the dark field by the dark field. The weights are `trust · exp(−excess/TAU)`, the posterior of
experts whose log evidence is the excess of the mean error over that of another expert.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.filling.stacking.experts import Expert
from sayre.filling.stacking.pieces import Copies, Piece
from sayre.numerics.poisson import mean_of_root

Log = NDArray[np.float32]

TAU = 0.05
RELATIVE = 0.5
TAIL = 3.0
"""Errors far beyond it count by their logarithm: voxels of a peak decide nothing for a rod beside it."""
NEAR, WIDE = 2.5, 6.0
"""Voxels over which errors are averaged, and over which those are that decide where copies are few."""
WIDE_SHARE, WHOLE_SHARE = 0.05, 1e-3
"""Weight of the wider averages, in copies of a voxel."""
LEVELS = np.log1p(np.array([0.15, 0.7, 2.5, 8.0, 40.0, 300.0]))
"""Middles of the classes of brightness, `log(1 + expected counts)`."""


def levels_of(light: Log) -> list[Log]:
    """Return how far each voxel belongs to each class of brightness; the shares sum to one.

    Parameters
    ----------
    light
        `log(1 + expected counts)`, float32.
    """
    place = np.interp(light, LEVELS, np.arange(len(LEVELS)))
    return [np.maximum(1 - np.abs(place - k), 0).astype(np.float32) for k in range(len(LEVELS))]


def errors(counts: Log, means: Sequence[Log]) -> list[Log]:
    """Return the error of each expert at each voxel.

    Parameters
    ----------
    counts
        Photon counts, float32.
    means
        Expected counts of each expert, same shape.
    """
    scale = 1 / (0.25 + RELATIVE**2 / 4 * np.mean(means, axis=0))
    root = np.sqrt(counts)
    squares = ((root - mean_of_root(mean)) ** 2 * scale for mean in means)
    return [(TAIL * np.log1p(one / TAIL)).astype(np.float32) for one in squares]


class Evidence:
    """Errors of experts in the copies of a pattern, and the weights that follow from them.

    Parameters
    ----------
    counts
        Measured counts, float32.
    copies
        What was hidden.
    experts
        All that are stacked.
    """

    def __init__(self, counts: Log, copies: Copies, experts: Sequence[Expert]) -> None:
        at = copies.mask
        means = [np.maximum(np.expm1(expert.hidden.log[at]), 0) for expert in experts]
        self._experts, self._copied = experts, at & ~copies.narrow
        self._light = self._spread(at, np.log1p(np.mean(means, axis=0)))
        self._errors = [self._spread(at, one) for one in errors(counts[at], means)]
        self._trust = -TAU * np.log([expert.trust for expert in experts])
        self._whole = self._over_all()

    @staticmethod
    def _spread(at: NDArray[np.bool_], values: NDArray[np.floating]) -> Log:
        field = np.zeros(at.shape, np.float32)
        field[at] = values
        return field

    def _over_all(self) -> NDArray[np.float64]:
        """Mean excess over the first expert in each class, of all copies."""
        shares = levels_of(self._light[self._copied])
        excess = [(one - self._errors[0])[self._copied] for one in self._errors]
        return np.array([[float(s @ e) / max(float(s.sum()), 1.0) for s in shares] for e in excess])

    def weights(self, piece: Piece) -> Log:
        """Return the weight of each expert in each voxel of the box of a piece, `(experts, *box)`.

        Parameters
        ----------
        piece
            One of the pieces of the copies.
        """
        light = np.log1p(np.mean([np.maximum(np.expm1(e.gap.log[piece.box]), 0) for e in self._experts], 0))
        hidden = [piece.moved(self._copied, shift) & piece.inside for shift in piece.shifts]
        shares = [levels_of(piece.moved(self._light, shift)) for shift in piece.shifts]
        moved = [[piece.moved(one, shift) for shift in piece.shifts] for one in self._errors]
        excess = np.zeros((len(self._experts), *light.shape), np.float32)
        for level, mine in enumerate(levels_of(light)):
            known = [h * s[level] for h, s in zip(hidden, shares, strict=True)]
            if not mine.any():
                continue
            near, wide = (smooth(known, width, light.shape) for width in (NEAR, WIDE))
            for k in range(1, len(self._experts)):
                more = [w * (a - b) for w, a, b in zip(known, moved[k], moved[0], strict=True)]
                mean = smooth(more, WIDE, light.shape) + WHOLE_SHARE * np.float32(self._whole[k, level])
                mean = mean / (wide + np.float32(WHOLE_SHARE))
                mean = (smooth(more, NEAR, light.shape) + WIDE_SHARE * mean) / (near + np.float32(WIDE_SHARE))
                excess[k] += mine * mean
        excess += self._trust.reshape(-1, *[1] * light.ndim).astype(np.float32)
        weights = np.exp(-(excess - excess.min(0)) / TAU)
        return np.asarray(weights / weights.sum(0), np.float32)


def smooth(fields: Sequence[Log], width: float, shape: tuple[int, ...]) -> Log:
    """Sum of smoothed fields; zero without any.

    Parameters
    ----------
    fields
        float32, all of `shape`.
    width
        Standard deviation of the Gaussian in voxels.
    shape
        Of the result.
    """
    if not fields:
        return np.zeros(shape, np.float32)
    whole = np.sum(fields, axis=0, dtype=np.float32)
    return np.asarray(gaussian_filter(whole, width, mode="constant", truncate=3.0))
