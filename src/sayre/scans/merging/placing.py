"""Scans on the grid of one of them, with which most of the others agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import InputError
from sayre.scans.merging.agreement import correlation
from sayre.scans.merging.moving import POINTS, Moved, moved
from sayre.scans.merging.register import Registered, register
from sayre.scans.merging.settings import MergeSettings

SURE = 2.0
"""Standard errors by which a correlation must be too small for a scan to be left out."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A scan on the grid of a reference.

    Attributes
    ----------
    found
        Shift and scale with their errors; None where no place was found.
    shift
        By how many voxels counts were moved: whole ones along axes where settings or error allow.
    counts, compared
        The counts there; and as they are compared, resampled by as many voxels as the shift was found by.
    why
        Why no place was found.
    """

    found: Registered | None = None
    shift: tuple[float, ...] = ()
    counts: Moved | None = None
    compared: Moved | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """All scans on the grid of one of them, and the correlations of every two with their errors."""

    reference: int
    places: tuple[Place, ...]
    correlations: NDArray[np.float64]
    errors: NDArray[np.float64]

    def agreeing(self, least: float) -> NDArray[np.bool_]:
        """Which scans correlate with the reference at least so much, as far as the error allows.

        Parameters
        ----------
        least
            Correlation that is needed.
        """
        row = self.reference
        return np.asarray(self.correlations[row] + SURE * self.errors[row] >= least)


def placed_scans(scans: Sequence[Pattern], settings: MergeSettings) -> Placed:
    """Put scans on the grid of the first with which more than half of the others agree, or else most.

    Parameters
    ----------
    scans
        Two or more.
    settings
        Of the merging.
    """
    best, most = None, 0
    for reference in range(1 if len(scans) == 2 else len(scans)):
        now = _on(reference, scans, settings)
        agreeing = int(now.agreeing(settings.correlation).sum())
        if best is None or agreeing > most:
            best, most = now, agreeing
        if 2 * (agreeing - 1) > len(scans) - 1:
            break
    assert best is not None
    return best


def _on(reference: int, scans: Sequence[Pattern], settings: MergeSettings) -> Placed:
    ours = scans[reference]
    photons, places = ours.as_photons(), []
    for number, scan in enumerate(scans):
        if number == reference:
            places.append(_moved(_in_place(len(ours.shape)), ours, ours, 0))
            continue
        try:
            found = register(photons, scan.as_photons())
        except InputError as error:
            places.append(Place(why=str(error).removeprefix(f"{scan.name}: ")))
            continue
        places.append(_moved(found, scan, ours, settings.whole))
    matrix, errors = np.full((2, len(scans), len(scans)), np.nan)
    for i, a in enumerate(places):
        for j, b in enumerate(places[:i]):
            if a.compared is not None and b.compared is not None:
                alike = correlation(a.compared, b.compared)
                matrix[i, j] = matrix[j, i] = alike.value
                errors[i, j] = errors[j, i] = alike.error
        matrix[i, i], errors[i, i] = 1.0, 0.0
    return Placed(reference=reference, places=tuple(places), correlations=matrix, errors=errors)


def _in_place(axes: int) -> Registered:
    """How the reference lies on itself."""
    nothing = (0.0,) * axes
    return Registered(shift=nothing, error=nothing, scale=1.0, scale_error=0.0, points=POINTS)


def _moved(found: Registered, scan: Pattern, ours: Pattern, whole: float) -> Place:
    """Put a scan on the grid of the reference; compared at the shift found, whatever `whole` is."""

    def at(shift: tuple[float, ...], points: int) -> Moved:
        return moved(scan.intensity, ~scan.mask, shift, ours.shape, readout=scan.readout, points=points)

    near, nearest = _rounded(found, whole), _rounded(found, min(whole, MergeSettings().whole))
    counts = at(near, POINTS)
    same = near == nearest and (found.points == POINTS or all(s == round(s) for s in near))
    return Place(
        found=found, shift=near, counts=counts, compared=counts if same else at(nearest, found.points)
    )


def _rounded(found: Registered, whole: float) -> tuple[float, ...]:
    return tuple(
        float(round(s)) if abs(s - round(s)) <= max(whole, e) else s
        for s, e in zip(found.shift, found.error, strict=True)
    )
