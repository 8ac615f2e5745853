"""Figures of the page on detector gaps: what a gap hides, what its surroundings tell, how far sigma holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

import sayre
from sayre.data import FilledPattern, Pattern
from sayre.filling.coverage import Covered, pooled
from sayre.filling.cuts import cut_gap
from sayre.filling.scores import evaluate
from sayre.filling.wiener.spectrum import fringe_model, local_model
from sayre.numerics.limit import share_left_open
from sayre.simulation.strained.voxels import VoxelPopulation
from sayre.simulation.strained.voxels import draw as draw_crystal

from .style import COLOURS, EMPTY, STYLE, figure, save, simple_ticks

Array = NDArray[Any]
RATIOS = (3.0, 5.0, 8.0)
WIDTHS = np.arange(1, 17)
COUNTS = 100.0
"""Mean counts of a voxel, for the limit of information."""
RANGES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Phase ranges in rad at which Friedel symmetry is measured."""
CRYSTALS = 5
GAPPED = 24
"""Crystals in which gaps are filled to test the stated error."""


def unexplained(width: int, ratio: float, counts: float) -> float:
    """Least share of the variance that `counts` photons a voxel around a gap leave open, in one dimension."""
    return float(share_left_open(width, 1 / ratio, counts * ratio / 2))


def planar(phase_range: float, generator: np.random.Generator, most: float) -> tuple[Pattern, Array]:
    """Counts of a 2D crystal, and what was expected."""
    population = VoxelPopulation(
        side=96,
        dimensions=2,
        oversampling=(3.0, 5.0),
        phase_range=(phase_range, phase_range),
        dislocation=0,
        misfit=0,
        max_counts=(most, most),
    )
    expected = (np.abs(draw_crystal(population, generator).amplitude) ** 2).astype(np.float32)
    return Pattern.from_counts(generator.poisson(expected).astype(np.float32)), expected


@cache
def symmetries() -> Array:
    """Correlation of fringes with their own inversion, for each of `RANGES` and `CRYSTALS` crystals."""
    found = np.empty((len(RANGES), CRYSTALS))
    for row, phase_range in zip(found, RANGES, strict=True):
        for seed in range(CRYSTALS):
            counts, _ = planar(phase_range, np.random.default_rng(seed), 1e7)
            log = np.log1p(counts.intensity)
            row[seed] = fringe_model(local_model(log, np.zeros(log.shape, bool))).symmetry
    return found


class Line(NamedTuple):
    """A row of a pattern across a gap."""

    truth: Array
    gap: NDArray[np.bool_]
    linear: FilledPattern
    wiener: FilledPattern


@cache
def filled_line(first: int = 41, width: int = 6) -> Line:
    """A simulated peak with a gap, filled by two methods."""
    simulated = sayre.simulate(
        "wulff",
        atoms=40_000,
        shape_px=64,
        oversampling=4.0,
        phase_range=1.0,
        rotate=True,
        max_counts=1e6,
        generator=np.random.default_rng(2),
    )
    gapped, _ = cut_gap(simulated.pattern, 2, first, width)
    ways = [sayre.inpaint(gapped, method=name) for name in ("linear", "wiener")]
    return Line(simulated.expectation, gapped.mask, *ways)


class Calibration(NamedTuple):
    """Shares of voxels within the stated error by class, and the error of the filling over that of linear."""

    classes: tuple[Covered, ...]
    ratio: float


@cache
def calibration() -> Calibration:
    """Fill gaps of 6 pixels near the peak of 2D crystals and away from it, and count what sigma covers."""
    tables, ratios = [], []
    for seed in range(GAPPED):
        generator = np.random.default_rng(100 + seed)
        counts, _ = planar(float(generator.uniform(0, 4)), generator, 10 ** float(generator.uniform(5, 7)))
        for position in (51, 66):
            (score,) = evaluate(counts, width=6, axis=1, position=position, methods=("wiener",))
            tables.append(score.classes)
            ratios.append(score.ratio)
    return Calibration(pooled(tables), float(np.mean(ratios)))


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_known(), folder, "gap")
        save(_trust(), folder, "trust")


def _known() -> Any:
    drawn = figure(3.4)
    left, right = drawn.subplots(1, 2, gridspec_kw={"width_ratios": [1.3, 1]})
    found = filled_line()
    middle = (32, 32)
    columns = np.arange(64)
    gap = columns[found.gap[middle]]
    left.axvspan(gap[0] - 0.5, gap[-1] + 0.5, color=EMPTY)
    left.semilogy(columns, 1 + found.truth[middle], color=COLOURS[0], lw=1.8, label="expected")
    inside = np.r_[gap[0] - 1, gap, gap[-1] + 1]
    left.plot(inside, 1 + found.linear.intensity[middle][inside], "--", color=COLOURS[3], label="linear")
    wiener = np.log1p(found.wiener.intensity[middle])[gap]
    sigma = found.wiener.sigma[middle][gap]
    left.fill_between(gap, np.exp(wiener - sigma), np.exp(wiener + sigma), color=COLOURS[1], alpha=0.25, lw=0)
    left.plot(gap, np.exp(wiener), "o-", ms=4, color=COLOURS[1], label="wiener ± σ")
    left.set_xlim(22, 60)
    left.set_xlabel("column")
    left.set_ylabel("1 + counts")
    left.set_title("a row across a gap of 6 columns")
    left.legend(fontsize=9)
    for ratio, colour in zip(RATIOS, COLOURS, strict=False):
        curve = [unexplained(int(width), ratio, COUNTS) for width in WIDTHS]
        right.plot(WIDTHS, curve, "o-", ms=3, color=colour, label=f"σ = {ratio:g}")
    right.set_ylim(0, 1)
    right.set_xlabel("width of the gap (voxels)")
    right.set_ylabel("variance left open")
    right.set_title("limit in 1D, 100 counts a voxel")
    right.legend(title="oversampling", fontsize=9, title_fontsize=9, loc="upper left")
    return drawn


def _trust() -> Any:
    drawn = figure(3.4)
    left, right = drawn.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.3]})
    found = symmetries()
    left.plot(RANGES, found, "o", ms=4, color=COLOURS[2], alpha=0.7)
    left.plot(RANGES, found.mean(1), color=COLOURS[2])
    left.set_ylim(-0.02, 1)
    left.set_xlabel("phase range of the crystal (rad)")
    left.set_ylabel("correlation")
    left.set_title("fringes with their inversion")
    for near, colour, name in ((True, COLOURS[1], "near the peak"), (False, COLOURS[0], "away")):
        rows = [row for row in calibration().classes if row.near == near and row.voxels >= 50]
        places = [np.sqrt(max(row.low, 0.125) * min(row.high, 400)) for row in rows]
        right.plot(places, [row.covered_1 for row in rows], "o-", ms=5, color=colour, label=name)
        right.plot(places, [row.covered_2 for row in rows], "s--", ms=5, color=colour)
    right.set_xscale("log")
    simple_ticks(right.xaxis, (0.25, 1, 3, 10, 50, 200))
    for share in (0.683, 0.954):
        right.axhline(share, color="grey", lw=0.8, ls=":")
    right.set_ylim(0.4, 1)
    right.text(0.25, 0.625, "within 1σ", fontsize=9)
    right.text(0.25, 0.975, "within 2σ", fontsize=9)
    right.set_xlabel("expected counts")
    right.set_ylabel("share of voxels")
    right.set_title("does σ hold?")
    right.legend(fontsize=9, loc="lower right")
    return drawn
