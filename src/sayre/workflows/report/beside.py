"""What the filling of a gap is shown beside: interpolation, the counts of the phased crystal, the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern
from sayre.figures.profile import REACH, TRUTH, places_across
from sayre.filling.classical import CLASSICAL
from sayre.retrieval.phased import Phased

Counts = NDArray[np.floating]
SIDE = 12
"""Voxels around a line that interpolation is given."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is known beside a run.

    Attributes
    ----------
    fillings
        The same gaps filled by other methods, by their names.
    truth
        Counts without gap and noise; None where they are not known.
    remarks
        Sentences on how the fillings compare with the truth.
    """

    fillings: Mapping[str, Counts] = field(default_factory=dict)
    truth: Counts | None = None
    remarks: tuple[str, ...] = ()


def lines_beside(filled: FilledPattern, phased: Phased, known: Beside) -> dict[str, Counts]:
    """Counts along the lines across the gaps, of other methods and of the phased crystal, by their names.

    Parameters
    ----------
    filled
        Filled counts, whole.
    phased
        Result of phase retrieval of a part of them.
    known
        Fillings of other methods; where there are none, linear and cubic interpolation are made,
        except that which filled the gaps.
    """
    found: dict[str, Counts] = {
        name: np.where(filled.mask, values, np.nan) for name, values in known.fillings.items()
    }
    if not found:
        others = [name for name in ("linear", "cubic") if name != filled.method]  # its line is drawn already
        found = {name: _interpolated(filled, name) for name in others}
    crystal = expected_in(filled, phased)
    if crystal is not None:
        found["scattered by the phased crystal"] = crystal
    if known.truth is not None:
        found[TRUTH] = np.asarray(known.truth)
    return found


def _interpolated(filled: FilledPattern, method: str) -> Counts:
    """The gaps around the lines across them filled by interpolation; NaN elsewhere."""
    found = np.full(filled.shape, np.nan)
    for axis, place in places_across(filled).items():
        box = tuple(
            slice(max(p - (2 * REACH if i == axis else SIDE), 0), p + (2 * REACH if i == axis else SIDE) + 1)
            for i, p in enumerate(place)
        )
        mask = filled.mask[box]
        if mask.all():
            continue
        log = np.where(mask, 0, np.log1p(filled.pattern.intensity[box])).astype(np.float32)
        values = np.expm1(CLASSICAL[method](log, mask))
        found[box] = np.where(mask, values, np.nan)
    return found


def expected_in(pattern: AnyPattern, phased: Phased) -> Counts | None:
    """Counts that the phased crystal scatters, in the array of the pattern; NaN beyond the phased part.

    None where voxels were binned.

    Parameters
    ----------
    pattern
        What a part of was phased.
    phased
        Result of phase retrieval.
    """
    ndim = len(pattern.shape)
    own, other = (meta.binning or (1,) * ndim for meta in (pattern.meta, phased.pattern.meta))
    if tuple(own) != tuple(other):
        return None
    start = [
        (inner - outer) // step
        for inner, outer, step in zip(phased.origin, pattern.meta.origin or (0,) * ndim, own, strict=True)
    ]
    found = np.full(pattern.shape, np.nan)
    into = tuple(
        slice(max(s, 0), min(s + n, m))
        for s, n, m in zip(start, phased.expected.shape, pattern.shape, strict=True)
    )
    source = tuple(slice(part.start - s, part.stop - s) for part, s in zip(into, start, strict=True))
    if any(part.stop <= part.start for part in into):
        return None
    found[into] = phased.expected[source]
    return found
