"""Unwrapped phase, and the vortices that no unwrapping can undo."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.crystal.strain import wrap

Support = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Unwrapped:
    """An unwrapped phase and where it cannot be trusted.

    Attributes
    ----------
    phase
        float32, rad; NaN outside the support.
    vortices
        bool: voxels of the loops around which the phase turns by 2π, the cores of dislocations (or noise).
    cut
        bool: voxels on either side of a remaining 2π jump. A dislocation always leaves such a cut from its
        core to the surface; across it the displacement jumps by a lattice plane spacing, its gradient does
        not.
    lines
        Connected sets of vortices that reach the surface or close: how many dislocations there are at most.
    """

    phase: NDArray[np.float32]
    vortices: Support
    cut: Support
    lines: int


def vortices(phase: NDArray[np.floating], support: Support) -> Support:
    """Voxels of every elementary square inside the support around which the phase turns by ±2π.

    The sum of the wrapped differences around a square is 0 or ±2π (Goldstein, Zebker and Werner, Radio Sci.
    23, 713, 1988).

    Parameters
    ----------
    phase
        rad, wrapped, 2D or 3D.
    support
        bool, same shape.
    """
    found = np.zeros(support.shape, bool)
    for first, second in combinations(range(phase.ndim), 2):
        values = np.moveaxis(np.asarray(phase, np.float64), (first, second), (0, 1))
        inside = np.moveaxis(support, (first, second), (0, 1))
        down, right = wrap(np.diff(values, axis=0)), wrap(np.diff(values, axis=1))
        turn = np.abs(down[:, :-1] + right[1:] - down[:, 1:] - right[:-1]) > np.pi
        turn &= inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:]
        marked = np.moveaxis(found, (first, second), (0, 1))
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            n, m = turn.shape[:2]
            marked[i : i + n, j : j + m] |= turn
    return found


def unwrap(phase: NDArray[np.floating], support: Support) -> Unwrapped:
    """Unwrap a phase within a support; the voxels of vortices are left out and filled from their neighbours.

    Parts of the support that do not touch each other are put within π of zero mean, each by its own.

    Parameters
    ----------
    phase
        rad, 2D or 3D, wrapped.
    support
        bool, same shape.

    Notes
    -----
    Paths of reliability (Herráez et al., Appl. Opt. 41, 7437, 2002; in 3D Abdul-Rahman et al., Appl. Opt. 46,
    6623, 2007), as scikit-image has them.
    """
    core = vortices(phase, support)
    _, lines = ndimage.label(core, np.ones((3,) * phase.ndim))
    smooth = support & ~core
    result = np.full(phase.shape, np.nan)
    if smooth.any():
        result[smooth] = _unwrapped(np.asarray(phase, np.float64), smooth)[smooth]
    _fill_cores(result, np.asarray(phase, np.float64), support & core)
    return Unwrapped(phase=result.astype(np.float32), vortices=core, cut=_cut(result, support), lines=lines)


def _unwrapped(phase: NDArray[np.float64], inside: Support) -> NDArray[np.float64]:
    from skimage import restoration

    unwrapper: Any = restoration.unwrap_phase
    box = tuple(
        slice(max(s.start - 1, 0), s.stop + 1) for s in ndimage.find_objects(inside.astype(np.int8))[0]
    )
    result = np.zeros(phase.shape)
    masked: Any = np.ma.masked_array(wrap(phase[box]), ~inside[box])
    result[box] = unwrapper(masked, rng=0).filled(0)
    parts, count = ndimage.label(inside)
    means = ndimage.mean(result, parts, np.arange(1, count + 1))
    turns = np.concatenate([[0], 2 * np.pi * np.rint(np.asarray(means) / (2 * np.pi))])
    return np.asarray(result - turns[parts])


def _fill_cores(result: NDArray[np.float64], phase: NDArray[np.float64], core: Support) -> None:
    """Give the voxels of vortices the turn that is nearest to that of their nearest unwrapped neighbour."""
    known = np.isfinite(result)
    if not core.any():
        return
    if not known.any():
        result[core] = phase[core]
        return
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    beside = result[tuple(index[core] for index in nearest)]
    result[core] = beside + wrap(phase[core] - beside)


def _cut(result: NDArray[np.float64], support: Support) -> Support:
    """Both sides of every step of more than π between neighbours."""
    found = np.zeros(support.shape, bool)
    for axis in range(result.ndim):
        jump = np.moveaxis(np.abs(np.diff(result, axis=axis)) > np.pi, axis, 0)
        marked = np.moveaxis(found, axis, 0)
        marked[:-1] |= jump
        marked[1:] |= jump
    return found
