"""Figure 4.8: a gold particle on a substrate, and how far relaxation moves its atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from sayre.data import Particle
from sayre.figures.studies.windows.particle import Moved, particle_figure
from sayre.numerics.progress import Advance, Part
from sayre.simulation.particles import lattice, shapes
from sayre.simulation.particles.relax import relax
from sayre.studies.study import StudyResult, StudySettings, Table

Vectors = NDArray[np.float64]

COLUMNS = (
    "relaxation",
    "atoms",
    "published_atoms",
    "element",
    "height_nm",
    "width_nm",
    "mean_pm",
    "median_pm",
    "quantile_90_pm",
    "quantile_99_pm",
    "largest_pm",
    "height_of_largest",
    "steps",
    "force_ev_per_angstrom",
    "energy_ev",
)
PART_COLUMNS = ("relaxation", "part", "atoms", "mean_pm", "largest_pm", "share_of_largest_percent")
FACET_COLUMNS = ("form", "facets", "area_share")
ATOMS, QUICK_ATOMS = 134_114, 5_000
"""Of the particle of the thesis, and about those of the reduced form."""
SIZES = np.linspace(0.96, 1.04, 17)
"""Over the atoms wanted: what the construction is asked for, to see what it gives."""
SUBSTRATE, MISFIT = (1, 1, 1), 0.01
STEPS = 400
RELAXATIONS: dict[str, dict[str, Any]] = {
    "free": {},
    "on a substrate": {"substrate": SUBSTRATE, "misfit": MISFIT},
}
PARTS = ("interface", "top facet", "sides", "inside")
MOST = 99.0
"""Percentile of the displacement above which it is among the largest."""


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Which part of a particle every atom belongs to, and how high above the interface it is.

    Attributes
    ----------
    part
        Index into `PARTS`, int `(atoms,)`.
    height
        Å above the lowest layer, float64 `(atoms,)`.
    """

    part: NDArray[np.int64]
    height: Vectors


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Cut the particle, relax it free and held by a substrate, and tell where its atoms moved.

    Parameters
    ----------
    settings
        The quick form has some 5,000 atoms.
    advance
        Called with the fraction done.
    """
    wanted = QUICK_ATOMS if settings.quick else ATOMS
    particle = nearest(wanted)
    regions = regions_of(particle)
    rows: list[tuple[Any, ...]] = []
    part_rows: list[tuple[Any, ...]] = []
    moved: list[Moved] = []
    for number, (name, told) in enumerate(RELAXATIONS.items()):
        part = Part(advance, number / len(RELAXATIONS), (number + 1) / len(RELAXATIONS))
        relaxed = relax(particle, steps=STEPS, progress=part, **told)
        displacement = relaxed.positions - particle.positions
        rows.append(_row(name, particle, relaxed, displacement, regions))
        part_rows += _parts(name, displacement, regions)
        moved.append(Moved(name, particle.positions, displacement, SUBSTRATE))
    advance(1.0)
    table, parts = Table(COLUMNS, rows), Table(PART_COLUMNS, part_rows)
    facets = Table(FACET_COLUMNS, facets_of(*shapes.half_spaces("winterbottom", np.random.default_rng(0))))
    surface = lattice.neighbours(particle)[0] < 12
    return StudyResult(
        tables={"": table, "parts": parts, "facets": facets},
        figures={"": particle_figure(particle, surface, moved)},
        summary=_summary(table, parts),
    )


def nearest(atoms: int) -> Particle:
    """Return the gold particle of the equilibrium shape on (111) that is nearest to a number of atoms.

    A lattice site is its centre, so that only some numbers are possible.

    Parameters
    ----------
    atoms
        The number wanted.
    """
    generator = np.random.default_rng(0)  # this shape draws nothing
    made = (
        shapes.build(
            "winterbottom", round(atoms * size), element="Au", substrate=SUBSTRATE, generator=generator
        )
        for size in SIZES
    )
    return min(made, key=lambda particle: abs(len(particle) - atoms))


def regions_of(particle: Particle) -> Regions:
    """Tell the surface at the interface, opposite to it and between them from the inside, by coordination.

    Parameters
    ----------
    particle
        Before it is relaxed.
    """
    height = particle.positions @ shapes.unit(SUBSTRATE, "substrate")
    height = height - height.min()
    layer = 0.3 * particle.lattice_constant
    surface = lattice.neighbours(particle)[0] < 12
    part = np.full(len(particle), PARTS.index("inside"))
    part[surface] = PARTS.index("sides")
    part[surface & (height > height.max() - layer)] = PARTS.index("top facet")
    part[height < layer] = PARTS.index("interface")
    return Regions(part=part, height=height)


def facets_of(normals: Vectors, distances: Vectors) -> list[tuple[Any, ...]]:
    """Return number and share of the surface of the facets of each form; the interface is a row of its own.

    Parameters
    ----------
    normals, distances
        Of `half_spaces` of a particle on a substrate, whose plane is the last.
    """
    _, vertices = lattice.volume(normals, distances)
    areas = [_area(vertices, normal, distance) for normal, distance in zip(normals, distances, strict=True)]
    forms = ["interface" if n == len(normals) - 1 else _form(normal) for n, normal in enumerate(normals)]
    rows = []
    for form in dict.fromkeys(forms):
        mine = [area for area, other in zip(areas, forms, strict=True) if other == form and area > 0]
        rows.append((form, len(mine), float(sum(mine) / sum(areas))))
    return rows


def _form(normal: Vectors) -> str:
    return "{111}" if np.allclose(np.abs(normal), 1 / np.sqrt(3)) else "{100}"


def _area(vertices: Vectors, normal: Vectors, distance: float) -> float:
    """Area of the facet of one plane, 0 where the plane touches an edge or nothing."""
    on = vertices[np.abs(vertices @ normal - distance) < 1e-9]
    flat = on @ np.linalg.svd(normal[None])[2][1:].T
    if len(on) < 3 or np.linalg.matrix_rank(flat - flat[0], tol=1e-6) < 2:
        return 0.0
    return float(ConvexHull(flat).volume)


def _row(
    name: str, particle: Particle, relaxed: Particle, displacement: Vectors, regions: Regions
) -> tuple[Any, ...]:
    length = 100 * np.linalg.norm(displacement, axis=1)
    across = np.linalg.norm(particle.positions - _along(particle.positions), axis=1)
    largest, report = length >= np.percentile(length, MOST), relaxed.made["relaxed"]
    return (
        name,
        len(particle),
        ATOMS,
        particle.species,
        float(regions.height.max() / 10),
        float(2 * across.max() / 10),
        float(length.mean()),
        *(float(value) for value in np.percentile(length, (50, 90, 99, 100))),
        float(regions.height[largest].mean() / regions.height.max()),
        report["steps"],
        report["force"],
        report["energy"],
    )


def _along(vectors: Vectors) -> Vectors:
    """The components along the normal of the substrate."""
    up = shapes.unit(SUBSTRATE, "substrate")
    return np.asarray((vectors @ up)[:, None] * up)


def _parts(name: str, displacement: Vectors, regions: Regions) -> list[tuple[Any, ...]]:
    length = 100 * np.linalg.norm(displacement, axis=1)
    largest = length >= np.percentile(length, MOST)
    rows = []
    for number, part in enumerate(PARTS):
        mine = regions.part == number
        share = 100 * float(np.mean(regions.part[largest] == number))
        rows.append(
            (name, part, int(mine.sum()), float(length[mine].mean()), float(length[mine].max()), share)
        )
    return rows


def _summary(table: Table, parts: Table) -> str:
    lines = []
    for row in table.records:
        means = {part["part"]: part for part in parts.records if part["relaxation"] == row["relaxation"]}
        told = ", ".join(f"{name} {part['mean_pm']:.1f}" for name, part in means.items())
        lines.append(
            f"{row['relaxation']}: {row['atoms']} atoms (thesis {ATOMS}), {row['width_nm']:.1f} nm wide and "
            f"{row['height_nm']:.1f} nm high; the hundredth of the atoms that moved most is at "
            f"{row['height_of_largest']:.2f} of the height, up to {row['largest_pm']:.0f} pm; "
            f"means in pm: {told}"
        )
    return "\n  ".join(lines)
