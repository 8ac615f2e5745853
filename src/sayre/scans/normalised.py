"""Counts of frames relative to a counter, on request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sayre.data import Pattern
from sayre.data.hints import did_you_mean
from sayre.errors import InputError, note
from sayre.scans.beam import is_attenuator
from sayre.scans.protocol import RawScan
from sayre.scans.rocking import Rocking


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
    if values.shape != kept.shape or not np.isfinite(values[kept]).all() or values[kept].min() <= 0:
        raise InputError(f"{pattern.name}: counter {name} is not a positive number at every point")
    put_in = is_attenuator(name)
    typical, of = (values[kept].max(), "highest value") if put_in else (values[kept].mean(), "mean")
    scale = np.ones(turned.size)
    scale[turned.place[kept]] = values[kept] / typical
    said = f"counts divided by {name} relative to its {of} ({scale.min():.3g} to {scale.max():.3g})"
    note(f"{pattern.name}: {said}")
    counts = (pattern.intensity / scale[:, None, None]).astype(np.float32)
    words = "; ".join(filter(None, (pattern.meta.corrections, said)))
    return replace(pattern, intensity=counts, meta=replace(pattern.meta, corrections=words))
