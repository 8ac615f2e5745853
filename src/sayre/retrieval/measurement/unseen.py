"""The background that voxels tell which the object was not fitted to."""

from __future__ import annotations

import math

import torch
from scipy.ndimage import gaussian_filter

from sayre.retrieval.measurement.factors import factors
from sayre.retrieval.measurement.forward import Forward, Parameters

STEPS = 30
"""Newton steps."""
FACTOR, FAR = 1.25, 2.0
"""Factor between the values that are tried where the background is known already, and where it is not."""
LEAST = 1e-4
"""Least background, counts a voxel."""
WIDTH = 3.0
"""Standard deviation in voxels of the average that is least in the darkest surroundings."""
ENOUGH = 0.5
"""Least weight of voxels used in such an average, relative to the middle of the array."""


def darkest(forward: Forward) -> float:
    """Compute the mean counts of the darkest surroundings, which are at least the background.

    A background to begin from has to be too large: one that is too small is soon in the object, which then
    explains the free voxels too.

    Parameters
    ----------
    forward
        The model.
    """
    used = forward.used.double().cpu().numpy()
    weight = gaussian_filter(used, WIDTH, mode="wrap")
    average = gaussian_filter(used * forward.counts.double().cpu().numpy(), WIDTH, mode="wrap")
    enough = weight > ENOUGH * weight.max()
    return max(float((average[enough] / weight[enough]).min()), LEAST)


class BackgroundSearch:
    """Search for the background under which an object that is refined with it predicts the free voxels best.

    Three values are tried. The last one is where a parabola through them is least, by the logarithm of the
    background, or the best of them.

    Parameters
    ----------
    forward
        The model, with free voxels.
    known
        Whether the background is known already, more or less.
    """

    def __init__(self, forward: Forward, *, known: bool) -> None:
        self.forward, self.known = forward, known
        self.tried: list[tuple[float, float]] = []

    def after(self, p: Parameters) -> Parameters:
        """Return parameters with the background to be tried next.

        Parameters
        ----------
        p
            Parameters refined under the background that was returned before, or that of the beginning.
        """
        assert p.background is not None
        now = float(p.background.square())
        _, _, merit = self.forward.likelihoods(self.forward.expected(p))
        self.tried.append((math.log(max(now, LEAST)), merit))
        further = (self._second, self._third, self._last)[min(len(self.tried), 3) - 1](p)
        return p._replace(background=torch.full_like(p.background, max(further, LEAST) ** 0.5))

    def _second(self, p: Parameters) -> float:
        now = math.exp(self.tried[0][0])
        return now * FACTOR if self.known else min(self._of_free_voxels(p), now / FAR)

    def _third(self, p: Parameters) -> float:
        """Go further in the same way if that was better, else turn back."""
        (first, before), (second, after) = self.tried[:2]
        if self.known:
            return math.exp(2 * second - first if after < before else 2 * first - second)
        if after < before:
            return min(self._of_free_voxels(p), math.exp(second) / FAR)
        return math.exp((first + second) / 2)

    def _last(self, _: Parameters) -> float:
        return math.exp(_least(self.tried[:3]))

    def _of_free_voxels(self, p: Parameters) -> float:
        """Return the background under which the free voxels are most likely, given the object."""
        assert p.background is not None
        forward, before = self.forward, float(p.background.square())
        ones = torch.ones_like(forward.counts)
        unit = ones if p.gains is None else ones * factors(p.gains)
        unit = (unit * forward.background(p) / p.background.square())[forward.free].double()
        counts = forward.counts[forward.free].double()
        rest = (forward.expected(p)[forward.free].double() - before * unit).clamp(min=0)
        found = max(before, LEAST)
        for _ in range(STEPS):
            expected = rest + found * unit
            slope = float((unit * (1 - counts / expected)).sum())
            bend = float((unit.square() * counts / expected.square()).sum())
            found = max(found - slope / max(bend, 1e-12), found / 3, LEAST)
        return found


def _least(tried: list[tuple[float, float]]) -> float:
    """Return where a parabola through three points is least, if that is between them, or the best of them."""
    (a, fa), (b, fb), (c, fc) = sorted(tried)
    best = min(tried, key=lambda one: one[1])[0]
    if not a < b < c:
        return best
    left, right = (fb - fa) / (b - a), (fc - fb) / (c - b)
    bend = (right - left) / (c - a)
    if not bend > 0:
        return best
    return min(max((a + b) / 2 - left / (2 * bend), a), c)
