"""Figure of the page on coherence: fringes under a point spread, and what it does to the autocorrelation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from sayre.numerics.fourier import to_object
from sayre.simulation.particles import shapes
from sayre.simulation.peak import simulate_particle
from sayre.simulation.scattering.coherence import FWHM, PointSpread

from .style import COLOURS, STYLE, figure, log_counts, save

WIDTHS = (0.0, 1.5, 2.5)
"""Full widths at half maximum of the point spread, in voxels."""
SIGMA = 5.0


def patterns() -> list[NDArray[np.float32]]:
    """Expected counts of one cube of gold, scattered with each of `WIDTHS`: the middle plane of each."""
    cube = shapes.build("cube", 20_000, element="Au", generator=np.random.default_rng(0))
    return [
        simulate_particle(
            cube,
            shape_px=64,
            oversampling=SIGMA,
            max_counts=1e6,
            spread=PointSpread(fwhm=(width,) * 3),
            generator=np.random.default_rng(0),
        ).expectation
        for width in WIDTHS
    ]


def visibility(line: NDArray[np.floating[Any]]) -> float:
    """Contrast of the first side fringe of a cut through the peak: (top − dip) / (top + dip)."""
    half = np.asarray(line[len(line) // 2 :], np.float64)
    falls = np.flatnonzero((half[1:-1] < half[:-2]) & (half[1:-1] <= half[2:])) + 1
    if not len(falls):
        return 0.0
    dip = int(falls[0])
    top = half[dip : dip + round(SIGMA) + 1].max()
    return float((top - half[dip]) / (top + half[dip]))


def weakening(blurred: NDArray[np.float32], sharp: NDArray[np.float32]) -> NDArray[np.float64]:
    """Factor by which a point spread weakens the autocorrelation at lags 0 to the length along a row."""
    n = len(sharp)
    lags = [np.abs(to_object(counts.astype(np.float64)))[n // 2, n // 2] for counts in (blurred, sharp)]
    ratio = lags[0] / lags[1]
    return np.asarray((ratio / ratio[n // 2])[n // 2 : n // 2 + int(n / SIGMA) + 1])


def coherence_factor(lags: NDArray[Any], width: float, voxels: int) -> NDArray[Any]:
    """The same of a Gaussian that is integrated over voxels, for lags in voxels of the object."""
    return np.exp(-2 * (np.pi * width / FWHM * lags / voxels) ** 2) * np.sinc(lags / voxels)


def draw(folder: Path) -> None:
    """Draw the figure."""
    with matplotlib.rc_context(STYLE):
        save(_fringes(patterns()), folder, "coherence")


def _fringes(expected: list[NDArray[np.float32]]) -> Any:
    drawn = figure(5.2)
    upper, lower = drawn.subfigures(2, 1, height_ratios=[1, 1.15])
    panels = upper.subplots(1, len(WIDTHS))
    cut, factor = lower.subplots(1, 2)
    n, shown = len(expected[0]), None
    place = np.arange(n) - n // 2
    for panel, counts, width, colour in zip(panels, expected, WIDTHS, COLOURS, strict=False):
        shown = log_counts(panel, counts[n // 2], top=6)
        name = f"{width:g} voxels"
        panel.set_title(f"point spread: {name}", color=colour)
        panel.set_xlabel("column")
        cut.semilogy(place, 1 + counts[n // 2, n // 2], color=colour, label=name)
        if width:
            found = weakening(counts, expected[0])
            lags = np.arange(len(found))
            factor.plot(lags, found, "o", ms=5, color=colour, label=name)
            factor.plot(lags, coherence_factor(lags, width, n), color=colour, lw=1)
    panels[0].set_ylabel("row")
    upper.colorbar(shown, ax=panels, label="log₁₀ (1 + counts)")
    cut.set_title("cut through the peak")
    cut.set_xlabel("column, from the peak")
    cut.set_ylabel("1 + expected counts")
    cut.set_xlim(-25, 25)
    factor.set_title("what is left of the autocorrelation")
    factor.set_xlabel("lag (voxels of the object)")
    factor.set_ylabel("share left")
    factor.axvline(n / SIGMA, color="grey", lw=1, ls=":")
    factor.text(n / SIGMA + 0.2, 0.05, "length of the crystal", fontsize=9, rotation=90)
    factor.set_xlim(-0.5, 14)
    factor.set_ylim(0, 1.05)
    factor.legend(title="point spread", loc="lower left")
    return drawn
