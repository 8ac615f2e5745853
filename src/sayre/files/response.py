"""What white and dark fields tell of the pixels of a detector."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

FACTOR = 5.0
"""A pixel of less than a fifth, or of more than five times the median response is not used: live pixels of
Timepix detectors, those at the seams of their chips too, lie between."""
FEW = 100
"""White fields of fewer counts a pixel add 10 % noise and more."""
SIGMAS = 5.0
STRAY = 2.0
"""Counts in the dark beyond the level of most pixels, and beyond five standard deviations of it, that are
no sign of a hot pixel."""
SPREADS = 10.0


class Response(NamedTuple):
    """`relative` is 1 in the median live pixel; `dead` pixels and those `too_bright` have none."""

    relative: NDArray[np.float32]
    dead: Mask
    too_bright: Mask

    @property
    def live(self) -> Mask:
        return ~(self.dead | self.too_bright)

    @property
    def even(self) -> bool:
        """Whether all live pixels respond alike, so that there is nothing to divide by."""
        return bool(np.ptp(self.relative[self.live]) <= 1e-6)


def response_of(white: NDArray[Any]) -> Response | None:
    """Compute the relative response of every pixel.

    None where no pixel of the white field is positive, or all are far from their median.

    Parameters
    ----------
    white
        Counts of an even illumination, or numbers in proportion to them; 2D, or 3D for each voxel.
    """
    white = np.asarray(white, np.float64)
    positive = np.isfinite(white) & (white > 0)
    if not positive.any():
        return None
    with np.errstate(over="ignore"):
        median = np.median(white[positive])
    too_bright = positive & (white > FACTOR * median)
    dead = ~positive | (positive & (white < median / FACTOR))
    live = ~(dead | too_bright)
    if not live.any():
        return None
    relative = np.where(live, white / np.median(white[live]), 1).astype(np.float32)
    return Response(relative, dead, too_bright)


class Dark(NamedTuple):
    """`hot` pixels, the `level` of most pixels, and whether most pixels count (`offset`)."""

    hot: Mask
    level: float
    offset: bool


def hot_in(dark: NDArray[Any]) -> Dark:
    """Find the pixels that count more without beam than stray photons in the others explain.

    Where most pixels hold nothing, the rate λ of stray counts is −log of the share of pixels without one, and
    a pixel of more than λ + 5 √λ + 2 counts is hot; the smallest value of an average of exposures is one
    count. Where most pixels count, a hot pixel is above the median m by more than 5 √m + 2 and by more than
    ten standard deviations of them, estimated by the median absolute deviation.

    Parameters
    ----------
    dark
        Counts of an exposure without beam; a pixel that is not finite is taken as hot.
    """
    dark = np.asarray(dark, np.float64)
    finite = np.isfinite(dark)
    values = dark[finite]
    level = float(np.median(values)) if values.size else 0.0
    if level > 0:
        spread = 1.4826 * float(np.median(np.abs(values - level)))
        limit = level + max(SPREADS * spread, SIGMAS * np.sqrt(level) + STRAY)
    else:
        one = (
            1.0 if np.array_equal(values, np.rint(values)) else float(values[values > 0].min(initial=np.inf))
        )
        rate = -float(np.log(np.mean(values <= 0))) if values.size else 0.0
        limit = one * (rate + SIGMAS * np.sqrt(rate) + STRAY)
    return Dark(~finite | (dark > limit), level, level > 0)
