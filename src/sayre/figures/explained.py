"""How well the counts are explained: measured, expected, and what is left of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.filling import INK
from sayre.figures.phasing import BELIEVED, FIRST, OTHER
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.shells import ShellFit, fit_by_shell, standard_residuals
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = ("frame", "row", "column")
PLANES = ((1, 2), (0, 2), (1, 0))
"""Axes of the planes across frame, row and column: which runs down, which to the right."""
LIMIT = 5.0
"""Standard deviations that the colours reach to."""
FEWEST = 5
"""Free voxels of a shell whose mean is drawn."""
LONGEST = 2.2
"""Ratio of the sides of a plane to which voxels are drawn as squares."""


def explained_figure(phased: Phased, settings: Settings | None = None, *, title: str = "") -> Figure:
    """Counts, their expectation and the residuals; the fit by shell; flux, angles and response where fitted.

    Planes go through the brightest voxel, with row 0 at the top; voxels are numbered as they were phased.
    Hatched voxels were not measured.

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
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    pattern = phased.pattern
    counts = np.where(pattern.mask, 0, pattern.measured.intensity).astype(np.float32)
    peak = tuple(int(i) for i in np.unravel_index(int(np.argmax(counts)), counts.shape))
    solid = counts.ndim == 3
    layout = ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.06)
    figure = Figure(figsize=(10, 12 if solid else 6.2), layout=layout, facecolor="white")
    upper, lower = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(9, 3) if solid else (3.5, 3))))
    panels = upper.subplots(3, 3) if solid else upper.subplots(1, 3)[:, None]
    _planes(upper, panels, phased, counts, peak)
    fit = fit_by_shell(counts, phased.expected, amplitude_bounds(pattern, settings).weight, peak)
    _numbers(lower, phased, fit)
    if title:
        figure.suptitle(title, fontsize=12, color=INK)
    return figure


def _planes(
    figure: Any, panels: Any, phased: Phased, counts: NDArray[np.float32], peak: tuple[int, ...]
) -> None:
    """Draw planes through the peak, a row of panels for each quantity, or of 2D counts one panel."""
    unseen = phased.pattern.mask
    top = max(float(np.log10(1 + max(counts.max(), phased.expected.max()))), 0.1)
    residual = np.where(unseen, np.nan, standard_residuals(counts, phased.expected))
    logarithm = np.log10(1 + np.where(unseen, np.nan, counts)), np.log10(1 + np.maximum(phased.expected, 0))
    rows: list[tuple[str, NDArray[Any], dict[str, Any]]] = [
        ("measured", logarithm[0], {"cmap": "magma", "vmin": 0, "vmax": top}),
        ("expected", logarithm[1], {"cmap": "magma", "vmin": 0, "vmax": top}),
        ("residual", residual, {"cmap": "RdBu_r", "vmin": -LIMIT, "vmax": LIMIT}),
    ]
    images = []
    for row, (name, values, colours) in zip(panels, rows, strict=True):
        for across, panel in enumerate(row):
            down, right = PLANES[across] if counts.ndim == 3 else (0, 1)
            plane = np.take(values, peak[across], across) if counts.ndim == 3 else values
            images.append(_plane(panel, plane if down < right else plane.T, colours))
            names = AXES if counts.ndim == 3 else AXES[1:]
            panel.set_ylabel(names[down], fontsize=9, color=INK)
            panel.set_xlabel(names[right], fontsize=9, color=INK)
            place = f", {names[across]} {peak[across]}" if counts.ndim == 3 else ""
            panel.set_title(name + place, fontsize=10, color=INK)
    bars = {"shrink": 0.8, "aspect": 30 if counts.ndim == 3 else 18, "pad": 0.02}
    figure.colorbar(images[0], ax=panels[:2].ravel().tolist(), **bars).set_label(
        "log₁₀(1 + counts)", fontsize=9
    )
    bars["aspect"] = 18
    bar = figure.colorbar(images[-1], ax=panels[2].tolist(), extend="both", **bars)
    bar.set_label("(n − λ)/√(λ + 1), standard deviations", fontsize=9)


def _plane(panel: Any, plane: NDArray[Any], colours: dict[str, Any]) -> Any:
    """Draw one plane with its first row at the top."""
    panel.set_facecolor("#b5b5b5")
    panel.patch.set(hatch="////", edgecolor="#8c8c8c", linewidth=0)
    long, short = max(plane.shape), min(plane.shape)
    aspect = "equal" if long <= LONGEST * short else "auto"
    image = panel.imshow(plane, origin="upper", interpolation="nearest", aspect=aspect, **colours)
    panel.tick_params(labelsize=8)
    panel.locator_params(nbins=5, integer=True)
    return image


def _numbers(figure: Any, phased: Phased, fit: ShellFit) -> None:
    """Draw the fit by shell, and flux, errors of the angle and response where they are in the model."""
    found = phased.nuisances or Nuisances()
    frames, angles, gains = found.frames, found.angles, found.gains
    widths = [1.5, *(1.0 for effect in (frames if angles is None else angles, gains) if effect is not None)]
    parts = iter(np.ravel(np.asarray(figure.subfigures(1, len(widths), width_ratios=widths))))
    upper, lower = next(parts).subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    _deviances(upper, fit)
    _residuals(lower, fit)
    if angles is not None:
        both = next(parts).subplots(1 if frames is None else 2, 1, squeeze=False)
        if frames is not None:
            _frames(both[0, 0], frames, "flux, relative to the mean", 1)
        _frames(both[-1, 0], angles, "errors of the angle (steps)", 0)
    elif frames is not None:
        _frames(next(parts).subplots(), frames, "flux, relative to the mean", 1)
    if gains is not None:
        part = next(parts)
        _gains(part, part.subplots(), gains)


def _deviances(panel: Any, fit: ShellFit) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    told = fit.free_voxels >= FEWEST
    panel.plot(fit.radius, fit.used, color=BELIEVED, lw=1.6, label="used")
    if told.any():
        panel.plot(fit.radius[told], fit.free[told], ".-", color=FIRST, lw=1.2, ms=4, label="free")
    panel.plot(fit.radius, fit.floor, color=INK, lw=1.2, ls=(0, (4, 3)), label="Poisson noise alone")
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_ylabel("half deviance", fontsize=9)
    panel.legend(frameon=False, fontsize=8, loc="best")
    panel.set_title("fit by shell around the brightest voxel", fontsize=10, color=INK)
    _finish(panel)


def _residuals(panel: Any, fit: ShellFit) -> None:
    panel.plot(fit.radius, fit.residual, color=BELIEVED, lw=1.4)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("R", fontsize=9)
    panel.set_xlabel("distance (voxels)", fontsize=9)
    _finish(panel)


def _frames(panel: Any, values: NDArray[np.float32], title: str, usual: float) -> None:
    panel.axhline(usual, color=OTHER, lw=1)
    panel.plot(np.arange(len(values)), values, ".-", color=BELIEVED, lw=1.2, ms=4)
    panel.set_xlabel("frame", fontsize=9)
    panel.set_title(title, fontsize=10, color=INK)
    _finish(panel)


def _gains(figure: Any, panel: Any, gains: NDArray[np.float32]) -> None:
    apart = max(float(np.percentile(np.abs(gains - 1), 99.5)), 0.01)
    image = _plane(panel, gains, {"cmap": "PuOr_r", "vmin": 1 - apart, "vmax": 1 + apart})
    panel.set_ylabel("row", fontsize=9)
    panel.set_xlabel("column", fontsize=9)
    panel.set_title("response of the pixels", fontsize=10, color=INK)
    bar = figure.colorbar(image, ax=panel, shrink=0.8, pad=0.02, extend="both")
    bar.set_label("relative to the mean", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _finish(panel: Any) -> None:
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
