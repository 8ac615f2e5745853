"""Flat parts of a crystal's surface, and the strain at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from sayre.crystal.analysis.statistics import StrainStatistics, surface_of
from sayre.data import Crystal

Vector = NDArray[np.float64]
Support = NDArray[np.bool_]

SMOOTHING = 1.5
"""Of the support, voxels, before its normals are taken."""
APART, NEAR = 18.0, 12.0
"""Degrees: between the normals of two facets at least; of a facet's voxels from its normal at most."""
DIRECTIONS = 3000
"""Among which the normals of facets are looked for."""
SMALLEST = 0.02
"""Of the surface, below which a flat part is no facet."""


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A flat part of the surface.

    Attributes
    ----------
    normal
        Outward unit vector in the laboratory (x, y, z); along the array axes where they are not known.
    share
        Of the voxels of the surface.
    strain
        Statistics of the strain in its voxels.
    """

    normal: Vector
    share: float
    strain: StrainStatistics

    def plain(self) -> dict[str, Any]:
        """Return what is known of the facet by name, as JSON can hold it."""
        return {"normal": self.normal.tolist(), "share": self.share, "strain": self.strain.plain()}


def facets_of(crystal: Crystal, depth: int = 1) -> list[Facet]:
    """Find the facets of a crystal, the largest first.

    The normals of the surface are those of a smoothed support. Where many of them agree is a facet; a voxel
    of the surface belongs to the facet whose normal is the nearest, if it is within `NEAR` degrees, and only
    the largest connected part of them is kept.

    Parameters
    ----------
    crystal
        3D, with strain; at right angles, else it has no facets here.
    depth
        Layers of voxels that are the surface.

    Notes
    -----
    Facets as maxima of the density of normals: R. Grothausmann et al., Ultramicroscopy 122, 65 (2012).
    """
    if crystal.object.ndim != 3 or crystal.strain is None or not crystal.orthogonal:
        return []
    size = np.array(crystal.voxel_size or (1.0,) * 3)
    surface = surface_of(crystal.support, depth)
    normals = _normals(crystal.support, surface, size)
    found = _directions(normals)
    if not len(found):
        return []
    cosine = normals @ found.T
    nearest = np.where(cosine.max(1) > np.cos(np.radians(NEAR)), cosine.argmax(1), -1)
    axes = np.eye(3) if crystal.axes is None else crystal.axes
    facets = []
    for number in range(len(found)):
        where = np.zeros(crystal.shape, bool)
        where[surface] = nearest == number
        where = _largest(where)
        share = float(where.sum() / surface.sum())
        if share < SMALLEST:
            continue
        mean = normals[where[surface]].mean(0)
        normal = (mean / np.linalg.norm(mean)) @ axes
        facets.append(Facet(normal=normal, share=share, strain=StrainStatistics.of(crystal.strain, where)))
    return sorted(facets, key=lambda facet: -facet.share)


def _normals(support: Support, surface: Support, size: Vector) -> Vector:
    """Outward unit normals of the voxels of the surface, along the array axes, in space."""
    smooth = ndimage.gaussian_filter(support.astype(np.float32), SMOOTHING)
    slopes = np.stack([np.gradient(smooth, axis=i)[surface] / size[i] for i in range(3)], -1)
    return np.asarray(-slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-12))


def _directions(normals: Vector) -> Vector:
    """Directions in which more normals point than in any direction within `APART` degrees."""
    index = np.arange(DIRECTIONS) + 0.5
    height, turn = 1 - 2 * index / DIRECTIONS, np.pi * (1 + 5**0.5) * index
    flat = np.sqrt(1 - height**2)
    candidates = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], -1)
    reach = 2 * np.sin(np.radians(NEAR) / 2)
    tree = cKDTree(normals)
    count = np.array([len(near) for near in tree.query_ball_point(candidates, reach)])
    left = count >= SMALLEST * len(normals)
    chosen: list[Vector] = []
    while left.any():
        best = int(np.where(left, count, -1).argmax())
        near = tree.query_ball_point(candidates[best], reach)
        mean = normals[near].mean(0)
        chosen.append(mean / np.linalg.norm(mean))
        left &= candidates @ candidates[best] < np.cos(np.radians(APART))
    return np.array(chosen).reshape(-1, 3)


def _largest(where: Support) -> Support:
    """The largest connected part."""
    parts, count = ndimage.label(where, np.ones((3, 3, 3)))
    if count < 2:
        return where
    return np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())
