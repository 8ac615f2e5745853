"""The five steps of simulating a 2D pattern, as in Fig. 4.3 of the thesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.figures.style import INK
from sayre.simulation.planar import Floats, PlanarParticle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAP = "#9fb3c8"


def simulation_figure(
    particle: PlanarParticle, expected: Floats, counts: Floats, mask: NDArray[np.bool_]
) -> Figure:
    """Draw polygon, phase, modulus, and the pattern without noise, with noise and with a gap.

    Parameters
    ----------
    particle
        The object.
    expected, counts
        Its pattern without and with Poisson noise, `(side, side)`.
    mask
        The gap, same shape.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), layout="constrained", facecolor="white")
    panels = figure.subplots(2, 3)
    phase = np.where(particle.polygon, particle.phase, np.nan)
    limit = max(float(np.nanmax(np.abs(phase))), 1e-3)
    top = float(np.log10(1 + expected.max()))
    shown: list[tuple[str, NDArray[Any], str, tuple[float, float], str]] = [
        ("a  polygon", particle.polygon.astype(float), "gray", (0, 1), "modulus"),
        ("b  phase", phase, "PuOr", (-limit, limit), "phase (rad)"),
        ("c  smoothed, rough", particle.modulus, "gray", (0, 1.2), "modulus"),
        ("d  Fourier transform", np.log10(1 + expected), "magma", (0, top), ""),
        ("e  Poisson noise", np.log10(1 + counts), "magma", (0, top), ""),
        (
            "f  gap of 6 pixels",
            np.log10(1 + np.where(mask, np.nan, counts)),
            "magma",
            (0, top),
            "log₁₀(1 + counts)",
        ),
    ]
    for panel, (title, image, colours, (low, high), label) in zip(panels.flat, shown, strict=True):
        panel.set_facecolor(GAP if title.startswith("f") else "#eeeeee")
        drawn = panel.imshow(
            image, cmap=colours, vmin=low, vmax=high, origin="lower", interpolation="nearest"
        )
        panel.set_title(title, fontsize=9, loc="left", color=INK)
        panel.tick_params(labelsize=7)
        if label:
            bar = figure.colorbar(drawn, ax=panel, shrink=0.75)
            bar.set_label(label, fontsize=8)
            bar.ax.tick_params(labelsize=7)
    for panel in panels[:, 0]:
        panel.set_ylabel("row (pixels)", fontsize=8)
    for panel in panels[-1]:
        panel.set_xlabel("column (pixels)", fontsize=8)
    return figure
