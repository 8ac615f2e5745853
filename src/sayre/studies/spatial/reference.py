"""Objects of the 3D studies and their counts: without a phase, as in Figures 4.18 to 4.22, and strained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.strain import strain
from sayre.data import Grid
from sayre.errors import InputError
from sayre.files import load_crystal
from sayre.numerics.fourier import to_detector, to_object
from sayre.retrieval.choice.margin import resampled
from sayre.simulation.peak import simulate
from sayre.studies.spatial.patterns import cross, crystal

INSIDE = 0.4
"""Modulus, relative to the largest, from which on a voxel is inside the object."""
OVERSAMPLING = 3.5
MAX_COUNTS = 1e7
AXIS = 1
"""Of the strain: across one of the planes of the gap."""
REFLECTION, OF_GOLD = 2.787, 2.668
"""|G| of the reflection 111 of platinum and of gold in 1/Å."""
ATOMS, PHASE_RANGE = 20_000, 1.5
"""Of a simulated particle, and of the phase of a strained one in rad."""
FROM_PEAK = 4
"""Voxels from the peak to the first that either plane of a cross hides."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An object and its pattern; arrays are centred, cubes of the same side.

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
    g
        |G| of its reflection in 1/Å.
    """

    name: str
    support: NDArray[np.bool_]
    field: NDArray[np.complex128]
    counts: NDArray[np.float32]
    voxel: float
    g: float = REFLECTION

    @property
    def expected(self) -> NDArray[np.float64]:
        """Counts without noise."""
        return np.abs(self.field) ** 2

    @cached_property
    def truth(self) -> NDArray[np.complex128]:
        """The object, in roots of counts."""
        return np.asarray(to_object(self.field), np.complex128)

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

    def phase_error(self, obj: NDArray[np.complexfloating]) -> NDArray[np.float64]:
        """Return the phase of an object less that of the truth in rad, whose mean in the support is 0.

        Parameters
        ----------
        obj
            In the place of the truth.
        """
        turned = obj * self.truth.conj()
        return np.asarray(np.angle(turned * np.exp(-1j * np.angle(turned[self.support].sum()))), np.float64)

    def gradient(self, obj: NDArray[np.complexfloating]) -> NDArray[np.float64]:
        """Return the derivative of the phase error along `AXIS` in rad a voxel; NaN outside the support.

        Parameters
        ----------
        obj
            In the place of the truth, as `object_of` returns it.
        """
        along = np.zeros(3)
        along[AXIS] = 0.1  # 1/Å, with voxels of 1 nm: the strain is then the derivative, but for its sign
        return -np.asarray(strain(self.phase_error(obj), self.support, along, np.eye(3)), np.float64)

    def strain_of(self, gradient: float) -> float:
        """Return the strain that a derivative of the phase stands for.

        Parameters
        ----------
        gradient
            rad a voxel.
        """
        return gradient / (self.g * 10 * self.voxel)

    def displacement_of(self, phase: float) -> float:
        """Return the displacement in pm that a phase stands for.

        Parameters
        ----------
        phase
            rad.
        """
        return 100 * phase / self.g


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
        atoms=ATOMS,
        shape_px=side,
        oversampling=OVERSAMPLING,
        rotate=True,
        generator=generator,
    )
    modulus = np.abs(to_object(peak.amplitude.astype(np.complex128)))
    return _of("tetrahedron", modulus, _voxel(peak.pattern.grid, side), generator)


def strained(side: int, generator: np.random.Generator) -> Reference:
    """Return a gold crystal with a smooth random displacement, as the kinematic sum sees it.

    Parameters
    ----------
    side
        Voxels along each axis.
    generator
        Source of the orientation, the displacement and the noise.
    """
    made = crystal(side, generator, oversampling=OVERSAMPLING, phase_range=PHASE_RANGE, atoms=ATOMS)
    voxel = _voxel(made.pattern.grid, side)
    return _of("strained", to_object(made.amplitude.astype(np.complex128)), voxel, generator, OF_GOLD)


def measured(file: str, side: int, generator: np.random.Generator, *, sharp: bool = True) -> Reference:
    """Return the modulus of an object in a file, as `OVERSAMPLING` samples it, cut to an array of `side`.

    Parameters
    ----------
    file
        That `sayre.load_crystal` reads.
    side
        Voxels along each axis.
    generator
        Source of the noise.
    sharp
        Whether the modulus on the voxels of the array scatters, whose Fourier transform is aliased, as in the
        thesis; otherwise what the modulus in the support of the file scatters is cut off at the edges of the
        array, as by a detector.

    Raises
    ------
    InputError
        The file holds no 3D object.
    """
    held = load_crystal(file)
    modulus = np.abs(held.object)
    if modulus.ndim != 3:
        raise InputError(f"{file}: holds a 2D object, this study is of 3D ones")
    if not sharp:
        modulus = np.where(held.support, modulus, 0)
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
    size = float("nan") if held.voxel_size is None else held.voxel_size[AXIS] * sizes[AXIS] / side
    return _of("measured", np.abs(whole) if sharp else whole, size, generator)


def cross_of(side: int, width: int) -> NDArray[np.bool_]:
    """Return a cross of planes across both axes of the detector, close to the peak.

    Parameters
    ----------
    side
        Voxels along each axis.
    width
        Voxels across.
    """
    return cross((side,) * 3, width, side // 2 + FROM_PEAK)


def _voxel(grid: Grid, side: int) -> float:
    """Return the size of a voxel of the object in nm."""
    return 2 * np.pi / (10 * grid.step[AXIS] * side)


def _of(
    name: str,
    obj: NDArray[np.number],
    voxel: float,
    generator: np.random.Generator,
    g: float = REFLECTION,
) -> Reference:
    field = np.asarray(to_detector(obj.astype(np.complex128)), np.complex128)
    field *= np.sqrt(MAX_COUNTS) / np.abs(field).max()
    counts = generator.poisson(np.abs(field) ** 2).astype(np.float32)
    modulus = np.abs(obj)
    inside = modulus >= INSIDE * modulus.max()
    return Reference(name=name, support=inside, field=field, counts=counts, voxel=voxel, g=g)
