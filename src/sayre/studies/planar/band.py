"""What the band of 2D patterns tells of their gaps, scored as fillings are."""

from __future__ import annotations

import numpy as np

from sayre.numerics.limit import BandLimit
from sayre.studies.planar.judged import Floats, Judged, Judgement, Scores, correlations


class Bands:
    """Band limits of patterns.

    Parameters
    ----------
    expected
        Noise-free counts, float32 `(patterns, side, side)`.
    oversampling
        Ratio of each pattern, that of its longer axis: the shorter one has a narrower band.
    """

    def __init__(self, expected: Floats, oversampling: Scores) -> None:
        self.limits = [
            BandLimit(image, ratio) for image, ratio in zip(expected, oversampling.tolist(), strict=True)
        ]

    def judge(self, judged: Judged, linear: Floats, gap: int) -> Judgement:
        """Score what the band allows in the gap of every pattern.

        Parameters
        ----------
        judged
            The patterns.
        linear
            Their `log(1 + I)` filled by linear interpolation.
        gap
            Pixels across the gap; for a cross, across either arm.
        """
        masks = judged.masks
        counts, expected, reference = (
            values[masks].reshape(len(masks), -1).astype(np.float64)
            for values in (judged.logarithms, np.log1p(judged.expected), linear)
        )
        pairs = list(zip(self.limits, masks, strict=True))
        best = np.array([limit.pearson(mask, gap) for limit, mask in pairs])
        error = np.array([limit.log_error(mask, gap) for limit, mask in pairs])
        yardstick = np.mean((reference - expected) ** 2, axis=1)
        return Judgement(
            pearson=best * correlations(expected, counts),
            pearson_expected=best,
            pearson_counts=np.full(len(masks), np.nan),
            ratio=np.where(yardstick > 0, error / np.where(yardstick > 0, yardstick, 1), np.nan),
        )
