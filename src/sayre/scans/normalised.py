"""Counts of frames relative to a counter, on request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.data.hints import did_you_mean
from sayre.errors import InputError, note
from sayre.scans.beam import is_attenuator
from sayre.scans.protocol import RawScan
from sayre.scans.rocking import Rocking


def unusable(raw: RawScan) -> list[str]:
    """What is to be said of a monitor or an exposure that is zero at every point.

    Parameters
    ----------
    raw
        The scan, with its counters.
    """
    return [
        f"the {kind} {name} is 0 at every point, so that no frame can be divided by it"
        for kind, name in (("monitor", raw.monitor), ("exposure", raw.exposure))
        if name is not None
        and name in raw.counters
        and np.size(raw.counters[name])
        and not np.any(raw.counters[name])
    ]


def _listed(points: NDArray[np.intp]) -> str:
    """The first of some points in words."""
    return ", ".join(map(str, points[:5])) + (f" and {len(points) - 5} more" if len(points) > 5 else "")


def _others(raw: RawScan, name: str) -> str:
    """Counters that are positive at every point, but for one."""
    good = [
        one for one, values in raw.counters.items() if one != name and np.size(values) and np.all(values > 0)
    ]
    return ", ".join(good[:8]) or "none of the others is positive at every point"


def normalised(pattern: Pattern, raw: RawScan, turned: Rocking, wanted: str) -> Pattern:
    """Divide the counts of every frame by a counter, relative to its mean; say so.

    What an attenuator lets through is taken relative to its highest value: the brightest frames stay as they
    were counted. Frames that are masked may have any value.

    Parameters
    ----------
    pattern
        Counts on the even grid of angles.
    raw
        The scan, with its counters.
    turned
        Place of every point of the scan on the grid.
    wanted
        Name of the counter; `monitor` or `exposure` is the one that the reader knows.

    Raises
    ------
    InputError
        No such counter, or one that is not positive in every frame.

    Warns
    -----
    SayreWarning
        What was divided by, and by how much.
    """
    known = {"monitor": raw.monitor, "exposure": raw.exposure}
    name = known[wanted] if wanted in known and wanted not in raw.counters else wanted
    if name is None or name not in raw.counters:
        hint = did_you_mean(wanted, raw.counters)
        there = ", ".join(list(raw.counters)[:12]) or "none"
        raise InputError(f"{pattern.name}: no counter {wanted}; there is {there}{hint}")
    values = np.asarray(raw.counters[name], np.float64)
    kept = turned.place >= 0
    if values.shape == kept.shape:
        kept &= ~np.asarray(pattern.mask.all(axis=(1, 2)))[turned.place]
    if values.shape != kept.shape:
        raise InputError(
            f"{pattern.name}: counter {name} has {values.size} values for {kept.size} points; another "
            "counter would do, or none: leave out `normalise=`"
        )
    bad = np.flatnonzero(kept & ~(values > 0) | kept & ~np.isfinite(values))
    if len(bad):
        where = "every point" if len(bad) == np.count_nonzero(kept) else f"points {_listed(bad)}"
        raise InputError(
            f"{pattern.name}: counter {name} is not a positive number at {where} ({values[bad[0]]:g} at the "
            f"first): it cannot divide these frames; mask them, `mask=`, name another counter "
            f"({_others(raw, name)}) or leave out `normalise=`"
        )
    put_in = is_attenuator(name)
    typical, of = (values[kept].max(), "highest value") if put_in else (values[kept].mean(), "mean")
    scale = np.ones(turned.size)
    scale[turned.place[kept]] = values[kept] / typical
    said = f"counts divided by {name} relative to its {of} ({scale.min():.3g} to {scale.max():.3g})"
    note(f"{pattern.name}: {said}")
    counts = (pattern.intensity / scale[:, None, None]).astype(np.float32)
    words = "; ".join(filter(None, (pattern.meta.corrections, said)))
    return replace(pattern, intensity=counts, meta=replace(pattern.meta, corrections=words))
