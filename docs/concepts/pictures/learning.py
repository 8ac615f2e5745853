"""Figures of the page on networks: what a pixel reaches, what losses prefer, where a sigmoid is dead."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sayre.networks.layers import begin_as_keras, conv
from sayre.networks.planar import MSDNet, PlanarUNet
from sayre.training.planar.losses import LOSSES

from .style import COLOURS, STYLE, figure, plain, save

Array = NDArray[Any]
SIDE = 128
DRAWS = 6
WIDTH = 1 / 8
"""Width of the networks in the figure over that of the published ones; the MSD-Net has half of its blocks."""
PERIOD = 8.0
"""Pixels from one fringe to the next in the patterns that losses are shown on."""
MEAN = 0.27
"""Mean of scaled patterns, of docs/studies/networks-2d.md."""


class Plain(nn.Module):
    """Five convolutions of kernel 3, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(conv(2, 1 if i == 0 else 8, 8 if i < 4 else 1, 3) for i in range(5)))
        begin_as_keras(self)

    def forward(self, scaled: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layers(scaled[:, None])[:, 0]
        return found


@cache
def reaches() -> dict[str, Array]:
    """Where the output changes with the middle pixel of the input, root mean square of random networks."""
    makers = {
        "five convolutions": Plain,
        "U-Net": lambda: PlanarUNet(WIDTH),
        "MSD-Net": lambda: MSDNet(0.5),
    }
    found = {}
    for name, make in makers.items():
        total = np.zeros((SIDE, SIDE))
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            network = make().eval()
            before = torch.rand(1, SIDE, SIDE)
            after = before.clone()
            after[0, SIDE // 2, SIDE // 2] += 1
            with torch.no_grad():
                total += ((network(after) - network(before))[0] ** 2).double().numpy()
        found[name] = np.sqrt(total / DRAWS)
    return found


def candidates() -> tuple[Array, Array, dict[str, Array]]:
    """A pattern of fringes, its gap, and three ways of filling it."""
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    truth = 0.5 + 0.35 * np.cos(2 * np.pi * (columns + 0.4 * rows) / PERIOD)
    gap = np.zeros(truth.shape, bool)
    gap[:, 12:21] = True
    moved = 0.5 + 0.35 * np.cos(2 * np.pi * (columns + 0.4 * rows + PERIOD / 5) / PERIOD)
    fills = {"flat": 0.5, "a fifth of a\nperiod off": moved, "a third of\nthe contrast": (truth + 1) / 3}
    return truth, gap, {name: np.where(gap, fill, truth) for name, fill in fills.items()}


@cache
def losses() -> dict[str, dict[str, float]]:
    """Each loss of the thesis of each of the candidates."""
    truth, gap, fills = candidates()
    right, where = torch.tensor(truth[None], dtype=torch.float32), torch.tensor(gap[None])
    return {
        loss: {
            name: float(compute(torch.tensor(fill[None], dtype=torch.float32), right, where))
            for name, fill in fills.items()
        }
        for loss, compute in LOSSES.items()
    }


def slope(logit: Array, truth: float = MEAN) -> Array:
    """Modulus of the gradient of the squared error after a sigmoid, with respect to what goes into it."""
    inside = torch.tensor(np.asarray(logit, np.float64), requires_grad=True)
    ((torch.sigmoid(inside) - truth) ** 2).sum().backward()
    assert inside.grad is not None
    return np.abs(inside.grad.numpy())


def draw(folder: Path) -> None:
    """Draw both figures."""
    with matplotlib.rc_context(STYLE):
        save(_reach(), folder, "reach")
        save(_losses(), folder, "losses")


def _reach() -> Any:
    drawn = figure(2.7)
    panels = drawn.subplots(1, 3)
    shown = None
    for panel, (name, found) in zip(panels, reaches().items(), strict=True):
        with np.errstate(divide="ignore"):
            shown = panel.imshow(
                np.log10(found / found.max()), cmap="viridis", vmin=-4, vmax=0, interpolation="nearest"
            )
        panel.set_facecolor("black")
        plain(panel)
        panel.set_title(name)
    panels[0].set_ylabel(f"{SIDE} pixels")
    drawn.colorbar(shown, ax=panels, label="log₁₀ of the effect")
    return drawn


def _losses() -> Any:
    drawn = figure(5.2)
    upper, lower = drawn.subfigures(2, 1, height_ratios=[1, 1.2])
    truth, _, fills = candidates()
    for panel, (name, fill) in zip(upper.subplots(1, 4), {"truth": truth, **fills}.items(), strict=True):
        panel.imshow(fill, cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        plain(panel)
        panel.set_title(name)
    left, right = lower.subplots(1, 2, width_ratios=[1.4, 1])
    found = losses()
    for number, (name, colour) in enumerate(zip(fills, COLOURS[1:], strict=False)):
        places = np.arange(len(found)) + 0.26 * (number - 1)
        heights = [values[name] / values["flat"] for values in found.values()]
        left.bar(places, heights, 0.24, color=colour, label=name.replace("\n", " "))
    left.set_xticks(range(len(found)), ["MSE", "MAE", "1 − SSIM", "sum"])
    left.set_ylabel("loss over that of flat")
    left.legend(fontsize=8, loc="upper right")
    left.set_ylim(0, 2.1)
    logits = np.linspace(-12, 6, 300)
    right.semilogy(logits, slope(logits), color=COLOURS[0])
    start = float(np.log(MEAN / (1 - MEAN)))
    for place, colour, name in ((0.0, COLOURS[1], "bias 0"), (start, COLOURS[2], "bias at the mean")):
        right.axvline(place, color=colour, lw=1.2, label=name)
    right.set_xlabel("what goes into the sigmoid")
    right.set_ylabel("gradient")
    right.set_ylim(1e-5, 1)
    right.legend(fontsize=8, loc="upper left")
    return drawn
