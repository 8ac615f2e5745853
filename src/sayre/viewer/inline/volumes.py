"""What a result has to show: volumes with their colours and axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal, FilledPattern, Particle, Pattern, SimulatedPattern
from sayre.data.expect import expect
from sayre.figures.counts import brightest, count_colours
from sayre.figures.crystal import cut, middle_of, require_support
from sayre.figures.interactive.crystal import mesh_of
from sayre.figures.quantities import axis_names, in_laboratory, quantities, unit_of
from sayre.figures.sheet import Colours
from sayre.figures.style import EMPTY, SIGMA, UNSEEN
from sayre.retrieval.phased import Phased
from sayre.viewer.inline.surface import TRIANGLES, Surface, surface_of
from sayre.viewer.slices.opened import AXES, as_size
from sayre.workflows.reconstruction import Reconstruction

OBJECTS = (Crystal, Phased, Reconstruction)
KINDS = (Pattern, FilledPattern, SimulatedPattern, Particle, *OBJECTS)
"""Classes that are shown, those of objects apart."""
CELLS = 64
"""Cubes along the longest side of a particle, in which its atoms are counted, at most."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Name and unit of an axis; the coordinate of its first voxel, and from voxel to voxel."""

    name: str
    unit: str = "index"
    first: float = 0.0
    step: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """A quantity in three dimensions; of what is 2D the first axis has length 1.

    Attributes
    ----------
    values
        float32, NaN where nothing is known.
    colours
        Of the values; those of counts are stated of `log10(1 + n)`, as `Colours` has it.
    axes
        Of the array.
    start
        Index of the slices to begin with.
    planar
        Whether it is 2D.
    filled
        bool: voxels whose values are an estimate; None where there are none.
    upwards
        Whether the axis that runs down an array is drawn upwards.
    ground
        Colour of voxels of which nothing is known.
    cropped
        Whether its indices are no longer those of the object that was given, so that no code can name them.
    surface
        Of an object in three dimensions, coloured by the volume.
    """

    values: NDArray[np.float32]
    colours: Colours
    axes: tuple[Axis, Axis, Axis]
    start: tuple[int, ...]
    planar: bool
    filled: NDArray[np.bool_] | None = None
    upwards: bool = False
    ground: str = UNSEEN
    cropped: bool = False
    surface: Surface | None = None


def volumes_of(shown: Any, around: NDArray[np.bool_] | None = None) -> list[Volume]:
    """What is to be seen of a pattern, an object or a particle.

    Parameters
    ----------
    shown
        One of `KINDS`.
    around
        bool: voxels to whose box an object is cropped; by default its support.

    Raises
    ------
    InputError
        Something else, or an object with an empty support.
    """
    expect(shown, *KINDS, argument="view")
    if isinstance(shown, Pattern):
        shown = shown.numpy()
        return [_counts(shown, np.where(shown.mask, np.nan, shown.intensity), "counts")]
    if isinstance(shown, FilledPattern):
        return _of_filled(shown.numpy())
    if isinstance(shown, SimulatedPattern):
        expected = _counts(shown.pattern, shown.numpy().expectation, "expected counts")
        return [*volumes_of(shown.pattern), expected]
    if isinstance(shown, Particle):
        return [_of_particle(shown.numpy())]
    if isinstance(shown, Crystal):
        return _of_crystal(shown, around)
    phased = shown.phased if isinstance(shown, Reconstruction) else shown
    return [*_of_crystal(shown.crystal, around), *_explained(phased)]


def common_box(shown: Sequence[Any]) -> NDArray[np.bool_] | None:
    """The supports of objects of one shape together; None of anything else."""
    supports = [_object_of(one).numpy().support for one in shown if isinstance(one, OBJECTS)]
    if len(supports) < len(shown) or len({support.shape for support in supports}) != 1:
        return None
    return np.asarray(np.any(supports, axis=0))


def _object_of(shown: Crystal | Phased | Reconstruction) -> Crystal:
    return shown if isinstance(shown, Crystal) else shown.crystal


def _counts(
    pattern: Pattern | FilledPattern,
    values: NDArray[Any],
    label: str,
    filled: NDArray[np.bool_] | None = None,
) -> Volume:
    size = as_size(pattern.shape)
    scale = count_colours(values)
    return Volume(
        values=np.asarray(values, np.float32).reshape(size),
        colours=Colours(label=label, cmap=scale.cmap, low=0.0, high=scale.high, counts=True),
        axes=_indices(),
        start=_start(pattern),
        planar=len(pattern.shape) == 2,
        filled=None if filled is None else filled.reshape(size),
    )


def _of_filled(pattern: FilledPattern) -> list[Volume]:
    found = [_counts(pattern, pattern.intensity, "filled counts", pattern.mask)]
    errors = pattern.sigma[pattern.mask]
    if errors.size and np.isfinite(errors).any():
        found.append(
            Volume(
                values=np.where(pattern.mask, pattern.sigma, np.float32(np.nan)).reshape(
                    as_size(pattern.shape)
                ),
                colours=Colours(
                    label="standard error of log(1 + counts)",
                    cmap=SIGMA,
                    low=0.0,
                    high=float(np.nanmax(errors)) or 1.0,
                ),
                axes=_indices(),
                start=_start(pattern),
                planar=len(pattern.shape) == 2,
            )
        )
    return found


def _explained(phased: Phased) -> list[Volume]:
    """The counts as they were phased, beside those expected of the object."""
    pattern = phased.pattern.numpy()
    counts = _of_filled(pattern)[:1] if isinstance(pattern, FilledPattern) else volumes_of(pattern)
    return [*counts, _counts(pattern, phased.expected, "counts expected of the object")]


def _of_crystal(crystal: Crystal, around: NDArray[np.bool_] | None = None) -> list[Volume]:
    part = cut(require_support(crystal).numpy(), around)
    shape = part.shape
    size = part.voxel_size or (1.0,) * len(shape)
    names = AXES if len(shape) == 2 else axis_names(part)
    scales = (1.0, *size)[-3:]
    axes = tuple(
        Axis(name=name, unit=unit_of(part), first=-(n // 2) * step, step=step)
        for name, n, step in zip(names, as_size(shape), scales, strict=True)
    )
    start = (0, *middle_of(part))[-3:]
    mesh = mesh_of(part, TRIANGLES) if len(shape) == 3 else None
    return [
        Volume(
            values=np.asarray(quantity.values, np.float32).reshape(as_size(shape)),
            colours=quantity.colours,
            axes=(axes[0], axes[1], axes[2]),
            start=start,
            planar=len(shape) == 2,
            upwards=in_laboratory(part),
            ground=EMPTY,
            cropped=True,
            surface=None if mesh is None else surface_of(part, mesh, quantity),
        )
        for quantity in quantities(part)
    ]


def _of_particle(particle: Particle) -> Volume:
    """Atoms in cubes of whole cells of the lattice, whose borders lie between its planes."""
    places = particle.positions[:, ::-1] / 10
    lattice = particle.lattice_constant / 10
    low, extent = places.min(axis=0) - lattice / 4, np.ptp(places, axis=0) + lattice / 2
    cell = lattice * max(1, np.ceil(float(extent.max()) / lattice / CELLS))
    shape = np.ceil(extent / cell).astype(int)
    edges = [first + cell * np.arange(n + 1) for first, n in zip(low, shape, strict=True)]
    atoms = np.histogramdd(places, edges)[0].astype(np.float32)
    axes = [
        Axis(name=name, unit="nm", first=float(first + cell / 2), step=float(cell))
        for name, first in zip("zyx", low, strict=True)
    ]
    label = f"atoms in a cube of {cell:.2g} nm"
    return Volume(
        values=np.where(atoms > 0, atoms, np.float32(np.nan)),
        colours=Colours(label=label, cmap=SIGMA, low=0.0, high=float(atoms.max())),
        axes=(axes[0], axes[1], axes[2]),
        start=tuple(n // 2 for n in atoms.shape),
        planar=False,
        upwards=True,
        ground=EMPTY,
        cropped=True,
    )


def _indices() -> tuple[Axis, Axis, Axis]:
    first, second, third = (Axis(name=name) for name in AXES)
    return first, second, third


def _start(pattern: Pattern | FilledPattern) -> tuple[int, ...]:
    place: Sequence[int] = brightest(pattern)
    return (0, *place)[-3:]
