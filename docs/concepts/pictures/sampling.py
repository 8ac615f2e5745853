"""Figures of the page on sampling: one crystal sampled at several ratios, and ratios read from counts."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import SayreWarning
from sayre.numerics.fourier import to_object
from sayre.retrieval.sampling import sampling
from sayre.simulation.particles import shapes
from sayre.simulation.peak import simulate_particle
from sayre.simulation.strained.voxels import VoxelPopulation
from sayre.simulation.strained.voxels import draw as draw_crystal

from .style import COLOURS, EMPTY, STYLE, figure, log_counts, plain, save, simple_ticks

RATIOS = (1.4, 2.0, 4.0)
SIDE = 48
CRYSTALS = 60


class Judged(NamedTuple):
    """True ratios of the axes of crystals, and what their counts tell: NaN unknown; refused, or not."""

    true: NDArray[np.float64]
    stated: NDArray[np.float64]
    refused: NDArray[np.bool_]


def sampled() -> list[NDArray[np.float32]]:
    """Expected counts of one octahedron of gold at each of `RATIOS`."""
    crystal = shapes.build("octahedron", 30_000, element="Au", generator=np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)  # of the ratio below 2, which is meant
        return [
            simulate_particle(
                crystal, shape_px=SIDE, oversampling=ratio, max_counts=1e6, generator=np.random.default_rng(0)
            ).expectation
            for ratio in RATIOS
        ]


def autocorrelation(counts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Modulus of the autocorrelation of what scatters the counts, largest over one axis, 1 at lag 0."""
    found = np.abs(to_object(counts.astype(np.float64)))
    return np.asarray(found.max(0) / found.max())


def judged() -> Judged:
    """Ratios of 2D crystals with photon noise, as the counts tell them."""
    generator = np.random.default_rng(7)
    population = VoxelPopulation(
        side=128, dimensions=2, oversampling=(1.3, 4.0), phase_range=(0, 6), max_counts=(1e6, 1e8)
    )
    true, stated, refused = [], [], []
    for _ in range(CRYSTALS):
        crystal = draw_crystal(population, generator)
        counts = generator.poisson(np.abs(crystal.amplitude) ** 2).astype(np.float32)
        for ratio, found in zip(crystal.oversampling, sampling(Pattern.from_counts(counts)), strict=True):
            true.append(ratio)
            stated.append(found.ratio)
            refused.append(found.coarse)
    return Judged(np.array(true), np.array(stated), np.array(refused))


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_overlap(sampled()), folder, "sampling")
        save(_estimated(judged()), folder, "sampling-estimated")


def _overlap(expected: list[NDArray[np.float32]]) -> Any:
    drawn = figure(5.0)
    panels = drawn.subplots(2, len(RATIOS))
    shown = lags = None
    for column, (counts, ratio) in zip(panels.T, zip(expected, RATIOS, strict=True), strict=True):
        shown = log_counts(column[0], counts[SIDE // 2], top=6)
        column[0].set_title(f"σ = {ratio:g}")
        reach = SIDE // 2 - 0.5
        lags = column[1].imshow(
            np.log10(autocorrelation(counts)),
            cmap="viridis",
            vmin=-4,
            vmax=0,
            extent=(-reach - 1, reach, reach, -reach - 1),
        )
        plain(column[1])
        length = SIDE / ratio
        box = [-length, length, length, -length, -length], [-length, -length, length, length, -length]
        column[1].plot(*box, "--", color="white", lw=1.2)
        column[1].set_xlim(-reach - 1, reach)
        column[1].set_ylim(reach, -reach - 1)
    panels[0, 0].set_ylabel("pattern, middle frame")
    panels[1, 0].set_ylabel("autocorrelation")
    drawn.colorbar(shown, ax=panels[0, -1], label="log₁₀ (1 + counts)")
    drawn.colorbar(lags, ax=panels[1, -1], label="log₁₀, 0 at lag 0")
    return drawn


def _estimated(found: Judged) -> Any:
    drawn = figure(3.4)
    panel = drawn.subplots()
    known = np.isfinite(found.stated)
    unknown = ~known & ~found.refused
    most = 1.1 * float(found.true.max())
    panel.axvspan(1.25, 2, color=EMPTY)
    panel.loglog([1.25, most], [1.25, most], color=COLOURS[0], lw=1, label="as it is")
    panel.plot(found.true[known], found.stated[known], "o", ms=4, color=COLOURS[2], label="stated")
    for chosen, height, colour, name in (
        (found.refused, 1.0, COLOURS[1], "refused: below 2"),
        (unknown, 1.15, COLOURS[3], "unknown, warned of"),
    ):
        marks = np.full(chosen.sum(), height)
        panel.plot(found.true[chosen], marks, "|", ms=9, mew=1.5, color=colour, label=name)
    for axis in (panel.xaxis, panel.yaxis):
        simple_ticks(axis, (1.5, 2, 3, 4, 6, 8))
    panel.set_ylim(0.9, 1.1 * most)
    panel.set_xlim(1.25, most)
    panel.set_xlabel("true oversampling ratio of an axis")
    panel.set_ylabel("read from the counts")
    panel.legend(loc="lower right")
    return drawn
