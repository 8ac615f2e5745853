"""Figure 4.10: the published 3D network and Sayre's own, drawn from the networks themselves."""

from __future__ import annotations

from typing import Any

import torch

from sayre.figures.studies.windows.architecture import architecture_figure
from sayre.filling.network.predictor import load_predictor
from sayre.networks.patch import PatchNet
from sayre.networks.structure import Block, blocks_of
from sayre.numerics.progress import Advance
from sayre.studies.study import StudyResult, StudySettings, Table
from sayre.studies.windows.cut import SIDE

COLUMNS = (
    "network",
    "block",
    "takes",
    "layers",
    "channels_in",
    "size_in",
    "channels_out",
    "size_out",
    "parameters",
    "multiplications",
)
PUBLISHED = 2_770_000
"""Parameters that the thesis states, rounded."""
INPUTS = 6
"""Of the network that ships with Sayre, each a window."""


def make(settings: StudySettings, advance: Advance) -> StudyResult:
    """Walk both networks with one window, and draw what was found.

    Parameters
    ----------
    settings
        The quick form is the whole.
    advance
        Called with the fraction done.
    """
    window = torch.zeros((1, SIDE, SIDE, SIDE))
    networks = {"published": blocks_of(PatchNet().eval(), [window[:, None]], "normalised")}
    advance(0.5)
    networks["unet"] = blocks_of(load_predictor(None, "cpu").network.float(), [window] * INPUTS)
    table = Table(COLUMNS, [_row(name, block) for name, blocks in networks.items() for block in blocks])
    advance(1.0)
    return StudyResult(
        tables={"": table}, figures={"": architecture_figure(networks)}, summary=_summary(networks)
    )


def _row(name: str, block: Block) -> tuple[Any, ...]:
    layers = "; ".join(
        f"{kind} {kernel}" + (f" rate {rate}" if rate > 1 else "") for kind, kernel, rate in block.layers
    )
    shapes = (number for shape in (block.shape_in, block.shape_out) for number in (shape[0], shape[-1]))
    takes = " + ".join(block.sources) or "input"
    return (name, block.name, takes, layers, *shapes, block.parameters, block.multiplications)


def _summary(networks: dict[str, list[Block]]) -> str:
    lines = []
    for name, blocks in networks.items():
        parameters, products = (
            sum(getattr(block, what) for block in blocks) for what in ("parameters", "multiplications")
        )
        told = f" (thesis {PUBLISHED:,})" if name == "published" else ""
        lines.append(
            f"{name}: {len(blocks)} blocks, {parameters:,} parameters{told}, {products / 1e9:.2f}e9 "
            "multiplications a window of 32³"
        )
    return "\n  ".join(lines)
