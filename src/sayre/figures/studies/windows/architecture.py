"""Drawing of networks by their blocks, as Figure 4.10 of the thesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sayre.figures.style import INK
from sayre.networks.structure import Block

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {
    "published": "published 3D network (Figure 4.10)",
    "unet": "network of Sayre, on 32 planes as channels",
}
SIZES = {1: "#000000", 2: "#56b4e9", 4: "#009e73", 8: "#e69f00", 16: "#d55e00", 32: "#0072b2"}
"""Colour of a block by its size (Okabe and Ito)."""
LINES = ("block", "output", "kernel", "dilation", "parameters")
"""Below each block."""


def architecture_figure(networks: Mapping[str, Sequence[Block]]) -> Figure:
    """Draw every network as a row of blocks, as high as their size and as wide as their channels.

    Parameters
    ----------
    networks
        Blocks by name.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.9 * len(networks)), layout="constrained", facecolor="white")
    panels = figure.subplots(len(networks), 1, squeeze=False)[:, 0]
    for panel, (name, blocks) in zip(panels, networks.items(), strict=True):
        total = sum(block.parameters for block in blocks)
        panel.set_title(f"{TITLES[name]}: {total:,} parameters", fontsize=9, loc="left", color=INK)
        _row(panel, blocks)
    return figure


def _row(panel: Axes, blocks: Sequence[Block]) -> None:
    """Draw the blocks of one network, what they are joined to, and what each has."""
    from matplotlib.patches import Rectangle

    places = {block.name: place for place, block in enumerate(blocks)}
    for place, block in enumerate(blocks):
        high, wide = _height(block), _width(block)
        colour = SIZES[block.shape_out[-1]]
        panel.add_patch(Rectangle((place - wide / 2, -high / 2), wide, high, fc=colour, ec="white"))
        told = (block.name, _shape(block.shape_out), *_layers(block), _short(block.parameters))
        _write(panel, place, -3.0, "\n".join(told), va="top")
        for source in block.sources:
            before = places[source]
            if place - before == 1:
                _arrow(panel, (before + 0.3, 0), (place - wide / 2, 0))
            else:
                ends = (before, _height(blocks[before]) / 2), (place, high / 2)
                _arrow(panel, *ends, bend=0.16 + 0.75 / (place - before))
    _write(panel, -1.0, 0, f"input\n{_shape(blocks[0].shape_in)}", va="center")
    _arrow(panel, (-0.65, 0), (-_width(blocks[0]) / 2, 0))
    _write(panel, -1.0, -3.0, "\n".join(LINES), va="top")
    panel.set_xlim(-1.5, len(blocks) - 0.4)
    panel.set_ylim(-6.0, 6.2)
    panel.set_axis_off()


def _height(block: Block) -> float:
    return float(np.log2(block.shape_out[-1])) + 0.6


def _width(block: Block) -> float:
    return 0.1 + 0.07 * float(np.log2(block.shape_out[0]))


def _shape(shape: Sequence[int]) -> str:
    return f"{shape[0]}×{shape[-1]}{'³' if len(shape) == 4 else '²'}"


def _write(panel: Axes, x: float, y: float, text: str, **style: str) -> None:
    panel.text(x, y, text, ha="center", fontsize=6.4, color=INK, **style)  # type: ignore[arg-type]


def _arrow(panel: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    """Draw an arrow from block to block; one that skips blocks is bent and dashed."""
    from matplotlib.patches import FancyArrowPatch

    panel.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={-bend:.2f}",
            arrowstyle="-|>",
            mutation_scale=7,
            lw=1.3 if bend else 1.0,
            ls="--" if bend else "-",
            color=INK,
        )
    )


def _layers(block: Block) -> tuple[str, str]:
    """Kernels of a block, and its rates of dilation."""
    kernels = dict.fromkeys(str(kernel) for _, kernel, _ in block.layers)
    rates = dict.fromkeys(str(rate) for _, _, rate in block.layers)
    return "·".join(kernels), "·".join(rates)


def _short(number: int) -> str:
    return (
        f"{number / 1e6:.2f} M"
        if number >= 1e6
        else f"{number / 1e3:.1f} k"
        if number >= 1000
        else str(number)
    )
