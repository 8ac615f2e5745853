"""The surface of an object as triangles that a page turns and draws by itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal
from sayre.figures.interactive.crystal import Mesh
from sayre.figures.quantities import Quantity, in_laboratory
from sayre.figures.surface import field_below

TRIANGLES = 8_000
"""Of a surface; a page sorts and fills them while it is turned."""


class Surface(NamedTuple):
    """Corners to the right, up and towards the viewer; triangles whose corners go round counterclockwise as
    they are seen from outside; a value at each corner; and where the array axes point, as rows."""

    corners: NDArray[np.float32]
    triangles: NDArray[np.int32]
    values: NDArray[np.float32]
    axes: NDArray[np.float32]


def surface_of(crystal: Crystal, mesh: Mesh, quantity: Quantity) -> Surface:
    """A surface coloured by what is just below it, seen along the first array axis as the slices are.

    Parameters
    ----------
    crystal
        3D.
    mesh
        Its surface.
    quantity
        What colours it.
    """
    size = np.array(crystal.voxel_size or (1.0, 1.0, 1.0))
    places = (mesh.points - np.array(crystal.shape) // 2) * size
    # x, y, z of the laboratory; else columns to the right, rows down, and frames away from the viewer.
    signs = np.array([1.0, 1.0, 1.0]) if in_laboratory(crystal) else np.array([1.0, -1.0, -1.0])
    corners, triangles = places[:, ::-1] * signs, mesh.faces
    if volume_within(corners, triangles) < 0:
        triangles = triangles[:, ::-1]
    return Surface(
        corners=corners.astype(np.float32),
        triangles=triangles.astype(np.int32),
        values=field_below(quantity.values, crystal.support, mesh.points, mesh.normals).astype(np.float32),
        axes=(np.eye(3)[::-1] * signs).astype(np.float32),
    )


def volume_within(corners: NDArray[np.floating], triangles: NDArray[np.integer]) -> float:
    """Volume that a closed surface holds; negative where its triangles go round the other way.

    Parameters
    ----------
    corners
        `(n, 3)`.
    triangles
        `(triangles, 3)`: numbers of corners, counterclockwise from outside.
    """
    first, second, third = (corners[triangles[:, k]].astype(np.float64) for k in range(3))
    return float(np.sum(np.cross(first, second) * third) / 6)
