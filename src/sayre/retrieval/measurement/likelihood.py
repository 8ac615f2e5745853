"""How far expected counts are from what was measured, and from what is known where nothing was."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays.kernels import in_parts

FLOOR = 0.1
"""Counts added to measured and expected counts in the logarithm, which has a pole at 0. The expectation of
equal voxels stays the mean of their counts."""


class Bounded(NamedTuple):
    """Bounds of amplitudes in some voxels: their flat indices, and the bounds there."""

    voxels: Tensor
    lower: Tensor
    upper: Tensor


class Prior(NamedTuple):
    """Prior of log(1 + λ) in some voxels: their flat indices, its mean and its inverse variance there."""

    voxels: Tensor
    level: Tensor
    precision: Tensor


class Known(TypedDict, total=False):
    """What is known of voxels whose counts are not compared, as `Likelihood` takes it."""

    rate: Tensor
    bounded: Bounded
    prior: Prior


class Likelihood:
    """Half the Poisson deviance of the voxels used, with bounds and priors of others.

    Parameters
    ----------
    counts
        Measured counts, real.
    used
        bool, same shape, the voxels whose counts are compared.
    rate
        Rate of an exponential prior, same shape; None is none.
    bounded, prior
        Bounds of amplitudes, and the prior of filled voxels; None is none.
    """

    def __init__(
        self,
        counts: Tensor,
        used: Tensor,
        *,
        rate: Tensor | None = None,
        bounded: Bounded | None = None,
        prior: Prior | None = None,
    ) -> None:
        self.counts, self.used = counts + FLOOR, used.to(counts.dtype)
        self.counts_used = self.counts * self.used
        self.rate, self.bounded, self.prior = rate, bounded, prior

    def compare(self, expected: Tensor) -> tuple[float, Tensor]:
        """Compute the value, and its derivative by the expected counts.

        Parameters
        ----------
        expected
            Expected counts λ, of the shape of the counts.
        """
        slope, sums = torch.empty_like(expected), []
        parts = in_parts(expected, self.counts, self.used, self.counts_used, slope)
        for calculated, counts, used, counts_used, out in parts:
            raised = calculated + FLOOR
            torch.addcdiv(used, counts_used, raised, value=-1, out=out)
            ratio = raised.div_(counts)
            sums.append(ratio.log().neg_().add_(ratio).sub_(1).mul_(counts_used).sum())
        value = float(torch.stack(sums).double().sum())
        if self.rate is not None:
            value += float((self.rate * expected).sum(-1).double().sum())
            slope += self.rate
        for given, compared in ((self.bounded, _beyond), (self.prior, _apart)):
            if given is not None:
                voxels, *known = given
                more, by = compared(expected.flatten()[voxels], *known)
                value += more
                slope.view(-1).index_add_(0, voxels, by)
        return value, slope


def _beyond(expected: Tensor, lower: Tensor, upper: Tensor) -> tuple[float, Tensor]:
    """Twice the squared excess of amplitudes over their bounds, and its derivative."""
    amplitude = (expected + FLOOR).sqrt()
    beyond = amplitude - amplitude.clamp(lower, upper)
    return 2 * float(beyond.square().sum(dtype=torch.float64)), 2 * beyond / amplitude


def _apart(expected: Tensor, level: Tensor, precision: Tensor) -> tuple[float, Tensor]:
    """Half the squared distance of log(1 + λ) from its mean in standard deviations, and its derivative."""
    expected = expected.clamp(min=0)
    apart = torch.log1p(expected) - level
    slope = precision * apart
    return float((slope * apart).sum(dtype=torch.float64)) / 2, slope / (1 + expected)
