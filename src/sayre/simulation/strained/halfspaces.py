"""A second test set of strained crystals, of another kind than what networks are trained on.

Polyhedra of random half-spaces, slivers among them, on whole voxels, with a Gaussian random phase whose mean
gradient remains. The code shares nothing with `sayre.simulation.strained.voxels`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

RANGES: dict[str, float] = {"1": np.pi, "2": 2 * np.pi, "3": 3 * np.pi, "4": 4 * np.pi, "6": 6 * np.pi}
"""Largest less smallest phase of each class in rad; the names give it in π."""
SIDE = 64
SEED = 20_261_126
LEAST = 200
"""Voxels of the smallest crystal."""


@dataclass(frozen=True, kw_only=True)
class HalfSpaceCrystal:
    """A crystal of the second test set.

    Attributes
    ----------
    counts
        Photon counts, float32, the peak anywhere near the middle.
    amplitude
        Scattered amplitude, complex64; `|amplitude|²` are the expected counts.
    inside
        Voxels of the crystal.
    oversampling
        Smallest oversampling ratio.
    correlation
        Standard deviation in voxels of the Gaussian that smoothed white noise to the phase.
    """

    counts: NDArray[np.float32]
    amplitude: NDArray[np.complex64]
    inside: NDArray[np.bool_]
    oversampling: float
    correlation: float


def half_space_crystal(strain: str, index: int) -> HalfSpaceCrystal:
    """Draw a crystal of the second test set: 64³ voxels, oversampling 2.3 to 3.5, peaks of 1e5 to 1e8 counts.

    Its polyhedron has 8 to 16 half-spaces at distances of 0.5 to 1, up to a scale, and its phase a
    correlation length of 3 to 7 voxels.

    Parameters
    ----------
    strain
        Class of the strain, one of `RANGES`.
    index
        Number of the crystal in its class.
    """
    generator = np.random.default_rng([SEED, list(RANGES).index(strain), index])
    wanted = generator.uniform(2.3, 3.5)
    inside = _polyhedron(SIDE / wanted, generator)
    correlation = float(generator.uniform(3, 7))
    noise = gaussian_filter(generator.normal(size=inside.shape), correlation, mode="wrap")
    phase = noise * (RANGES[strain] / np.ptp(noise[inside]))
    amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(inside * np.exp(1j * phase))))
    peak = np.exp(generator.uniform(np.log(1e5), np.log(1e8)))
    amplitude *= np.sqrt(peak) / np.abs(amplitude).max()
    return HalfSpaceCrystal(
        counts=generator.poisson(np.abs(amplitude) ** 2).astype(np.float32),
        amplitude=amplitude.astype(np.complex64),
        inside=inside,
        oversampling=SIDE / max(_extents(inside)),
        correlation=correlation,
    )


def _polyhedron(extent: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw the voxels between random half-spaces, of the largest extent that is at most the one wanted."""
    while True:
        count = int(generator.integers(8, 17))
        normals = generator.normal(size=(count, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        distances = generator.uniform(0.5, 1.0, count)
        place = np.arange(SIDE) - SIDE // 2
        grid = np.stack(np.meshgrid(place, place, place, indexing="ij"), -1)
        scale = (grid @ (normals / distances[:, None]).T).max(-1)  # at which a voxel comes inside
        sizes = np.unique(np.round(scale[scale > 0], 2))
        low, high = 0, len(sizes) - 1
        while low < high:
            middle = (low + high + 1) // 2
            fits = max(_extents(scale <= sizes[middle])) <= extent
            low, high = (middle, high) if fits else (low, middle - 1)
        inside = np.asarray(scale <= sizes[low])
        if inside.sum() >= LEAST and max(_extents(inside)) <= extent:
            return _centred(inside)


def _extents(inside: NDArray[np.bool_]) -> list[int]:
    """Count the planes from the first to the last that hold a voxel, along each axis."""
    ends = [np.flatnonzero(inside.any(tuple(b for b in range(3) if b != axis)))[[0, -1]] for axis in range(3)]
    return [int(last - first) + 1 for first, last in ends]


def _centred(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Move the box around some voxels to the middle of the array."""
    shift = []
    for axis in range(3):
        places = np.flatnonzero(inside.any(tuple(b for b in range(3) if b != axis)))
        shift.append(SIDE // 2 - int(places[0] + places[-1] + 1) // 2)
    return np.roll(inside, shift, (0, 1, 2))
