"""A vertical gap that is moved across patterns, and filled at every place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from torch import nn

from sayre.filling.planar import fill_planar
from sayre.simulation.planar import gap_mask
from sayre.studies.planar.judged import Floats, Judged, Scores


class Place(NamedTuple):
    """Patterns with a gap from a column on, and filled by name of the method: `log(1 + I)`."""

    start: int
    judged: Judged
    filled: dict[str, Floats]


def sweep(
    counts: Floats, expected: Floats, oversampling: Scores, gap: int, networks: Mapping[str, nn.Module]
) -> Iterator[Place]:
    """Yield the patterns filled at every place of the gap, from left to right.

    Parameters
    ----------
    counts, expected
        Counts with and without noise, float32 `(patterns, side, side)`.
    oversampling
        Ratio of each pattern.
    gap
        Pixels across the gap.
    networks
        Networks by name; linear interpolation ("linear") and the noise-free counts ("expectation") are added.
    """
    side, free = counts.shape[-1], np.log1p(expected)
    for start in range(side - gap + 1):
        mask = gap_mask(side, gap, start)
        judged = Judged(counts, expected, np.repeat(mask[None], len(counts), axis=0), oversampling)
        filled = {"linear": fill_rows(judged.logarithms, start, gap), "expectation": free}
        filled |= {name: fill_planar(network, counts, judged.masks) for name, network in networks.items()}
        yield Place(start, judged, filled)


def fill_rows(logarithms: Floats, start: int, gap: int) -> Floats:
    """Fill a vertical gap by linear interpolation along the rows, as `linear_fill` does one by one.

    Parameters
    ----------
    logarithms
        `log(1 + I)`, float32 `(…, side)`.
    start, gap
        First column of the gap, and columns across it.
    """
    end = start + gap
    before, behind = max(start - 1, -1), end if end < logarithms.shape[-1] else -1
    edges = [logarithms[..., column, None] for column in (before, behind) if column >= 0]
    weights = np.arange(1, gap + 1, dtype=np.float32) / np.float32(gap + 1)
    filled = logarithms.copy()
    filled[..., start:end] = edges[0] + (edges[-1] - edges[0]) * weights
    return filled
