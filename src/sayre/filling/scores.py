"""Cut a gap into measured data, fill it by every method, and score what comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.data.option import SettingError
from sayre.errors import InputError
from sayre.filling.fill import inpaint
from sayre.filling.settings import FillingSettings, Method
from sayre.numerics import metrics

COMPARED: tuple[Method, ...] = tuple(m for m in get_args(Method) if m != "auto")


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well one method filled one gap.

    `ratio` is the log error over that of linear interpolation; `floor` the log error that the truth
    itself would make by photon noise; `covered` the fraction of gap voxels within 1 and 2 predicted
    standard errors, photon noise included (NaN where the method states no error). `position` is the first
    plane of the gap along `axis` and `distance` that of its middle from the brightest voxel.
    """

    method: str
    width: int
    axis: int = -1
    position: int = -1
    distance: int = 0
    pearson_log: float
    pearson_linear: float
    log_error: float
    ratio: float
    floor: float
    covered_1: float
    covered_2: float
    seconds: float


def cut_gap(pattern: Pattern, axis: int, position: int, width: int) -> tuple[Pattern, NDArray[np.bool_]]:
    """Mask the planes `position … position + width − 1` along `axis`.

    Parameters
    ----------
    pattern
        Measured where the gap is cut.
    axis
        Across the gap.
    position
        First plane of the gap.
    width
        Planes.

    Returns
    -------
    The pattern with the gap, and which of its voxels were measured before.

    Raises
    ------
    InputError
        An axis or a position outside the array, or no measured voxel to compare with.
    """
    what = pattern.name
    if not 0 <= axis < len(pattern.shape):
        raise InputError(f"{what}: axis {axis} of {len(pattern.shape)}-dimensional counts; 0 is the first")
    if width < 1 or not 1 <= position <= pattern.shape[axis] - width - 1:
        raise InputError(
            f"{what}: a gap of {width} at {position} does not lie inside axis {axis} of {pattern.shape[axis]}"
        )
    gap = np.zeros(pattern.shape, bool)
    gap[tuple(slice(position, position + width) if i == axis else slice(None) for i in range(gap.ndim))] = (
        True
    )
    known = gap & ~pattern.mask
    if not known.any():
        raise InputError(f"{what}: nothing was measured in the gap asked for; choose another `position=`")
    return pattern.with_mask(gap), known


def evaluate(
    pattern: Pattern,
    *,
    width: int,
    axis: int,
    position: int,
    methods: Sequence[Method] = COMPARED,
    truth: NDArray[np.float32] | None = None,
    seed: int = 0,
    settings: FillingSettings | None = None,
    device: str = "auto",
) -> list[Score]:
    """Score methods of filling on one gap.

    Parameters
    ----------
    pattern
        Measured where the gap is cut.
    width, axis, position
        Planes of the gap, the axis across it, and its first plane.
    methods
        Names of the methods.
    truth
        Noise-free expectation where it is known (simulation), float32 of the pattern's shape; without it the
        counts that the gap hides are the truth, and photon noise is added to the predicted error.
    seed
        Of the random numbers that split counts that are tied.
    settings
        Stride and weights of the network.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    InputError
        A gap that does not fit or in which nothing was measured; as `inpaint`.
    """
    gapped, known = cut_gap(pattern, axis, position, width)
    peak = int(np.unravel_index(np.argmax(pattern.intensity), pattern.shape)[axis])
    linear = inpaint(gapped, method="linear").intensity
    scores = []
    for method in methods:
        started = time.perf_counter()
        filled = inpaint(gapped, settings, method=method, device=device)
        seconds = time.perf_counter() - started
        scored = score(
            filled, known, truth=truth, counts=pattern.intensity, linear=linear, seconds=seconds, seed=seed
        )
        distance = position + (width - 1) // 2 - peak
        scores.append(replace(scored, width=width, axis=axis, position=position, distance=distance))
    return scores


def score(
    filled: FilledPattern,
    known: NDArray[np.bool_],
    *,
    truth: NDArray[np.float32] | None = None,
    counts: NDArray[np.float32] | None = None,
    linear: NDArray[np.float32] | None = None,
    seconds: float = float("nan"),
    seed: int = 0,
) -> Score:
    """Score a filling on the voxels `known`, against the expectation `truth` or else measured `counts`.

    `linear` is the linear fill of the same gap; it is made where it is not given.

    Parameters
    ----------
    filled
        The filling.
    known
        bool, of the pattern's shape: the voxels to score.
    truth
        Noise-free expectation, float32; None takes `counts`.
    counts
        Measured counts that the gap hid, float32.
    linear
        Counts of the linear filling of the same gap; computed where it is not given.
    seconds
        Time that the filling took.
    seed
        Of the random numbers that spread tied counts.
    """
    reference = counts if truth is None else truth
    if reference is None:
        raise ValueError("score: needs truth or counts")
    if linear is None:
        linear = inpaint(filled.pattern, method="linear").intensity
    estimate, sigma, target = filled.intensity[known], filled.sigma[known], reference[known]
    if np.isnan(sigma).any():
        inside = (float("nan"), float("nan"))
    elif truth is not None:
        inside = (
            metrics.coverage(estimate, sigma, target),
            metrics.coverage(estimate, sigma, target, width=2),
        )
    else:
        z = np.abs(metrics.predictive_z(estimate, sigma, target, np.random.default_rng(seed)))
        inside = (float(np.mean(z <= 1)), float(np.mean(z <= 2)))
    return Score(
        method=filled.method,
        width=max(gap.width for gap in filled.pattern.gaps),
        pearson_log=metrics.pearson(estimate, target),
        pearson_linear=metrics.pearson(estimate, target, log=False),
        log_error=metrics.log_error(estimate, target),
        ratio=metrics.log_error_ratio(estimate, target, linear[known]),
        floor=metrics.noise_floor(estimate) if truth is None else 0.0,
        covered_1=inside[0],
        covered_2=inside[1],
        seconds=seconds,
    )


def summarise(scores: Sequence[Score]) -> list[Score]:
    """One row a method and width: the mean over places of every number."""
    rows = []
    numbers = (
        "pearson_log",
        "pearson_linear",
        "log_error",
        "ratio",
        "floor",
        "covered_1",
        "covered_2",
        "seconds",
    )
    for method, width in dict.fromkeys((s.method, s.width) for s in scores):
        group = [s for s in scores if (s.method, s.width) == (method, width)]
        means = {name: float(np.mean([getattr(s, name) for s in group])) for name in numbers}
        rows.append(replace(group[0], **means))  # type: ignore[arg-type]
    return rows


def spread_positions(pattern: Pattern, *, axis: int, width: int) -> list[int]:
    """Eight gap positions along `axis`, half of them within ten voxels of the brightest, that stay inside.

    Parameters
    ----------
    pattern
        Where the gaps are to be cut.
    axis
        Across the gaps.
    width
        Planes of a gap.
    """
    if not 0 <= axis < len(pattern.shape):
        raise SettingError("axis", f"{axis} of {len(pattern.shape)}-dimensional counts; 0 is the first")
    n = pattern.shape[axis]
    peak = int(np.unravel_index(np.argmax(pattern.intensity), pattern.shape)[axis])
    centres = [peak + offset for offset in (-36, -28, -20, -8, -4, 4, 8, 20, 28, 36)]
    inside = sorted({c - (width - 1) // 2 for c in centres})
    return [p for p in inside if 1 <= p <= n - width - 1] or [max((n - width) // 2, 1)]
