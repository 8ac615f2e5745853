"""Small scans of known geometry, and what is the same in the tests of every reader."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from sayre.crystal.geometry_file import stated_in
from sayre.scans import load

FRAMES, ROWS, COLUMNS = 9, 12, 14
PEAK = (4, 5, 8)
AXES = {"x": np.array([1.0, 0, 0]), "y": np.array([0, 1.0, 0]), "z": np.array([0, 0, 1.0])}


def counts(frames=FRAMES, shape=(ROWS, COLUMNS), seed=0):
    """A peak on a dark background, uint32; every frame has another sum."""
    grid = np.indices((frames, *shape)).astype(float)
    far = sum((axis - centre) ** 2 for axis, centre in zip(grid, PEAK, strict=True))
    peak = 1000 * np.exp(-far / 4) + np.arange(frames)[:, None, None]
    return np.random.default_rng(seed).poisson(peak).astype(np.uint32)


def turned(*circles):
    """Rotation of circles `("y+", degrees)`, outermost first: right-handed about their axes."""
    whole = np.eye(3)
    for name, angle in circles:
        axis = AXES[name[0]] * (1 if name[1] == "+" else -1)
        whole = whole @ Rotation.from_rotvec(np.radians(angle) * axis).as_matrix()
    return whole


def bragg(energy, *circles):
    """|Q| in 1/Å where the arm points: 4π/λ sin(θ) with 2θ the angle between the beam and the arm."""
    two_theta = np.arccos((turned(*circles) @ AXES["z"])[2])
    return 4 * np.pi / (12398.419843 / energy) * np.sin(two_theta / 2)


def quietly(path, **options):
    """The pattern of a scan and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern = load(path, **options)
    return pattern, " | ".join(str(item.message) for item in caught)


def geometry_of(pattern):
    return stated_in(pattern.meta.geometry, "file").complete("file")
