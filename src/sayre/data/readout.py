"""Counts below zero: how much dark voxels scatter, after a background was subtracted or by reading out."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sayre.errors import warn

Mask = NDArray[np.bool_]

BELOW_ZERO = 0.05
"""Share of negative values beyond which a background was subtracted."""
FEW = 2
"""Different negative values that mark gaps and dead pixels; more are left of a background."""
DEEPEST = 6.0
"""Standard deviations of the noise below zero beyond which a value is no count."""
DARK = 0.25
"""Share of the places, the darkest ones, whose scatter is that of dark voxels."""
THIRD = np.array([1.0, -3.0, 3.0, -1.0])
MOST, LEAST = 2**23, 1000
"""Voxels that are looked at at most; places that tell the scatter at least."""
UNLIKE, DEEP, MANY = 2.0, 4.0, 1e-3
"""Root of the mean square of negative values over the noise, and share of the voxels so many standard
deviations below zero, beyond which the values are not the noise of dark voxels."""


def scatter_of_dark(counts: NDArray[np.float32], missing: Mask) -> float | None:
    """Return the standard deviation of dark voxels; None where negative values are no noise around zero.

    It is that of the third differences of neighbours in a row, in which a smooth pattern vanishes, where the
    mean of those in the next row is lowest: their own mean would choose those that came out dim by chance.

    Parameters
    ----------
    counts
        Finite where not missing, 2D or 3D.
    missing
        bool, same shape.
    """
    every = max(counts.size // MOST, 1)
    seen, known = counts[::every].astype(np.float64), ~missing[::every]
    if seen.shape[-1] < 4 or seen.shape[-2] < 2:
        return None
    quads = sliding_window_view(seen, 4, -1)
    whole = np.logical_and.reduce(sliding_window_view(known, 4, -1), -1)
    both = whole[..., :-1, :] & whole[..., 1:, :]
    mean, third = quads[..., 1:, :, :].sum(-1)[both], (quads[..., :-1, :, :] @ THIRD)[both]
    if mean.size < LEAST:
        return None
    dark = mean <= np.quantile(mean, DARK)
    third = np.abs(third[dark])
    usual = 1.5 * float(np.median(third))
    if usual:
        third = third[third < DEEPEST * usual]
    noise = float(np.sqrt(np.mean(third**2) / (THIRD @ THIRD)))
    values = seen[known]
    below = values[(values < 0) & (values > -DEEPEST * noise)]
    if not below.size or np.sqrt(np.mean(below**2)) > UNLIKE * noise:
        return None
    return noise if np.mean(values < -DEEP * noise) < MANY else None


def noise_below_zero(intensity: NDArray[np.float32], missing: NDArray[np.bool_], what: str) -> float:
    """Say so where many values are negative; return the noise with which they are used, 0 where they are not.

    Parameters
    ----------
    intensity
        2D or 3D, any real numbers.
    missing
        bool, same shape.
    what
        Name that opens the message.
    """
    below, values = 0, set()
    with np.errstate(invalid="ignore"):
        for counts, mask in zip(intensity, missing, strict=True):  # frame by frame, for large arrays
            found = counts[(counts < 0) & (counts > -np.inf) & ~mask]
            below += found.size
            values |= set(map(float, found[:9]))
    if below <= max(BELOW_ZERO * intensity.size, 100) or len(values) <= FEW:
        return 0.0
    bad = missing | ~np.isfinite(intensity)
    noise = scatter_of_dark(np.where(bad, np.float32(0), intensity), bad)
    share = f"{what}: {100 * below / intensity.size:.2g} % of the values are negative"
    if noise is None:
        warn(
            f"{share}, but not as noise around zero is; they are masked, so that what is left of dark voxels "
            "is too bright, and so is what is filled there; counts before the subtraction would do"
        )
        return 0.0
    warn(
        f"{share}, as after the subtraction of a background; masked, they would leave a one-sided sample "
        f"of dark voxels; they are used, with a standard deviation of {noise:.3g} counts in the dark"
    )
    return noise


def without_bad(intensity: NDArray[np.float32], missing: NDArray[np.bool_], least: float) -> int:
    """Mask in place what is no count, or below the least; return how many voxels that are.

    Parameters
    ----------
    intensity
        2D or 3D; 0 where masked, in the end.
    missing
        bool, same shape.
    least
        Least count.
    """
    newly = 0
    for counts, mask in zip(intensity, missing, strict=True):  # frame by frame, for large arrays
        with np.errstate(invalid="ignore"):
            bad = ~(np.isfinite(counts) & (counts >= least)) & ~mask
        newly += int(np.count_nonzero(bad))
        mask |= bad
        counts[mask] = 0
    return newly
