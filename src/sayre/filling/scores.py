"""Cut a gap into measured data, fill it by every method, and score what comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre.data import FilledPattern, Pattern
from sayre.filling.coverage import Covered, covered_by_class, pooled
from sayre.filling.cuts import cut_gap
from sayre.filling.fill import inpaint
from sayre.filling.gain import photon_gain
from sayre.filling.settings import FillingSettings, Method
from sayre.numerics import metrics

COMPARED: tuple[Method, ...] = tuple(m for m in get_args(Method) if m not in ("auto", "crystal"))
"""Methods that are compared unless others are named: `crystal` takes a minute a gap."""


BRIGHT = 5.0
"""Expected counts above which a voxel is bright."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well one method filled one gap.

    Attributes
    ----------
    method, width, axis, position, distance
        The method; the planes of the gap, the axis across it and its first plane; and how far its middle is
        from the brightest voxel along the axis.
    pearson_log, pearson_linear, ceiling
        Correlations of log counts and of counts, and the linear correlation that the true expectation would
        have with the hidden counts.
    log_error, ratio, floor
        Log error, the same over that of linear interpolation, and the log error that photon noise leaves to
        the true expectation (0 against noise-free counts).
    bright_ratio, bright_floor
        `ratio`, and the floor over the log error of linear interpolation, in voxels above `BRIGHT` expected
        counts; NaN where there are none.
    sum_ratio, bright_sum
        Sum of the filled counts over that of the hidden ones, in the gap and in its bright voxels.
    root_error, root_floor
        Mean squared error of the root of the counts, and what photon noise leaves of it.
    covered_1, covered_2, classes
        Fraction of voxels within 1 and 2 predicted standard errors, photon noise included where the truth is
        counts (NaN where the method states no error); and the same by class of expected counts.
    seconds
        Time of the filling.
    """

    method: str
    width: int
    axis: int = -1
    position: int = -1
    distance: int = 0
    pearson_log: float
    pearson_linear: float
    ceiling: float = 1.0
    log_error: float
    ratio: float
    floor: float
    bright_ratio: float = float("nan")
    bright_floor: float = float("nan")
    sum_ratio: float = float("nan")
    bright_sum: float = float("nan")
    root_error: float = float("nan")
    root_floor: float = 0.0
    covered_1: float
    covered_2: float
    classes: tuple[Covered, ...] = ()
    seconds: float


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

    Counts with a `readout` are scored with its square added, as they scatter as photons do then.

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
    if pattern.readout and truth is not None:
        truth = truth + np.float32(pattern.readout**2)
    pattern = pattern.as_photons()
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
    estimate, sigma, target, line = (a[known] for a in (filled.intensity, filled.sigma, reference, linear))
    gain = photon_gain(filled.pattern)
    z = _standard_scores(estimate, sigma, target, seed, gain, exact=truth is not None)
    light = expected_light(reference, filled.pattern.mask & ~known) if truth is None else reference
    bright = light[known] > BRIGHT
    base = metrics.log_error(line[bright], target[bright]) if bright.any() else 0.0
    peak = np.unravel_index(int(np.argmax(reference)), reference.shape)
    far = np.linalg.norm(np.argwhere(known) - np.array(peak), axis=1)
    return Score(
        method=filled.method.partition(" of ")[0],
        width=max(gap.width for gap in filled.pattern.gaps),
        pearson_log=metrics.pearson(estimate, target),
        pearson_linear=metrics.pearson(estimate, target, log=False),
        ceiling=metrics.pearson_ceiling(target / np.float32(gain)) if truth is None else 1.0,
        log_error=metrics.log_error(estimate, target),
        ratio=metrics.log_error_ratio(estimate, target, line),
        floor=_noise_floor(estimate, gain) if truth is None else 0.0,
        bright_ratio=metrics.log_error(estimate[bright], target[bright]) / base if base else float("nan"),
        bright_floor=(_noise_floor(estimate[bright], gain) if truth is None else 0.0) / base
        if base
        else float("nan"),
        sum_ratio=_share(estimate, target),
        bright_sum=_share(estimate[bright], target[bright]),
        root_error=metrics.root_error(estimate, target),
        root_floor=gain * metrics.root_floor(estimate / gain) if truth is None else 0.0,
        covered_1=float("nan") if z is None else float(np.mean(np.abs(z) <= 1)),
        covered_2=float("nan") if z is None else float(np.mean(np.abs(z) <= 2)),
        classes=() if z is None else covered_by_class(z, estimate, far),
        seconds=seconds,
    )


def expected_light(counts: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Measured counts smoothed by a Gaussian of one voxel: which voxels are bright.

    Parameters
    ----------
    counts
        Photon counts, float32.
    mask
        bool, same shape; True where not measured.
    """
    measured = (~mask).astype(np.float32)
    smooth = gaussian_filter(counts * measured, 1.0)
    return np.asarray(smooth / np.maximum(gaussian_filter(measured, 1.0), np.float32(1e-3)))


def _noise_floor(estimate: NDArray[np.float32], gain: float) -> float:
    """Log error that noise leaves to the expectation: exact for photons, to first order for other counts."""
    if gain == 1:
        return metrics.noise_floor(estimate)
    counts = estimate.astype(np.float64)
    return float(np.mean(gain * counts / (1 + counts) ** 2))


def _share(estimate: NDArray[np.float32], target: NDArray[np.float32]) -> float:
    whole = float(target.sum(dtype=np.float64))
    return float(estimate.sum(dtype=np.float64)) / whole if whole > 0 else float("nan")


def _standard_scores(
    estimate: NDArray[np.float32],
    sigma: NDArray[np.float32],
    target: NDArray[np.float32],
    seed: int,
    gain: float,
    *,
    exact: bool,
) -> NDArray[np.float64] | None:
    """Standard scores of noise-free counts or of photon counts; None where no error is stated."""
    if np.isnan(sigma).any():
        return None
    if not exact:
        in_photons = sigma * (1 + estimate) / (gain + estimate)
        generator = np.random.default_rng(seed)
        return metrics.predictive_z(estimate / gain, in_photons, target / gain, generator)
    off = np.log1p(estimate.astype(np.float64)) - np.log1p(target.astype(np.float64))
    return np.asarray(off / np.maximum(sigma, 1e-12))


def summarise(scores: Sequence[Score]) -> list[Score]:
    """One row a method and width: the mean over places of every number, and all voxels of each class."""
    rows = []
    numbers = [f.name for f in fields(Score) if f.type == "float"]
    for method, width in dict.fromkeys((s.method, s.width) for s in scores):
        group = [s for s in scores if (s.method, s.width) == (method, width)]
        means = {name: _mean([getattr(s, name) for s in group]) for name in numbers}
        classes = pooled(s.classes for s in group)
        rows.append(replace(group[0], classes=classes, **means))  # type: ignore[arg-type]
    return rows


def _mean(values: list[float]) -> float:
    """Mean of the numbers that there are."""
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
