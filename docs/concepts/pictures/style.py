"""What the figures share: size, colours, scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from PIL import Image

WIDTH = 7.0
"""Inches; at 130 dots an inch the text can be read where a figure is shown 700 pixels wide."""
COLOURS = ("#1b2a41", "#d1495b", "#2e8b8b", "#e09f3e", "#7d5ba6")
EMPTY = "#dfe6ee"
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.edgecolor": COLOURS[0],
    "text.color": COLOURS[0],
    "axes.labelcolor": COLOURS[0],
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "mathtext.default": "regular",
}


def figure(height: float) -> Figure:
    """An empty figure of the width of a page; call it and draw within `matplotlib.rc_context(STYLE)`."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def save(drawn: Figure, folder: Path, name: str) -> None:
    """Write a figure in 256 colours, so that its file is small."""
    path = folder / f"{name}.png"
    drawn.savefig(path, dpi=130, metadata={"Software": None})
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def log_counts(panel: Any, counts: NDArray[Any], *, top: float, low: float = 0.0, **options: Any) -> Any:
    """Show counts on a logarithmic scale, row 0 at the top."""
    options = {"cmap": "magma", "vmin": low, "vmax": top, "interpolation": "nearest"} | options
    with np.errstate(divide="ignore"):
        shown = panel.imshow(np.log10(counts) if low < 0 else np.log10(1 + counts), **options)
    plain(panel)
    return shown


def plain(panel: Any) -> None:
    """Take the ticks from a picture, and give it a whole frame."""
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(True)


def simple_ticks(axis: Any, places: Sequence[float]) -> None:
    """Mark places of a logarithmic axis by plain numbers."""
    axis.set_major_locator(FixedLocator(places))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")
