"""The published accuracy: windows of one pattern with a gap in the middle, averaged by their counts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.filling.classical import linear_fill
from sayre.filling.network.predictor import load_predictor
from sayre.numerics.metrics import pearson
from sayre.studies.spatial.intensity import CLASSES, HALF
from sayre.studies.spatial.patterns import crystal
from sayre.studies.study import StudySettings

Floats = NDArray[np.float32]
WINDOWS, QUICK_WINDOWS = (128, 1000), (64, 40)
"""Side of the pattern, and windows cut from it."""
TOGETHER = 16
"""Windows that are filled at a time."""


class Windows(NamedTuple):
    """Windows to judge a network on.

    Attributes
    ----------
    logs
        `log(1 + I)` without noise, `(windows, 32, 32, 32)`.
    gap
        bool `(32, 32, 32)`, a plane across the first axis.
    """

    logs: Floats
    gap: NDArray[np.bool_]

    def score(self, filled: Floats) -> float:
        """Return the correlation in the gap, averaged in classes of the mean of the windows.

        Parameters
        ----------
        filled
            Like `logs`, with what a method put into the gap.
        """
        levels = self.logs.mean(axis=(1, 2, 3))
        edges = np.linspace(levels.min(), levels.max(), CLASSES + 1)
        which = np.clip(np.digitize(levels, edges) - 1, 0, CLASSES - 1)
        found = np.array(
            [pearson(a[self.gap], b[self.gap], log=False) for a, b in zip(filled, self.logs, strict=True)]
        )
        known = np.isfinite(found)
        return float(np.mean([found[known & (which == n)].mean() for n in np.unique(which[known])]))

    @property
    def linear(self) -> float:
        """Score of linear interpolation."""
        return self.score(np.stack([linear_fill(log, self.gap) for log in self.logs]).astype(np.float32))


def windows_of(settings: StudySettings, width: int) -> Windows:
    """Cut windows at random places of a pattern without noise, as published.

    Parameters
    ----------
    settings
        The quick form has a smaller pattern and fewer windows.
    width
        Voxels across the gap.
    """
    side, many = QUICK_WINDOWS if settings.quick else WINDOWS
    generator = np.random.default_rng(settings.seed)
    logs = np.log1p(crystal(side, generator).expectation)
    cut = []
    for _ in range(many):
        place = generator.integers(HALF, side - HALF + 1, 3)
        window = logs[tuple(slice(int(at) - HALF, int(at) + HALF) for at in place)]
        cut.append(np.moveaxis(window, int(generator.integers(3)), 0))
    gap = np.zeros((2 * HALF,) * 3, bool)
    first = HALF - width // 2
    gap[first : first + width] = True
    return Windows(np.stack(cut).astype(np.float32), gap)


def accuracy(weights: Path, windows: Windows, device: str) -> float:
    """Return the accuracy of a network on windows.

    Parameters
    ----------
    weights
        File of its weights.
    windows
        To judge it on.
    device
        `auto`, `cpu` or `cuda`.
    """
    predictor = load_predictor(weights, device)
    filled = windows.logs.copy()
    for first in range(0, len(filled), TOGETHER):
        part = np.where(windows.gap, np.float32(0), windows.logs[first : first + TOGETHER])
        mask = np.broadcast_to(windows.gap.astype(np.float32), part.shape).copy()
        nothing = np.zeros_like(part)
        mean, _ = predictor(part, nothing, mask, nothing, nothing, nothing)
        filled[first : first + TOGETHER][:, windows.gap] = mean[:, windows.gap]
    return windows.score(filled)
