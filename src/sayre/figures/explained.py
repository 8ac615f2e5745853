"""The picture of how well the counts are explained, and of what beam and detector did to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.counts import brightest, count_colours, numbering, plane_of
from sayre.figures.drawn import PIXELS, finish, logarithm, place_sheet
from sayre.figures.phasing import BELIEVED, FIRST, OTHER
from sayre.figures.sheet import Box, Colours, Sheet, arranged
from sayre.figures.style import INK, SHIFTED, SIGNED, UNSEEN
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.shells import ShellFit, fit_by_shell, standard_residuals
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMIT = 5.0
"""Standard deviations that the colours reach to."""
FEWEST = 5
"""Voxels of a shell whose mean is drawn: that of one or two says little, and sets the scale."""
HEAD, BELOW = 30.0, 330.0
"""Pixels of the title, and of what is drawn below the planes."""


def explained_figure(phased: Phased, settings: Settings | None = None, *, title: str = "") -> Figure:
    """Counts, their expectation and the residuals; the fit by shell; flux, angles and response where fitted.

    Planes go through the brightest voxel, with row 0 at the top. Grey voxels were not measured.

    Parameters
    ----------
    phased
        2D or 3D.
    settings
        Of the phase retrieval: `free` and `seed` tell which voxels were left free.
    title
        Written above.
    """
    from matplotlib.figure import Figure

    sheet = explained_sheet(phased)
    found = arranged(sheet)
    high = found.height + HEAD + BELOW
    figure = Figure(figsize=(found.width / PIXELS, high / PIXELS), facecolor="white")
    place_sheet(figure, sheet, Box(0, HEAD, found.width, found.height))
    _numbers(figure, phased, shell_fit(phased, settings), (BELOW - 46) / high, 44 / high)
    if title:
        figure.text(10 / found.width, 1 - 8 / high, title, fontsize=11, color=INK, va="top")
    return figure


def explained_sheet(phased: Phased) -> Sheet:
    """Planes through the peak of the measured counts, those that are expected, and the residuals."""
    pattern, counts = phased.pattern, _counts(phased)
    place, numbers = brightest(pattern), numbering(pattern.meta, counts.ndim)
    seen = np.where(pattern.mask, np.nan, counts)
    colours = count_colours(seen, phased.expected)
    deviations = Colours(label="(n − λ)/√(λ + 1)", cmap=SIGNED, low=-LIMIT, high=LIMIT)
    residual = np.where(pattern.mask, np.nan, standard_residuals(counts, phased.expected))
    rows = (
        ("measured", logarithm(seen), colours),
        ("expected", logarithm(phased.expected), colours),
        ("residual", residual, deviations),
    )
    axes = range(3) if counts.ndim == 3 else (0,)
    planes = [
        [plane_of(values, place, axis, numbers, scale, name) for axis in axes] for name, values, scale in rows
    ]
    return Sheet(rows=planes if counts.ndim == 3 else [[row[0] for row in planes]])


def shell_fit(phased: Phased, settings: Settings | None = None) -> ShellFit:
    """The fit by shell of distance from the brightest voxel.

    Parameters
    ----------
    phased
        2D or 3D.
    settings
        Of the phase retrieval: `free` and `seed` tell which voxels were left free.
    """
    weight = amplitude_bounds(phased.pattern, settings).weight
    return fit_by_shell(_counts(phased), phased.expected, weight, brightest(phased.pattern))


def _counts(phased: Phased) -> NDArray[np.float32]:
    pattern = phased.pattern
    return np.where(pattern.mask, 0, pattern.measured.intensity).astype(np.float32)


def _numbers(figure: Any, phased: Phased, fit: ShellFit, top: float, bottom: float) -> None:
    """Draw the fit by shell, and flux, errors of the angle and response where they are in the model."""
    found = phased.nuisances or Nuisances()
    frames, angles, gains = found.frames, found.angles, found.gains
    widths = [1.5, *(1.0 for effect in (frames if angles is None else angles, gains) if effect is not None)]
    grid = figure.add_gridspec(
        1, len(widths), width_ratios=widths, left=0.07, right=0.93, top=top, bottom=bottom
    )
    parts = iter(grid)
    both = next(parts).subgridspec(2, 1, height_ratios=(2.4, 1), hspace=0.12).subplots(sharex=True)
    _deviances(both[0], fit)
    _residuals(both[1], fit)
    shown = [
        (frames, "flux, relative to the mean", 1.0),
        (angles, "errors of the angle (steps)", 0.0),
    ]
    known = [(values, title, usual) for values, title, usual in shown if values is not None]
    if known:
        panels = next(parts).subgridspec(len(known), 1, hspace=0.7).subplots(squeeze=False)[:, 0]
        for panel, (values, title, usual) in zip(panels, known, strict=True):
            _frames(panel, values, title, usual)
    if gains is not None:
        _gains(figure, figure.add_subplot(next(parts)), gains)


def _deviances(panel: Any, fit: ShellFit) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    told, known = fit.free_voxels >= FEWEST, fit.used_voxels >= FEWEST
    panel.plot(fit.radius, np.where(known, fit.used, np.nan), color=BELIEVED, lw=1.6, label="used")
    if told.any():
        panel.plot(fit.radius[told], fit.free[told], ".-", color=FIRST, lw=1.2, ms=4, label="free")
    panel.plot(
        fit.radius,
        np.where(told | known, fit.floor, np.nan),
        color=INK,
        lw=1.2,
        ls=(0, (4, 3)),
        label="Poisson noise alone",
    )
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_ylabel("half deviance", fontsize=9)
    panel.legend(frameon=False, fontsize=8, loc="best")
    panel.set_title("fit by shell around the brightest voxel", fontsize=9, color=INK, loc="left")
    finish(panel)


def _residuals(panel: Any, fit: ShellFit) -> None:
    panel.plot(fit.radius, fit.residual, color=BELIEVED, lw=1.4)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("R", fontsize=9)
    panel.set_xlabel("distance (voxels)", fontsize=9)
    finish(panel)


def _frames(panel: Any, values: NDArray[np.float32], title: str, usual: float) -> None:
    panel.axhline(usual, color=OTHER, lw=1)
    panel.plot(np.arange(len(values)), values, ".-", color=BELIEVED, lw=1.2, ms=4)
    panel.set_xlabel("frame, as phased", fontsize=9)
    panel.set_title(title, fontsize=9, color=INK, loc="left")
    finish(panel)


def _gains(figure: Any, panel: Any, gains: NDArray[np.float32]) -> None:
    apart = max(float(np.percentile(np.abs(gains - 1), 99.5)), 0.01)
    panel.set_facecolor(UNSEEN)
    image = panel.imshow(gains, cmap=SHIFTED, vmin=1 - apart, vmax=1 + apart, origin="upper")
    panel.set_ylabel("row, as phased", fontsize=9)
    panel.set_xlabel("column, as phased", fontsize=9)
    panel.tick_params(labelsize=8)
    panel.set_title("response of the pixels", fontsize=9, color=INK, loc="left")
    bar = figure.colorbar(image, ax=panel, shrink=0.8, pad=0.02, extend="both")
    bar.set_label("relative to the mean", fontsize=8)
    bar.ax.tick_params(labelsize=7)
