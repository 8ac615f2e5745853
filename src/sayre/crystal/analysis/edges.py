"""Resolution by direction: how sharp the surface of a crystal is where it faces a direction.

The amplitude of a crystal ends abruptly; that of its reconstruction passes from the bulk's to nothing over
the width of the point spread, which is not the same in all directions: the counts reach less far along some.
Across a flat surface the amplitude is the integral of the point spread, for a Gaussian one an error function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray
from scipy import ndimage, optimize

from sayre.crystal.analysis.statistics import surface_of

Vector = NDArray[np.float64]

SMOOTHING = 1.5
"""Of the support, voxels, before its normals are taken."""
NEAR = 20.0
"""Degrees from a direction within which the surface faces it."""
REACH, STEP = 6.0, 0.25
"""How far the profiles go to both sides of the surface, and from point to point, in voxels of the smallest
side."""
SPLINE = 16
"""Voxels beyond which others change a cubic spline by no more than 1e-9 of their values."""
FEWEST = 20
"""Profiles for a direction, at least."""
RESOLVED = 2.0
"""Voxels below which the width of the surface is not resolved."""
FWHM = float(2 * np.sqrt(2 * np.log(2)))
"""Full width of a Gaussian at half of its maximum, in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class EdgeWidth:
    """How sharp the surface is along a direction.

    Attributes
    ----------
    name
        Of the direction.
    direction
        Unit vector in the laboratory (x, y, z); along the array axes where they are not known.
    width
        Full width at half maximum of the point spread in nm, or voxels where their size is not known.
    profiles
        Across the surface that it is the mean of.
    """

    name: str
    direction: tuple[float, ...]
    width: float
    profiles: int

    def text(self, voxel: tuple[float, ...] | None) -> str:
        """Return the width in words of a report, or that it is below what the voxels resolve.

        Parameters
        ----------
        voxel
            Voxel size of the crystal in nm; None where it is not known.
        """
        least = RESOLVED * max(voxel or (1.0,))
        return f"below {least:.3g}" if self.width < least else f"{self.width:.3g}"

    def plain(self) -> dict[str, Any]:
        """Return what is known by name, as JSON can hold it."""
        return asdict(self)


def edge_widths(
    amplitude: NDArray[np.floating],
    support: NDArray[np.bool_],
    basis: Vector,
    directions: Sequence[tuple[str, Vector]],
) -> list[EdgeWidth]:
    """Measure the width of the point spread along some directions.

    Profiles of the amplitude go along the normals of the surface that are within `NEAR` degrees of the
    direction, either way. Each is relative to the amplitude of the bulk below it, and they are laid over each
    other where they pass half of it.

    Parameters
    ----------
    amplitude
        3D, on both sides of the surface: not set to zero outside the support.
    support
        bool, same shape.
    basis
        Steps from voxel to voxel, as rows; oblique ones too.
    directions
        Names and vectors, in the space of the basis.

    Notes
    -----
    That the resolution of these crystals depends on the direction: M. J. Cherukara, W. Cha and R. J. Harder,
    Appl. Phys. Lett. 113, 203101 (2018), who deconvolve the amplitude by its support.
    """
    if amplitude.ndim != 3 or not support.any():
        return []
    inverse = np.linalg.inv(basis)
    size = float(np.linalg.norm(basis, axis=1).min())
    box = _around(support, 2 * REACH * size * np.linalg.norm(inverse, axis=0))
    amplitude, support = amplitude[box], support[box]
    surface = surface_of(support)
    places = np.argwhere(surface)
    blurred = ndimage.gaussian_filter(support.astype(np.float32), SMOOTHING)
    slopes = np.stack([np.gradient(blurred, axis=axis)[surface] for axis in range(3)], -1) @ inverse.T
    normals = -slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-12)
    smooth = ndimage.spline_filter(np.asarray(amplitude, np.float64), order=3, mode="constant")
    found = []
    for name, vector in directions:
        direction = np.asarray(vector, float) / np.linalg.norm(vector)
        faces = np.abs(normals @ direction) > np.cos(np.radians(NEAR))
        far, heights = _profiles(smooth, places[faces], normals[faces] @ inverse, size)
        if len(heights) >= FEWEST:
            width = FWHM * _blur(far, heights)
            shown = tuple(float(part) for part in direction)
            found.append(EdgeWidth(name=name, direction=shown, width=width, profiles=len(heights)))
    return found


def _around(support: NDArray[np.bool_], reach: Vector) -> tuple[slice, ...]:
    """Return the box of a support, so many voxels wider on each side, and by those that a spline needs."""
    margin = np.ceil(reach).astype(int) + SPLINE
    (box,) = ndimage.find_objects(support.astype(np.int8))
    return tuple(slice(max(side.start - m, 0), side.stop + m) for side, m in zip(box, margin, strict=True))


def _profiles(
    smooth: NDArray[np.float64], places: NDArray[np.intp], slopes: Vector, size: float
) -> tuple[Vector, NDArray[np.float64]]:
    """Distances from the half amplitude, outwards, and the amplitudes there relative to the bulk's.

    `slopes` are the steps in voxels for one outwards in space.
    """
    far = np.arange(-2 * REACH, 2 * REACH + STEP, STEP) * size
    ways = places[:, None, :] + far[:, None] * slopes[:, None, :]
    heights = ndimage.map_coordinates(
        smooth, ways.reshape(-1, 3).T, order=3, mode="constant", prefilter=False
    )
    heights = heights.reshape(len(places), len(far))
    deep = (far < -REACH / 2 * size) & (far >= -REACH * size)
    bulk = heights[:, deep].mean(axis=1, keepdims=True) if len(heights) else heights[:, :1]
    relative = heights / np.where(bulk > 0, bulk, np.inf)
    near = np.abs(far) < REACH / 2 * size
    below = relative[:, near] < 0.5
    starts = np.flatnonzero(near)[0]
    crossing = below.argmax(axis=1) + starts
    sound = below.any(axis=1) & (crossing > starts)
    distance = np.arange(-REACH, REACH + STEP / 2, STEP) * size
    found = []
    for row, end in zip(relative[sound], crossing[sound], strict=True):
        share = (row[end - 1] - 0.5) / (row[end - 1] - row[end])
        found.append(np.interp(distance + far[end - 1] + share * STEP * size, far, row))
    return distance, np.array(found).reshape(-1, len(distance))


def _blur(far: Vector, heights: NDArray[np.float64]) -> float:
    """Standard deviation of the Gaussian whose integral is the mean of the profiles, in the unit of `far`."""
    mean = np.median(heights, axis=0)

    def missed(scale: Vector) -> Vector:
        return np.asarray(scipy.special.erfc(far / (np.sqrt(2) * np.exp(scale[0]))) / 2 - mean)

    start = np.log(np.ptp(far) / 20)
    return float(np.exp(optimize.least_squares(missed, [start], loss="soft_l1", f_scale=0.1).x[0]))
