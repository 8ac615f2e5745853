"""Figures of the page on displacement: what was put into a crystal, and what its amplitude gives back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

from sayre.crystal.strain import displacement, strain
from sayre.crystal.unwrap import unwrap
from sayre.data import SimulatedPattern
from sayre.numerics.fourier import to_object
from sayre.simulation.particles import defects, shapes
from sayre.simulation.particles.lattice import ELEMENTS
from sayre.simulation.peak import simulate_particle

from .style import COLOURS, EMPTY, STYLE, figure, log_counts, plain, save

Array = NDArray[Any]
SIDE, SIGMA = 72, 3.0
CURVATURE = 6e-4
"""The displacement along x is this times x², 1/Å."""
ORDER = 4
"""The bent crystal is seen by the reflection 400."""
SPACING = ELEMENTS["Au"].lattice_constant


class Seen(NamedTuple):
    """A crystal as its amplitude shows it; arrays of one shape, NaN outside the crystal."""

    amplitude: Array
    phase: Array
    displacement: Array
    strain: Array
    voxel: float
    counts: Array


@cache
def bent() -> Seen:
    """Return a cube whose lattice spacing along x grows evenly from one face to the other."""
    cube = shapes.build("cube", 40_000, element="Au", generator=np.random.default_rng(0))
    moved = cube.positions.copy()
    moved[:, 0] += CURVATURE * (moved[:, 0] ** 2 - (moved[:, 0] ** 2).mean())
    simulated = simulate_particle(
        replace(cube, positions=moved),
        hkl=(ORDER, 0, 0),
        shape_px=SIDE,
        oversampling=SIGMA,
        generator=np.random.default_rng(0),
    )
    return seen(simulated, 2 * np.pi * ORDER / SPACING)


@cache
def dislocated(hkl: tuple[int, int, int]) -> Seen:
    """Return a crystal with a screw dislocation along [110] through its middle, seen by a reflection."""
    generator = np.random.default_rng(0)
    crystal = shapes.build("wulff", 40_000, element="Au", generator=generator)
    screw = defects.parse("screw:line=1,1,0:burgers=0.5,0.5,0:at=0,0,0")
    axes = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)
    simulated = simulate_particle(
        defects.apply(crystal, [screw], generator),
        hkl=hkl,
        shape_px=SIDE,
        oversampling=SIGMA,
        rotate=axes,
        generator=generator,
    )
    return seen(simulated, 2 * np.pi * 2 / SPACING)


def seen(simulated: SimulatedPattern, modulus: float) -> Seen:
    """The object of a simulated amplitude, whose phase is known, with displacement and strain along axis 0.

    `modulus` is |G|, 1/Å.
    """
    obj = to_object(simulated.amplitude)
    amplitude = np.abs(obj)
    support = amplitude > 0.5 * np.median(amplitude[amplitude > 0.5 * amplitude.max()])
    voxel = 2 * np.pi / (SIDE * simulated.pattern.grid.step[0])  # Å
    phase = np.where(support, np.angle(obj), np.nan)
    whole = unwrap(np.angle(obj), support).phase
    g = np.array([modulus, 0, 0])
    return Seen(
        amplitude=amplitude / amplitude.max(),
        phase=phase,
        displacement=displacement(whole, support, modulus),
        strain=strain(np.angle(obj), support, g, np.diag([voxel / 10] * 3)),
        voxel=voxel,
        counts=simulated.expectation,
    )


def profile(found: Seen) -> tuple[Array, Array, Array]:
    """Places along x, Å, and displacement and strain on the line through the middle of the crystal."""
    line = (slice(None), SIDE // 2, SIDE // 2)
    return (np.arange(SIDE) - SIDE // 2) * found.voxel, found.displacement[line], found.strain[line]


def turns(found: Seen, half: int = 5) -> float:
    """Times 2π by which the phase grows on a square around the middle, in the plane across the line."""
    middle = SIDE // 2
    plane = found.phase[middle]
    low, high = middle - half, middle + half
    path = [(low, c) for c in range(low, high)] + [(r, high) for r in range(low, high)]
    path += [(high, c) for c in range(high, low, -1)] + [(r, low) for r in range(high, low, -1)]
    around = np.array([plane[place] for place in [*path, path[0]]])
    return float(np.sum((np.diff(around) + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi))


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_displacement(bent()), folder, "displacement")
        save(_dislocation(), folder, "dislocation")


def _displacement(found: Seen) -> Any:
    drawn = figure(4.7)
    upper, lower = drawn.subfigures(2, 1, height_ratios=[0.8, 1])
    middle, half = SIDE // 2, 16
    box = (slice(middle - half, middle + half + 1), slice(middle - half, middle + half + 1), middle)
    reach = (half + 0.5) * found.voxel / 10
    maps = (
        ("phase (rad)", found.phase, "twilight", np.pi, 2),
        ("displacement (Å)", found.displacement, "RdBu_r", 0.75, 0.5),
        ("strain (%)", 100 * found.strain, "PuOr_r", 5.5, 4),
    )
    for panel, (name, values, colours, limit, tick) in zip(upper.subplots(1, 3), maps, strict=True):
        panel.set_facecolor(EMPTY)
        shown = panel.imshow(
            values[box],
            cmap=colours,
            vmin=-limit,
            vmax=limit,
            extent=(-reach, reach, reach, -reach),
            interpolation="nearest",
        )
        panel.set_title(name)
        panel.set_xlabel("y (nm)")
        for spine in panel.spines.values():
            spine.set_visible(True)
        upper.colorbar(shown, ax=panel, ticks=[-tick, 0, tick])
    upper.axes[0].set_ylabel("x, along G (nm)")
    place, moved, stretched = profile(found)
    inside = np.isfinite(moved)
    x = np.linspace(place[inside].min(), place[inside].max(), 100)
    left, right = lower.subplots(1, 2)
    offset = float(np.mean(moved[inside] - CURVATURE * place[inside] ** 2))
    left.plot(x / 10, CURVATURE * x**2 + offset, color=COLOURS[0], label="put in")
    left.plot(place / 10, moved, "o", ms=4, color=COLOURS[1], label="from the phase")
    left.set_ylabel("displacement (Å)")
    left.legend()
    right.plot(x / 10, 200 * CURVATURE * x, color=COLOURS[0])
    right.plot(place / 10, 100 * stretched, "o", ms=4, color=COLOURS[1])
    right.set_ylabel("strain (%)")
    for panel in (left, right):
        panel.set_xlabel("x, along G (nm)")
    return drawn


def _dislocation() -> Any:
    drawn = figure(4.9)
    panels = drawn.subplots(2, 3)
    middle, half = SIDE // 2, 18
    box = (middle, slice(middle - half, middle + half + 1), slice(middle - half, middle + half + 1))
    for row, hkl in zip(panels, ((2, 0, 0), (0, 0, 2)), strict=True):
        found = dislocated(hkl)
        name = "".join(map(str, hkl))
        shown = log_counts(row[0], found.counts[middle], top=6)
        drawn.colorbar(shown, ax=row[0], shrink=0.85, label="log₁₀ (1 + counts)")
        row[0].set_ylabel(f"reflection {name}", fontsize=11)
        shown = row[1].imshow(found.amplitude[box], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        drawn.colorbar(shown, ax=row[1], shrink=0.85)
        row[2].set_facecolor(EMPTY)
        shown = row[2].imshow(
            found.phase[box], cmap="twilight", vmin=-np.pi, vmax=np.pi, interpolation="nearest"
        )
        drawn.colorbar(shown, ax=row[2], shrink=0.85)
        for panel in row[1:]:
            plain(panel)
    for panel, name in zip(panels[0], ("counts", "amplitude", "phase (rad)"), strict=True):
        panel.set_title(name)
    return drawn
