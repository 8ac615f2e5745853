"""Figures of the page on diffraction: peaks of a lattice, and a scan through one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

import sayre
from sayre.data import Particle
from sayre.numerics.fourier import to_detector
from sayre.simulation.particles.lattice import ELEMENTS
from sayre.simulation.scattering.scatter import scatter

from .style import COLOURS, STYLE, figure, log_counts, save

SIDE = 12
"""Atoms along an edge of the flat crystal."""
BEND = 0.5
"""Largest displacement of the flat crystal, Å."""
SPACING = ELEMENTS["Au"].lattice_constant


def flat_crystal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of the atoms of a square crystal, Å, and their displacement along the columns."""
    index = np.arange(SIDE) - (SIDE - 1) / 2
    rows, columns = np.meshgrid(index, index, indexing="ij")
    places = SPACING * np.stack([0 * rows.ravel(), rows.ravel(), columns.ravel()], axis=1)
    bent = np.zeros_like(places)
    bent[:, 2] = BEND * (2 * (places[:, 1] / places[:, 1].max()) ** 2 - 1)
    return places, bent


def peaks(places: NDArray[np.float64], *, reach: float = 1.5, voxels: int = 181) -> NDArray[np.float64]:
    """Intensity of the atoms in the plane of the crystal, to `reach` reciprocal lattice constants."""
    step = 2 * np.pi / SPACING * reach / (voxels // 2)
    particle = Particle(positions=places, species="Au", lattice_constant=SPACING)
    amplitude = scatter(particle, np.zeros(3), np.eye(3) * step, (1, voxels, voxels))
    return np.abs(amplitude[0]) ** 2 / len(places) ** 2


def scan() -> Any:
    """Simulated scan of a gold crystal of 12 nm: 48 frames."""
    return sayre.simulate(
        "wulff", atoms=60_000, shape_px=48, oversampling=4.0, generator=np.random.default_rng(1)
    )


def voxel_error(finer: int) -> float:
    """Median error of log10 of the intensity of a crystal of voxels, in the outer half of an array.

    The crystal is that of `scan`; its voxels are `finer` times as fine as the array resolves, and are
    Fourier transformed. The sum over atoms is right.
    """
    simulated = scan()
    atoms, n = simulated.particle.positions, simulated.pattern.shape[0]
    planes = ConvexHull(atoms).equations.astype(np.float32)
    voxel = 2 * np.pi / (n * simulated.pattern.grid.step[0]) / finer
    reach = int(np.abs(atoms).max() / voxel) + 2
    line = (np.arange(-reach, reach + 1) * voxel).astype(np.float32)
    inside = np.ones((len(line),) * 3, bool)
    for x, y, z, offset in planes:
        inside &= x * line[:, None, None] + y * line[:, None] + z * line + offset <= SPACING / 4
    field = np.pad(inside.astype(np.float32), n * finer // 2 - reach)[:-1, :-1, :-1]
    corner = n * (finer - 1) // 2
    middle = (slice(corner, corner + n),) * 3
    intensity = np.abs(to_detector(field)[middle]) ** 2
    truth = np.abs(simulated.amplitude) ** 2
    places = np.arange(n) - n // 2
    far = np.sqrt(sum(axis.astype(float) ** 2 for axis in np.ix_(places, places, places))) > n / 4
    ratio = (intensity / intensity.max())[far] / (truth / truth.max())[far]
    return float(np.median(np.abs(np.log10(np.maximum(ratio, 1e-30)))))


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_lattice(), folder, "lattice")
        save(_rocking(), folder, "rocking")


def _lattice() -> Any:
    places, bent = flat_crystal()
    drawn = figure(5.6)
    panels = drawn.subplots(2, 2, gridspec_kw={"width_ratios": [1, 1.15]})
    for row, moved, name in zip(panels, (0 * bent, bent), ("perfect", "bent"), strict=True):
        atoms = places + moved
        row[0].plot(atoms[:, 2], atoms[:, 1], "o", ms=4, color=COLOURS[0])
        row[0].set_aspect("equal")
        row[0].set_title(f"{name} crystal")
        row[0].set_xlabel("x (Å)")
        row[0].set_ylabel("y (Å)")
        row[0].set_ylim(28, -28)
        row[0].set_xlim(-28, 28)
        shown = log_counts(row[1], peaks(atoms), low=-5, top=0, extent=(-1.5, 1.5, 1.5, -1.5))
        row[1].set_xticks([-1, 0, 1])
        row[1].set_yticks([-1, 0, 1])
        row[1].set_title("what it scatters")
        row[1].set_xlabel("h along x")
        row[1].set_ylabel("k along y")
        drawn.colorbar(shown, ax=row[1], label="log₁₀ (intensity / N²)")
    return drawn


def _rocking() -> Any:
    pattern = scan().pattern
    counts, step = pattern.intensity, pattern.grid.step[0]
    middle, shown = len(counts) // 2, None
    frames = (middle - 8, middle - 4, middle)
    drawn = figure(5.0)
    axes = drawn.subplot_mosaic([["ewald"] * 3 + ["curve"] * 3, list("aabbcc")])
    _ewald(axes["ewald"])
    curve = axes["curve"]
    places = (np.arange(len(counts)) - middle) * step
    curve.semilogy(places, counts.sum((1, 2)), "o-", ms=3)
    for frame, colour in zip(frames, COLOURS[1:], strict=False):
        curve.plot(places[frame], counts[frame].sum(), "o", ms=8, color=colour)
    curve.set_xlabel("distance of the slice from the peak (1/Å)")
    curve.set_ylabel("counts of a frame")
    curve.set_title("rocking curve")
    for name, frame, colour in zip("abc", frames, COLOURS[1:], strict=False):
        shown = log_counts(axes[name], counts[frame], top=6)
        axes[name].set_title(f"frame {frame}", color=colour)
        axes[name].set_xlabel("column")
    axes["a"].set_ylabel("row")
    drawn.colorbar(shown, ax=axes["c"], label="log₁₀ (1 + counts)")
    return drawn


def _ewald(panel: Any) -> None:
    """The triangle of wave vectors, and slices of the detector through the peak."""
    incoming, angle = np.array([1.0, 0.0]), np.radians(40)
    outgoing = np.array([np.cos(angle), np.sin(angle)])
    g = outgoing - incoming
    for start, end, name, place in (
        (-incoming, 0 * g, r"$k_i$", (-0.55, -0.11)),
        (-incoming, outgoing - incoming, r"$k_f$", (-0.72, 0.33)),
        (0 * g, g, "G", (0.0, 0.3)),
    ):
        panel.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": COLOURS[0], "lw": 1.5})
        panel.text(*place, name, fontsize=12)
    turns = np.radians(np.linspace(-12, 62, 60))
    panel.plot(np.cos(turns) - 1, np.sin(turns), ":", color=COLOURS[0], lw=1)
    panel.text(0.04, -0.22, "Ewald sphere", fontsize=9)
    across = np.array([-outgoing[1], outgoing[0]])
    along = np.array([-g[1], g[0]]) / np.linalg.norm(g)
    for shift, colour in zip((-0.16, -0.08, 0.0), COLOURS[1:], strict=False):
        line = np.array([g + shift * along - 0.2 * across, g + shift * along + 0.2 * across])
        panel.plot(*line.T, color=colour, lw=2)
    panel.plot(*g, "o", ms=9, color=COLOURS[0])
    panel.text(g[0] + 0.32, g[1] - 0.02, "slices of the\ndetector through\nthe peak", fontsize=9, va="center")
    panel.set_aspect("equal")
    panel.set_xlim(-1.05, 0.7)
    panel.set_ylim(-0.28, 0.92)
    panel.axis("off")
    panel.set_title("a frame is a slice through the peak")
