"""The surface of a crystal as a lit image, by marching rays through it; no 3D library."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Vector = NDArray[np.float64]

SMOOTHING = 0.8
"""Of the amplitude whose slope the light falls on, voxels; the surface itself is that of the slices."""
LEVEL = 0.5
"""Amplitude of the surface, over its plateau."""
INSIDE = 1.5
"""How far below the surface, in voxels, its colour is read: the outermost voxels are half empty."""
LIGHT = (-0.45, 0.6, 0.66)
"""Direction to the lamp: right, up, towards the viewer."""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """An image of a surface; rows from the bottom up.

    Attributes
    ----------
    values
        `(rows, columns)`: the field on the surface, NaN beside it.
    light
        Same shape: 0 dark to 1 lit.
    camera
        Rows are the unit vectors to the right, up, and towards the viewer, in array axes.
    pixel
        Its side, in the unit of the voxel size.
    """

    values: NDArray[np.float64]
    light: NDArray[np.float64]
    camera: Vector
    pixel: float

    def upside_down(self) -> Surface:
        """The same seen with the head down: turned by half a turn about the line of sight."""
        turn = np.array([-1.0, -1.0, 1.0])[:, None]
        return replace(
            self, values=self.values[::-1, ::-1], light=self.light[::-1, ::-1], camera=turn * self.camera
        )


def plateau(amplitude: NDArray[np.floating], support: NDArray[np.bool_]) -> float:
    """Amplitude of the bulk, `√(Σa⁴/Σa²)`, which a faint halo in the support does not change.

    Parameters
    ----------
    amplitude, support
        Of one shape.
    """
    squares = np.asarray(amplitude[support], np.float64) ** 2
    return float(np.sqrt(np.sum(squares**2) / max(float(np.sum(squares)), 1e-300)))


def body(amplitude: NDArray[np.floating], support: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of the support within the surface.

    Parameters
    ----------
    amplitude, support
        Of one shape.
    """
    return support & (amplitude >= LEVEL * plateau(amplitude, support))


def camera(azimuth: float, elevation: float) -> Vector:
    """Camera above an array whose axes are (z, y, x), y up; angles in degrees, azimuth from z towards x.

    Parameters
    ----------
    azimuth, elevation
        Of the eye, degrees.
    """
    a, e = np.radians([azimuth, elevation])
    viewer = np.array([np.cos(e) * np.cos(a), np.sin(e), np.cos(e) * np.sin(a)])
    right = np.array([-np.sin(a), 0.0, np.cos(a)])
    up = np.array([-np.sin(e) * np.cos(a), np.cos(e), -np.sin(e) * np.sin(a)])
    return np.stack([right, up, viewer])


def render(
    amplitude: NDArray[np.floating],
    support: NDArray[np.bool_],
    field: NDArray[np.floating],
    voxel_size: tuple[float, ...],
    *,
    azimuth: float = 35.0,
    elevation: float = 25.0,
    level: float = LEVEL,
    pixels: int = 560,
) -> Surface:
    """Image of the surface where the amplitude passes `level` times its plateau.

    Parameters
    ----------
    amplitude, support, field
        3D, of one shape; the field is read just below the surface, from its nearest finite voxel.
    voxel_size
        Of each axis, any unit.
    azimuth, elevation
        Of the viewer, degrees.
    pixels
        Sides of the image.
    """
    size = np.array(voxel_size)
    volume = np.where(support, amplitude, 0).astype(np.float32)
    limit = level * plateau(amplitude, support)
    view = camera(azimuth, elevation)
    centre = (np.array(support.shape) - 1) / 2
    reach = 0.5 * float(np.linalg.norm(size * support.shape))
    across = np.linspace(-reach, reach, pixels)
    plane = across[:, None, None] * view[1] + across[None, :, None] * view[0]
    hits, found = _march(volume, limit, plane.reshape(-1, 3), view[2], reach, size, centre)
    values, light = np.full(pixels**2, np.nan), np.zeros(pixels**2)
    if found.any():
        places = hits / size + centre
        normals = _normals(ndimage.gaussian_filter(volume, SMOOTHING), places, size)
        depth = hits @ view[2]
        near = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)
        light[found] = _lit(normals @ view.T) * (0.94 + 0.06 * near)
        values[found] = field_below(field, support, places, size.min() * normals / size)
    side = (pixels, pixels)
    return Surface(
        values=values.reshape(side),
        light=light.reshape(side),
        camera=view,
        pixel=float(across[1] - across[0]),
    )


def _march(
    volume: NDArray[np.float32],
    limit: float,
    starts: Vector,
    viewer: Vector,
    reach: float,
    size: Vector,
    centre: Vector,
) -> tuple[Vector, NDArray[np.bool_]]:
    """Where rays from the viewer first pass `limit`: places of the rays that do, and which do."""
    step = 0.7 * float(size.min())
    enter, leave = _crossed(volume >= limit, starts, viewer, size, centre)
    before = np.zeros(len(starts), np.float32)
    waiting = enter > leave
    place = np.zeros(starts.shape)
    found = np.zeros(len(starts), bool)
    for depth in np.arange(reach, -reach, -step):
        rays = np.flatnonzero(waiting & (depth < enter + step) & (depth > leave))
        points = starts[rays] + depth * viewer
        now = ndimage.map_coordinates(volume, (points / size + centre).T, order=1)
        hit = now >= limit
        which = rays[hit]
        share = (now[hit] - limit) / np.maximum(now[hit] - before[which], 1e-9)
        place[which] = points[hit] + (np.clip(share, 0, 1) * step)[:, None] * viewer
        found[which], waiting[which], before[rays] = True, False, now
    return place[found], found


def _crossed(
    bright: NDArray[np.bool_], starts: Vector, viewer: Vector, size: Vector, centre: Vector
) -> tuple[Vector, Vector]:
    """Depths at which rays enter and leave the box of what is bright, a voxel wider; beside it is nothing."""
    box = ndimage.find_objects(bright.astype(np.int8))
    if not box:
        return np.full(len(starts), -np.inf), np.full(len(starts), np.inf)
    low, high = np.array([(side.start - 1, side.stop) for side in box[0]]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = (((side - centre) * size - starts) / viewer for side in (low, high))
    return np.fmax(first, last).min(-1), np.fmin(first, last).max(-1)


def _normals(volume: NDArray[np.float32], places: Vector, size: Vector) -> Vector:
    """Unit outward normals at fractional indices."""
    slopes = [
        ndimage.map_coordinates(ndimage.gaussian_filter(g, SMOOTHING), places.T, order=1) / s
        for g, s in zip(np.gradient(volume), size, strict=True)
    ]
    normals = -np.stack(slopes, -1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12))


def _lit(normals: Vector) -> NDArray[np.float64]:
    """Faint light of a matt surface under a lamp and a sky, so that shade is not taken for colour.

    Normals are (right, up, towards the viewer).
    """
    lamp = np.array(LIGHT) / np.linalg.norm(LIGHT)
    return np.asarray(0.78 + 0.22 * np.clip(normals @ lamp, 0, None) + 0.03 * normals[:, 1])


def field_below(
    field: NDArray[np.floating], support: NDArray[np.bool_], places: Vector, normals: Vector
) -> NDArray[np.float64]:
    """Read a field `INSIDE` voxels below a surface.

    Parameters
    ----------
    field, support
        3D, of one shape; a voxel without a value has that of the nearest with one.
    places, normals
        `(points, 3)`: fractional indices on the surface, and the outward normal there, one voxel long.
    """
    return _read(field, support, places - INSIDE * normals)


def _read(field: NDArray[np.floating], support: NDArray[np.bool_], places: Vector) -> NDArray[np.float64]:
    """The field at fractional indices, every voxel without one given that of the nearest with one."""
    known = support & np.isfinite(field)
    if not known.any():
        return np.full(len(places), np.nan)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = np.asarray(field, np.float64)[tuple(nearest)]
    return np.asarray(ndimage.map_coordinates(filled, places.T, order=1, mode="nearest"))
