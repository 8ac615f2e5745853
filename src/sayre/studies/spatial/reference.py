"""The object of Figures 4.18 to 4.22: the modulus of a crystal, without a phase, and what it scatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.strain import strain
from sayre.errors import InputError
from sayre.files import load_crystal
from sayre.numerics.fourier import to_detector, to_object
from sayre.retrieval.choice.margin import resampled
from sayre.simulation.peak import simulate

INSIDE = 0.4
"""Modulus, relative to the largest, from which on a voxel is inside the object."""
OVERSAMPLING = 3.5
MAX_COUNTS = 1e7
AXIS = 1
"""Of the strain: across one of the planes of the gap."""
REFLECTION = 2.787
"""|G| of the reflection 111 of platinum in 1/Å."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An object without a phase and its pattern; arrays are centred, cubes of the same side.

    Attributes
    ----------
    name
        Of the object.
    support
        bool, where the object is.
    field
        complex, what it scatters, in roots of counts.
    counts
        float32, Poisson counts of it.
    voxel
        Size of a voxel in nm; NaN where it is not known.
    """

    name: str
    support: NDArray[np.bool_]
    field: NDArray[np.complex128]
    counts: NDArray[np.float32]
    voxel: float

    @property
    def expected(self) -> NDArray[np.float64]:
        """Counts without noise."""
        return np.abs(self.field) ** 2

    def object_of(self, counts: NDArray[np.floating]) -> NDArray[np.complex128]:
        """Return the object of counts with the true phases; its mean phase in the support is 0.

        Parameters
        ----------
        counts
            Measured, filled or left empty.
        """
        phases = np.exp(1j * np.angle(self.field))
        obj = np.asarray(to_object(np.sqrt(counts) * phases), np.complex128)
        return np.asarray(obj * np.exp(-1j * np.angle(obj[self.support].sum())))

    def gradient(self, obj: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the derivative of the phase along `AXIS` in rad a voxel, which is 0 in truth.

        Parameters
        ----------
        obj
            As `object_of` returns it.
        """
        along = np.zeros(3)
        along[AXIS] = 0.1  # 1/Å, with voxels of 1 nm: the strain is then the derivative, but for its sign
        return -np.asarray(strain(np.angle(obj), self.support, along, np.eye(3)), np.float64)

    def strain_of(self, gradient: float) -> float:
        """Return the strain that a derivative of the phase stands for, of the reflection 111 of platinum.

        Parameters
        ----------
        gradient
            rad a voxel.
        """
        return gradient / (REFLECTION * 10 * self.voxel)


def simulated(side: int, generator: np.random.Generator) -> Reference:
    """Return a platinum tetrahedron cut from its lattice, as the kinematic sum sees it.

    Parameters
    ----------
    side
        Voxels along each axis.
    generator
        Source of the orientation and the noise.
    """
    peak = simulate(
        "tetrahedron",
        element="Pt",
        atoms=20_000,
        shape_px=side,
        oversampling=OVERSAMPLING,
        rotate=True,
        generator=generator,
    )
    modulus = np.abs(to_object(peak.amplitude.astype(np.complex128)))
    step = peak.pattern.grid.step[AXIS]
    return _of("tetrahedron", modulus, 2 * np.pi / (10 * step * side), generator)


def measured(file: str, side: int, generator: np.random.Generator) -> Reference:
    """Return the modulus of an object in a file, as `OVERSAMPLING` samples it, cut to an array of `side`.

    Parameters
    ----------
    file
        That `sayre.load_crystal` reads.
    side
        Voxels along each axis.
    generator
        Source of the noise.

    Raises
    ------
    InputError
        The file holds no 3D object.
    """
    crystal = load_crystal(file)
    modulus = np.abs(crystal.object)
    if modulus.ndim != 3:
        raise InputError(f"{file}: holds a 2D object, this study is of 3D ones")
    at = np.nonzero(modulus >= INSIDE * modulus.max())
    sizes = [
        max(round(OVERSAMPLING * (int(np.ptp(place)) + 1)), n)
        for place, n in zip(at, modulus.shape, strict=True)
    ]
    around = [
        (size // 2 - n // 2, size - n - (size // 2 - n // 2))
        for size, n in zip(sizes, modulus.shape, strict=True)
    ]
    whole = resampled(np.pad(modulus, around).astype(np.complex64), (side,) * 3)
    size = float("nan") if crystal.voxel_size is None else crystal.voxel_size[AXIS] * sizes[AXIS] / side
    return _of("measured", np.abs(whole), size, generator)


def _of(name: str, modulus: NDArray[np.floating], voxel: float, generator: np.random.Generator) -> Reference:
    field = np.asarray(to_detector(modulus.astype(np.complex128)), np.complex128)
    field *= np.sqrt(MAX_COUNTS) / np.abs(field).max()
    counts = generator.poisson(np.abs(field) ** 2).astype(np.float32)
    inside = modulus >= INSIDE * modulus.max()
    return Reference(name=name, support=inside, field=field, counts=counts, voxel=voxel)
