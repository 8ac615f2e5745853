"""Scores of windows: correlation and structural similarity in the gap, beside what noise allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.numerics.metrics import log_error, noise_floor, pearson

Counts = NDArray[np.float32]
Mask = NDArray[np.bool_]

SPREAD = 1.5
"""Standard deviation of the window of the structural similarity, in voxels; that of the published loss."""


class WindowScore(NamedTuple):
    """How well a method filled the gap of a window; all of log counts.

    Attributes
    ----------
    pearson, ssim
        Correlation, and mean structural similarity of slices in the gap, with the counts.
    pearson_expected, ssim_expected
        The same with the noise-free counts; NaN where these are not known.
    log_error
        Mean squared error against the noise-free counts, or else the counts.
    """

    pearson: float
    ssim: float
    pearson_expected: float
    ssim_expected: float
    log_error: float


def scored(filled: Counts, counts: Counts, truth: Counts | None, known: Mask) -> WindowScore:
    """Score a filling.

    Parameters
    ----------
    filled, counts
        Of the window, float32.
    truth
        Its noise-free counts, or None.
    known
        Voxels of the gap that were measured.
    """
    with_counts = pearson(filled[known], counts[known]), similarity(filled, counts, known)
    with_truth = float("nan"), float("nan")
    if truth is not None:
        with_truth = pearson(filled[known], truth[known]), similarity(filled, truth, known)
    reference = counts if truth is None else truth
    return WindowScore(*with_counts, *with_truth, log_error(filled[known], reference[known]))


def similarity(filled: Counts, counts: Counts, where: Mask) -> float:
    """Return the structural similarity (Wang et al., IEEE Trans. Image Process. 13, 600, 2004) in a gap.

    It is that of the slices along the first axis, in `log(1 + counts)` scaled by the range of the window,
    averaged over the voxels of the gap.

    Parameters
    ----------
    filled, counts
        Of the window.
    where
        Voxels of the gap.
    """
    from skimage.metrics import structural_similarity

    a, b = np.log1p(filled.astype(np.float64)), np.log1p(counts.astype(np.float64))
    span = float(np.ptp(b)) or 1.0
    maps = np.stack(
        [
            structural_similarity(  # type: ignore[no-untyped-call]
                one,
                other,
                gaussian_weights=True,
                sigma=SPREAD,
                use_sample_covariance=False,
                data_range=span,
                full=True,
            )[1]
            for one, other in zip(a, b, strict=True)
        ]
    )
    return float(maps[where].mean())


def estimated_ceiling(filled: Counts, counts: Counts, known: Mask, gain: float) -> float:
    """Return the correlation that noise-free counts would have, where only a filling and counts are known.

    The share of the variance of the log counts that photon noise does not make is the square of it.

    Parameters
    ----------
    filled
        Stands for the noise-free counts.
    counts
        Measured.
    known
        Voxels of the gap that were measured.
    gain
        Counts of one photon.
    """
    light = filled[known].astype(np.float64)
    floor = noise_floor(light) if gain == 1 else float(np.mean(gain * light / (1 + light) ** 2))
    variance = float(np.var(np.log1p(counts[known].astype(np.float64))))
    return float(np.sqrt(max(1 - floor / variance, 0.0))) if variance > 0 else float("nan")
