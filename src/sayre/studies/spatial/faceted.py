"""A faceted crystal on voxels, for patterns that are too large for sums over atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import HalfspaceIntersection
from scipy.spatial.transform import Rotation

from sayre.numerics.fourier import to_detector, to_object
from sayre.simulation.particles.shapes import half_spaces
from sayre.simulation.particles.strain import smooth_random_phase

OVERSAMPLING, PHASE_RANGE = 3.0, 1.0
"""Of the longest extent of the crystal, and largest less smallest phase in rad."""


@dataclass(frozen=True, kw_only=True)
class Faceted:
    """A crystal and what it scatters; arrays are centred, cubes of one side.

    Attributes
    ----------
    object
        complex64, in roots of counts.
    field
        complex64, what it scatters, brightest in the middle.
    support
        bool, voxels of which at least a half is inside.
    normals
        Outward normals of the facets, float64 `(facets, 3)`.
    """

    object: NDArray[np.complex64]
    field: NDArray[np.complex64]
    support: NDArray[np.bool_]
    normals: NDArray[np.float64]


def faceted(side: int, max_counts: float, generator: np.random.Generator) -> Faceted:
    """Cut a crystal of the equilibrium shape on a substrate, turned at random, out of voxels.

    A voxel on the surface counts by the part of it that is inside, which keeps the Fourier transform on this
    grid from being aliased much; no field is cut off by the edges of the array.

    Parameters
    ----------
    side
        Voxels along each axis.
    max_counts
        Expected counts in the brightest voxel.
    generator
        Source of the orientation and the phase.
    """
    normals, distances = half_spaces("winterbottom", generator)
    normals = normals @ Rotation.random(random_state=generator).as_matrix().T
    corners = HalfspaceIntersection(np.column_stack([normals, -distances]), np.zeros(3)).intersections
    span = np.ptp(corners, axis=0)
    scale = side / OVERSAMPLING / span.max()
    distances = (distances - normals @ ((corners.max(axis=0) + corners.min(axis=0)) / 2)) * scale
    half = int(np.ceil(span.max() * scale / 2)) + 2
    axis = np.arange(-half, half + 1, dtype=np.float32)
    depth = np.full((len(axis),) * 3, np.inf, np.float32)
    for normal, distance in zip(normals.astype(np.float32), distances, strict=True):
        height = normal[0] * axis[:, None, None] + normal[1] * axis[:, None] + normal[2] * axis
        np.minimum(depth, np.float32(distance) - height, out=depth)
    cover = np.clip(0.5 + depth, 0, 1)
    inside = np.argwhere(cover > 0)
    phase = smooth_random_phase((inside - half).astype(np.float64), PHASE_RANGE, generator)
    obj = np.zeros((side,) * 3, np.complex64)
    support = np.zeros(obj.shape, bool)
    place = tuple((inside + side // 2 - half).T)
    obj[place] = cover[cover > 0] * np.exp(1j * phase)
    support[place] = cover[cover > 0] >= 0.5
    field = np.asarray(to_detector(obj), np.complex64)
    peak = np.unravel_index(int(np.abs(field).argmax()), field.shape)
    field = np.roll(field, [side // 2 - int(at) for at in peak], range(3))
    field *= np.float32(np.sqrt(max_counts) / np.abs(field).max())
    return Faceted(
        object=np.asarray(to_object(field), np.complex64), field=field, support=support, normals=normals
    )
