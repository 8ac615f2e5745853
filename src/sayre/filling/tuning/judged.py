"""The error of a network in windows that are held back, and whether another's is smaller."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from sayre.filling.tuning.loss import Batch, scatter_of_log, squared_errors

Floats = NDArray[np.float64]

BLOCK = 16
"""Rows and columns of the blocks whose errors are taken for independent."""
WIDENINGS = np.linspace(1.0, 3.0, 81)
"""Factors on the stated error that are tried."""


class Judgement(NamedTuple):
    """Sums over blocks of the windows.

    Attributes
    ----------
    squared
        Squared errors.
    voxels
        Voxels that count.
    each
        Squared error, stated variance and photon noise of each of these voxels.
    """

    squared: Floats
    voxels: Floats
    each: Floats = np.ones((3, 1))

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

    def widening(self, other: Judgement) -> float:
        """By how much to widen the stated errors so that as many are within one as another network has.

        Parameters
        ----------
        other
            Of another network, in the same windows.
        """
        wanted = other._within(1.0)
        return next((float(w) for w in WIDENINGS if self._within(w) >= wanted), float(WIDENINGS[-1]))

    def _within(self, widened: float) -> float:
        """Share of the voxels within one stated error, photon noise included."""
        squared, variance, noise = self.each
        return float(np.mean(squared <= widened**2 * variance + noise))


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
    each: list[Floats] = []
    for batch in held:
        with torch.inference_mode(), torch.autocast(batch.target.device.type, torch.bfloat16):
            mean, log_variance = (x.float() for x in network(*batch.channels))
        mean, counted = mean.clamp(min=0), batch.wanted > 0
        squared = squared_errors(mean, batch)
        found = (squared, log_variance.exp(), scatter_of_log(mean))
        each.append(torch.stack([x[counted] for x in found]).double().cpu().numpy())
        for into, field in zip(sums, (squared * batch.wanted, batch.wanted), strict=True):
            by_block = F.avg_pool2d(field.sum(1, keepdim=True), BLOCK, ceil_mode=True, divisor_override=1)
            into.extend(by_block.flatten().double().cpu().tolist())
    blocks = np.array(sums)
    squares, voxels = blocks[:, blocks[1] > 0]
    return Judgement(squares, voxels, np.concatenate(each, axis=1))
