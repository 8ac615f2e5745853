"""The error of a network in windows that are held back, and whether another's is smaller."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from sayre.filling.tuning.loss import Batch, squared_errors

Floats = NDArray[np.float64]

BLOCK = 16
"""Rows and columns of the blocks whose errors are taken for independent."""


class Judgement(NamedTuple):
    """Sums over blocks of the windows.

    Attributes
    ----------
    squared
        Squared errors.
    voxels
        Voxels that count.
    """

    squared: Floats
    voxels: Floats

    @property
    def error(self) -> float:
        """Mean squared error of a voxel."""
        return float(self.squared.sum() / self.voxels.sum())

    def less_than(self, other: Judgement) -> tuple[float, float]:
        """By how much the error is smaller than that of another in the same windows, and its standard error.

        Parameters
        ----------
        other
            Of another network.
        """
        less = other.squared - self.squared
        mean = float(less.sum() / self.voxels.sum())
        scatter = np.square(less - mean * self.voxels).sum() * len(less) / max(len(less) - 1, 1)
        return mean, float(np.sqrt(scatter) / self.voxels.sum())


def judge(network: nn.Module, held: list[Batch]) -> Judgement:
    """Measure the error of a network.

    Parameters
    ----------
    network
        As a `Predictor` has it.
    held
        Windows that it was not trained on.
    """
    sums: list[list[float]] = [[], []]
    for batch in held:
        with torch.inference_mode(), torch.autocast(batch.target.device.type, torch.bfloat16):
            mean, _ = network(*batch.channels)
        squared = squared_errors(mean.float().clamp(min=0), batch) * batch.wanted
        for into, field in zip(sums, (squared, batch.wanted), strict=True):
            by_block = F.avg_pool2d(field.sum(1, keepdim=True), BLOCK, ceil_mode=True, divisor_override=1)
            into.extend(by_block.flatten().double().cpu().tolist())
    found = np.array(sums)
    return Judgement(*found[:, found[1] > 0])
