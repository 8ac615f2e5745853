"""Weights of experts in a gap, by how well each of them filled the hidden copies on both sides of it.

The error of an expert at a copied voxel is `√n − E√N` for n counts where it expects Poisson counts N, over
`√(1/4 + RELATIVE² λ/4)`: photon noise, and a relative error of the filling. Products of the errors of each
two experts are averaged over the thickness of the gap, over neighbours along its plane and over voxels as
bright: a rod is judged by rods, the dark field by the dark field. Where few voxels tell, averages of a wider
neighbourhood stand in, and for these averages of the whole pattern.

The weights of a side are those whose mixture has the smallest squared error there (stacking). In each class
of brightness one expert leads: the last one, unless another is better by `LEAD` over all copies. The others
pay `LEAD` times the error of the best for their weight, and get the smaller of the weights of both sides. So
what is a chance, or to be seen on one side alone, changes nothing, and where the copies tell little the
leading expert fills the gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.filling.stacking.experts import Expert
from sayre.filling.stacking.pieces import Copies, Piece
from sayre.filling.stacking.simplex import stacked
from sayre.numerics.poisson import mean_of_root

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

RELATIVE = 0.5
TAIL = 6.0
"""Squared error of the best expert beyond which a voxel counts less: what none fills decides nothing."""
LEAD = 0.6
NEAR, WIDE = 2.5, 8.0
"""Voxels along the plane over which errors are averaged, and over which where few voxels tell."""
NEAR_PRIOR, WIDE_PRIOR, LEVEL_PRIOR = 5.0, 300.0, 30.0
"""Voxels that the next wider average counts for."""
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


def errors(counts: Log, means: Log) -> Log:
    """Return the error of each expert at each voxel, `(experts, ...)`.

    Parameters
    ----------
    counts
        Photon counts, float32.
    means
        Expected counts of each expert, `(experts, ...)`.
    """
    scale = 1 / np.sqrt(0.25 + RELATIVE**2 / 4 * means.mean(0))
    return np.asarray((np.sqrt(counts) - mean_of_root(means)) * scale, np.float32)


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
        self._experts, self._copied = experts, copies.mask & ~copies.narrow
        at = self._copied
        means = np.stack([np.maximum(np.expm1(expert.hidden.log[at]), 0) for expert in experts])
        found = errors(counts[at], means)
        heard = 1 / (1 + (found**2).min(0) / TAIL)
        light = np.log1p(means.mean(0))
        self._light, self._heard = self._spread(light), self._spread(heard)
        self._errors = [self._spread(one) for one in found]
        shares = [share * heard for share in levels_of(light)]
        sums = np.array([(share * found) @ found.T for share in shares])
        voxels = np.array([float(share.sum()) for share in shares])
        overall = sums.sum(0) / max(voxels.sum(), 1)
        self._whole = (sums + LEVEL_PRIOR * overall) / (voxels + LEVEL_PRIOR)[:, None, None]
        alone = np.einsum("lkk->lk", self._whole).copy()
        alone[:, :-1] *= 1 + LEAD
        self.leading = alone.argmin(1) if voxels.any() else np.full(len(LEVELS), len(experts) - 1)

    def _spread(self, values: NDArray[np.floating]) -> Log:
        field = np.zeros(self._copied.shape, np.float32)
        field[self._copied] = values
        return field

    def weights(self, piece: Piece) -> Log:
        """Return the weight of each expert in each voxel of the box of a piece, `(experts, *box)`.

        Parameters
        ----------
        piece
            One of the pieces of the copies.
        """
        experts, axis = len(self._experts), piece.axis
        light = np.mean([np.maximum(np.expm1(e.gap.log[piece.box]), 0) for e in self._experts], 0)
        weights = np.zeros((experts, *piece.inside.shape), np.float32)
        sides = [self._side(piece, shift) for shift in piece.shifts]
        for level, mine in enumerate(levels_of(np.log1p(light))):
            if not mine.any():
                continue
            found = [self._of_side(level, *side, axis) for side in sides]
            share = np.min(found, axis=0) if found else np.zeros((experts, *[1] * light.ndim), np.float32)
            share[self.leading[level]] = 0
            share[self.leading[level]] = 1 - share.sum(0)
            weights += mine * share
        return weights

    def _side(self, piece: Piece, shift: int) -> tuple[Log, list[Log], list[Log]]:
        """Weight of each voxel of a copy, its shares of the classes, and the errors of the experts."""
        heard = piece.moved(self._heard, shift) * piece.inside
        errors = [piece.moved(one, shift) for one in self._errors]
        return heard, levels_of(piece.moved(self._light, shift)), errors

    def _of_side(self, level: int, heard: Log, shares: list[Log], errors: list[Log], axis: int) -> Log:
        """Weights by one copy, `(experts, *box)` with one voxel along the axis."""
        known = heard * shares[level]
        near, wide = (over_plane(known, axis, width) for width in (NEAR, WIDE))
        experts, whole = len(errors), self._whole[level]
        products = np.empty((experts, experts, *near.shape), np.float32)
        for a in range(experts):
            for b in range(a + 1):
                product = known * errors[a] * errors[b]
                mean = over_plane(product, axis, WIDE) + np.float32(WIDE_PRIOR * whole[a, b])
                mean /= wide + np.float32(WIDE_PRIOR)
                mean = (over_plane(product, axis, NEAR) + NEAR_PRIOR * mean) / (near + np.float32(NEAR_PRIOR))
                products[a, b] = products[b, a] = mean
        flat = products.reshape(experts, experts, -1)
        best = np.minimum(np.einsum("kkp->kp", flat).min(0), np.diag(whole).min())
        penalty = np.tile(np.float32(LEAD) * best.astype(np.float32), (experts, 1))
        penalty[self.leading[level]] = 0
        return stacked(flat, penalty).reshape(experts, *near.shape)


def over_plane(field: Log, axis: int, width: float) -> Log:
    """Sum over a neighbourhood along the plane across an axis; the voxel in its middle counts as one.

    Parameters
    ----------
    field
        2D or 3D, float32.
    axis
        Over which all voxels are summed; it stays, with one voxel.
    width
        Standard deviation of the Gaussian along the other axes, in voxels.
    """
    plane = field.sum(axis, keepdims=True)
    widths = [0 if k == axis else width for k in range(field.ndim)]
    unit = np.float32((2 * np.pi * width**2) ** ((field.ndim - 1) / 2))
    return np.asarray(unit * gaussian_filter(plane, widths, mode="constant", truncate=3.0))
