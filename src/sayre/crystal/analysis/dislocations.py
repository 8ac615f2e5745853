"""Dislocations: the lines around which the phase of an object turns by a multiple of 2π."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sayre.crystal.strain import wrap

Phase = NDArray[np.floating]
Support = NDArray[np.bool_]

CLOSING = 3
"""Voxels by which the support is closed: the amplitude of a core is low, and it may be no part of it."""
BESIDE = 1.5
"""Voxels within which two lines are one: a line of two turns passes two squares side by side."""
SMOOTHING = 5.0
"""Of the steps of a line, voxels, before its length is taken."""
RADII = (2, 3, 4)
"""Half the sides of the Burgers circuits, voxels."""
CIRCUITS = 60
"""Places at most along a line where circuits are taken."""


@dataclass(frozen=True, kw_only=True)
class DislocationLine:
    """A line around which the phase turns.

    Attributes
    ----------
    points
        `(n, 3)`: middles of the squares of four voxels that the line passes, as fractional indices.
    winding
        By so many spacings of the planes the displacement along G grows on a right-handed circuit about
        `direction`, some voxels away: the component of the Burgers vector along G, in spacings of the planes.
        The phase falls by 2π times as much.
    direction
        Unit vector of the line in the frame of the basis, where it extends the farthest.
    length
        Along the line, nm, its steps from voxel to voxel smoothed; of a line that does not turn back.
    """

    points: NDArray[np.float64]
    winding: int
    direction: NDArray[np.float64]
    length: float


def dislocations(
    phase: Phase, support: Support, basis: NDArray[np.float64], *, shortest: float = 5.0
) -> tuple[list[DislocationLine], int]:
    """Find the lines of vortices of a 3D phase, the longest first, and count those that are too short.

    Every elementary square of four voxels around which the wrapped phase turns by ±2π is passed by a line.
    Since the sum over the six faces of a cube is 0, lines end at the surface of the crystal or close. What
    is shorter than `shortest` is noise, as a rule where the amplitude is low.

    Parameters
    ----------
    phase
        rad, wrapped or not, 3D.
    support
        bool, same shape. It is closed over a few voxels, so that the dark core of a dislocation is inside.
    basis
        nm; row k is the step from voxel to voxel along array axis k.
    shortest
        Extent of a line, voxels.

    Notes
    -----
    J. N. Clark et al., Nature Materials 14, 780 (2015), for dislocations as vortices of the Bragg phase;
    J. F. Nye and M. V. Berry, Proc. R. Soc. A 336, 165 (1974), for those of waves.
    """
    inside = closed(support)
    starts, ends, turns = _segments(np.asarray(phase, np.float64), inside)
    if not len(starts):
        return [], 0
    nodes, index = np.unique(np.concatenate([starts, ends]), axis=0, return_inverse=True)
    first, second = np.split(index.ravel(), 2)
    beside = cKDTree(nodes).query_pairs(BESIDE, output_type="ndarray")
    pairs = np.concatenate([np.column_stack([first, second]), beside])
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(nodes),) * 2)
    _, part = connected_components(graph, directed=False)
    lines: list[DislocationLine] = []
    short = 0
    for number in np.unique(part):
        mine = part[first] == number
        middles = (starts[mine] + ends[mine]) / 2
        extent = float(np.linalg.norm(np.ptp(middles, axis=0))) + 1
        line = None
        if extent >= shortest:
            line = _line(middles, (ends - starts)[mine] * turns[mine, None], phase, inside, basis)
        if line is None or line.winding == 0:
            short += 1
        else:
            lines.append(line)
    return sorted(lines, key=lambda line: -line.length), short


def closed(support: Support) -> Support:
    """Return a support without holes and without channels some voxels wide."""
    wide = np.pad(support, CLOSING)
    ball = ndimage.generate_binary_structure(support.ndim, 1)
    wide = ndimage.binary_closing(wide, ball, iterations=CLOSING)
    core = tuple(slice(CLOSING, -CLOSING) for _ in range(support.ndim))
    return np.asarray(ndimage.binary_fill_holes(wide[core]), np.bool_)


def circuit(phase: Phase, centre: Sequence[int], axis: int, half: int) -> int | None:
    """Turns of the phase on a square circuit, right-handed about an array axis in index space.

    The right hand is that of the array axes in their order, as if they were right-handed.

    Parameters
    ----------
    phase
        rad, 3D; NaN where the circuit must not lead.
    centre
        Lowest corner of the elementary square in the middle.
    axis
        That the circuit goes around.
    half
        Voxels from that square to the sides of the circuit.

    Returns
    -------
    None where the circuit leaves the array or meets NaN.
    """
    down, right = [(1, 2), (2, 0), (0, 1)][axis]
    low = np.array([centre[down], centre[right]]) - half
    side = 2 * half + 1
    corners = ((0, 0), (side, 0), (side, side), (0, side), (0, 0))
    path = [
        low + np.array(a) + np.sign(np.array(b) - np.array(a)) * step
        for a, b in itertools.pairwise(corners)
        for step in range(side)
    ]
    places = np.zeros((len(path) + 1, 3), int)
    places[:, axis] = centre[axis]
    places[:, [down, right]] = [*path, path[0]]
    if places.min() < 0 or (places >= phase.shape).any():
        return None
    values = phase[tuple(places.T)]
    if not np.isfinite(values).all():
        return None
    return int(np.rint(wrap(np.diff(values)).sum() / (2 * np.pi)))


def _segments(
    phase: Phase, inside: Support
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Middles of the two cubes that share a square around which the phase turns, and how often it does."""
    starts, ends, turns = [np.zeros((0, 3))], [np.zeros((0, 3))], [np.zeros(0, np.int64)]
    for axis, (down, right) in enumerate(((1, 2), (2, 0), (0, 1))):
        values = np.moveaxis(phase, (axis, down, right), (0, 1, 2))
        within = np.moveaxis(inside, (axis, down, right), (0, 1, 2))
        along_down, along_right = wrap(np.diff(values, axis=1)), wrap(np.diff(values, axis=2))
        total = along_down[:, :, :-1] + along_right[:, 1:] - along_down[:, :, 1:] - along_right[:, :-1]
        turn = np.rint(total / (2 * np.pi)).astype(np.int64)
        turn[~(within[:, :-1, :-1] & within[:, :-1, 1:] & within[:, 1:, :-1] & within[:, 1:, 1:])] = 0
        found = np.argwhere(turn)
        middle = np.zeros((len(found), 3))
        middle[:, [axis, down, right]] = found + np.array([0.0, 0.5, 0.5])
        step = 0.5 * np.eye(3)[axis]
        starts.append(middle - step)
        ends.append(middle + step)
        turns.append(turn[tuple(found.T)])
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(turns)


def _line(
    middles: NDArray[np.float64],
    steps: NDArray[np.float64],
    phase: Phase,
    inside: Support,
    basis: NDArray[np.float64],
) -> DislocationLine:
    """A line of its squares; `steps` go from cube to cube, the phase turns to the right about them."""
    places = middles @ basis
    axis = np.linalg.svd(places - places.mean(0), full_matrices=False)[2][0]
    along = (places - places.mean(0)) @ axis
    order = np.argsort(along)
    dense = len(places) / (1 + float(np.linalg.norm(np.ptp(middles, axis=0))))
    window = min(int(np.ceil(SMOOTHING * dense)), len(places))
    smooth = ndimage.uniform_filter1d(places[order], window, axis=0, mode="nearest")
    length = float(np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum()) if len(places) > 1 else 0.0
    # Left-handed array axes, as (z, y, x) are, reverse the sense of a turn; the displacement is −phase/|G|.
    hand = np.sign(np.linalg.det(basis))
    if float((steps.sum(0) @ basis) @ axis) * hand > 0:
        axis = -axis
    winding = _winding(middles, steps, np.where(inside, phase, np.nan))
    return DislocationLine(points=middles, winding=winding, direction=axis, length=length)


def _winding(middles: NDArray[np.float64], steps: NDArray[np.float64], phase: Phase) -> int:
    """The turns that most circuits around the line agree on, without sign; 1 where no circuit fits in."""
    found = []
    some = slice(None, None, -(-len(middles) // CIRCUITS))
    for middle, step in zip(middles[some], steps[some], strict=True):
        axis = int(np.abs(step).argmax())
        corner = [int(np.floor(n)) if i != axis else int(n) for i, n in enumerate(middle)]
        for half in RADII:
            turns = circuit(phase, corner, axis, half)
            if turns is not None:
                found.append(abs(turns))
    return int(np.bincount(found).argmax()) if found else 1
