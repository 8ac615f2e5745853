"""Patterns that the 2D networks are judged by, and the scores of what fills their gaps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.filling.classical import linear_fill
from sayre.filling.wiener import wiener_fill
from sayre.simulation.planar import draw_patterns, gap_mask
from sayre.simulation.processes import one_thread_each, workers
from sayre.studies.planar.scale import Scale

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]

TEST_SEED = 10_001
"""Added to the seed: patterns of the tests are none of the training."""
SHARE = 10
"""Patterns that a process fills at a time."""
FEW = 200
CLASSICAL: Mapping[str, Callable[[Floats, Mask], Any]] = {"linear": linear_fill, "wiener": wiener_fill}


@dataclass(frozen=True)
class Judged:
    """Patterns with gaps: counts, noise-free counts, masks, `(patterns, side, side)`; oversampling ratios."""

    counts: Floats
    expected: Floats
    masks: Mask
    oversampling: Scores

    @cached_property
    def logarithms(self) -> Floats:
        """Logarithm of the counts."""
        return np.log1p(self.counts)


class Judgement(NamedTuple):
    """Scores of every pattern, float64 `(patterns,)`; NaN where one is not defined.

    Attributes
    ----------
    pearson
        Correlation of `log(1 + I)` in the gap with the counts, eq. 4.1.
    pearson_expected
        The same with the noise-free counts.
    pearson_counts
        Correlation of the counts themselves.
    ratio
        Squared error of `log(1 + I)` against the noise-free counts, over that of linear interpolation.
    """

    pearson: Scores
    pearson_expected: Scores
    pearson_counts: Scores
    ratio: Scores


def judged_patterns(scale: Scale, seed: int, gap: int, *, cross: bool) -> Judged:
    """Draw patterns with a gap at a random place; the patterns are the same for every gap.

    Parameters
    ----------
    scale
        Size of the study.
    seed
        Seed of the study.
    gap
        Pixels across the gap.
    cross
        Whether the gaps are crosses.
    """
    drawn = draw_patterns(scale.population, scale.tests, seed + TEST_SEED)
    generator = np.random.default_rng((seed, TEST_SEED))
    places = generator.random((2, scale.tests))
    side = scale.population.side
    starts = (places * (side - gap + 1)).astype(int)
    masks = [gap_mask(side, gap, column, row if cross else None) for column, row in starts.T.tolist()]
    return Judged(drawn.counts, drawn.expected, np.stack(masks), drawn.oversampling)


def fill_classically(name: str, logarithms: Floats, masks: Mask, *, processes: int | None = None) -> Floats:
    """Fill the gaps of patterns by a method that is not trained.

    Parameters
    ----------
    name
        "linear" or "wiener".
    logarithms
        `log(1 + I)`, float32 `(patterns, side, side)`.
    masks
        The gaps, same shape.
    processes
        Processes that fill; by default one for each processor. Few patterns are filled in this one.
    """
    shares = [slice(first, first + SHARE) for first in range(0, len(masks), SHARE)]
    processes = min(processes or os.cpu_count() or 1, len(shares))
    if processes == 1 or len(masks) < FEW or name == "linear":
        return _fill_share(name, logarithms, masks)
    with one_thread_each(), workers(processes) as submit:
        waiting = [submit(_fill_share, name, logarithms[part], masks[part]) for part in shares]
        return np.concatenate([done.result() for done in waiting])


def _fill_share(name: str, logarithms: Floats, masks: Mask) -> Floats:
    filled = [CLASSICAL[name](image, mask) for image, mask in zip(logarithms, masks, strict=True)]
    return np.stack([image[0] if isinstance(image, tuple) else image for image in filled])


def judge(judged: Judged, filled: Floats, linear: Floats) -> Judgement:
    """Score filled patterns.

    Parameters
    ----------
    judged
        The patterns.
    filled
        `log(1 + I)` with the gaps filled, float32, same shape.
    linear
        The same filled by linear interpolation.
    """
    got, counts, expected, yardstick = (
        values[judged.masks].reshape(len(judged.masks), -1).astype(np.float64)
        for values in (filled, judged.counts, judged.expected, linear)
    )
    counts, expected = np.log1p(counts), np.log1p(expected)
    error, reference = (np.mean((x - expected) ** 2, axis=1) for x in (got, yardstick))
    return Judgement(
        pearson=correlations(got, counts),
        pearson_expected=correlations(got, expected),
        pearson_counts=correlations(np.expm1(got), np.expm1(counts)),
        ratio=np.where(reference > 0, error / np.where(reference > 0, reference, 1), np.nan),
    )


def correlations(a: Scores, b: Scores) -> Scores:
    """Compute Pearson's correlation of each row of two arrays, NaN where a row is constant.

    Parameters
    ----------
    a, b
        float64 `(rows, values)`.
    """
    a, b = (x - x.mean(axis=-1, keepdims=True) for x in (a, b))
    norms = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    return np.where(norms > 1e-12, (a * b).sum(axis=-1) / np.where(norms > 1e-12, norms, 1), np.nan)


def geometric_mean(values: Scores) -> float:
    """Return the geometric mean of the positive values, NaN of none."""
    known = values[np.isfinite(values) & (values > 0)]
    return float(np.exp(np.log(known).mean())) if len(known) else float("nan")
