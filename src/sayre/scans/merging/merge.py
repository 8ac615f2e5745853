"""Several scans of one peak into one: what `sayre.merge` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.data.pattern import warn_of_rounding
from sayre.detectors.hygiene import unit_of
from sayre.errors import InputError, warn
from sayre.scans.merging.agreement import Agreement, agreement
from sayre.scans.merging.belonging import labels, other_order, require_one_peak
from sayre.scans.merging.combine import Combined, Part, combined
from sayre.scans.merging.merged import Merged, MergedScan
from sayre.scans.merging.moving import Moved
from sayre.scans.merging.placing import Placed, placed_scans
from sayre.scans.merging.settings import MergeSettings

DOUBTFUL, BEYOND = 2.0, 0.05
"""Scans disagree if their misfit exceeds the first and their relative difference, less noise, the second."""
CHANCE = 100
"""Counts up to which two scans may be alike by chance."""


def merge(patterns: Sequence[AnyPattern], settings: MergeSettings | None = None, **changes: Any) -> Merged:
    """Merge scans of one peak: register, scale, leave out those that do not agree, and sum.

    Parameters
    ----------
    patterns
        Two or more scans, 2D or 3D; what was filled counts as not measured.
    settings
        `MergeSettings`; the default where None.
    changes
        Single settings by name.

    Returns
    -------
    Merged
        Counts on the grid of the first scan, or of the first with which most of the others agree.

    Raises
    ------
    InputError
        Scans that cannot be of one peak on one grid, or no two that agree.

    Warns
    -----
    SayreWarning
        A scan was left out; the first is not the reference; scans differ by more than noise, or were scaled.
    """
    chosen = changed(settings or MergeSettings(), changes)
    for pattern in patterns:
        expect(pattern, Pattern, FilledPattern, argument="patterns")
    scans = [pattern.numpy().measured for pattern in patterns]
    require_one_peak(scans)
    names = labels(scans)
    placed = placed_scans(scans, chosen)
    used = _used(names, placed, chosen.correlation, [scan.shape for scan in scans])
    _require_other_counts(names, placed, used)
    found = [_scan(number, names, placed, used) for number in range(len(scans))]
    _say_units([(one.name, scan) for one, scan in zip(found, scans, strict=True) if one.used])
    parts = []
    for scan, place, one in zip(scans, placed.places, found, strict=True):
        if one.used and place.counts is not None:
            left = (s - m for s, m in zip(one.shift, one.moved, strict=True))
            astray = tuple(float(np.hypot(d, e)) for d, e in zip(left, one.shift_error, strict=True))
            parts.append(Part(scan, place.counts, one.moved, astray, one.scale, one.scale_error))
    made = combined(parts)
    return Merged(
        pattern=_pattern(scans, placed.reference, found, made),
        sigma=made.sigma.astype(np.float32),
        exposure=made.exposure.astype(np.float32),
        scans=tuple(found),
        correlations=placed.correlations,
        reference=placed.reference,
    )


def _used(
    names: Sequence[str], placed: Placed, least: float, shapes: Sequence[tuple[int, ...]]
) -> list[bool]:
    """Choose the scans that are merged, and tell which are not, and why."""
    reference, row = placed.reference, placed.correlations[placed.reference]
    used = [bool(taken) for taken in placed.agreeing(least)]
    reasons = [
        f"{name}: {place.why or f'its correlation with {names[reference]} is {value:.3f} ± {error:.3f}'}"
        f"{other_order(shape, shapes[reference])}"
        for name, place, value, error, taken, shape in zip(
            names, placed.places, row, placed.errors[reference], used, shapes, strict=True
        )
        if not taken
    ]
    if sum(used) < 2:
        raise InputError(
            f"{'; '.join(reasons)}; {least:g} is needed of scans that are merged (`correlation=`)"
        )
    if reference:
        warn(f"{names[0]}: most scans do not agree with it; the counts are on the grid of {names[reference]}")
    for reason in reasons:
        warn(f"{reason}, {least:g} is needed (`correlation=`); it is left out")
    return used


def _require_other_counts(names: Sequence[str], placed: Placed, used: Sequence[bool]) -> None:
    """Refuse a scan that was given twice with another mask, or cut out otherwise."""
    found: list[tuple[str, Moved]] = []
    for name, place, taken in zip(names, placed.places, used, strict=True):
        if not taken or place.counts is None or any(s != round(s) for s in place.shift):
            continue
        ours = place.counts
        for known, theirs in found:
            both = ours.measured & theirs.measured
            counts = ours.counts[both]
            if counts.sum() > CHANCE and np.array_equal(counts, theirs.counts[both]):
                raise InputError(
                    f"{name}: holds the very counts of {known} wherever both measured; merge each scan once"
                )
        found.append((name, ours))


def _say_units(scans: Sequence[tuple[str, Pattern]]) -> None:
    """Warn of counts that were scaled, since merging takes a value of 1 for a photon."""
    for name, scan in scans:
        unit = float(unit_of(scan))
        if not np.isclose(unit, 1, rtol=1e-6):
            warn(
                f"{name}: a photon is {unit:.4g} counts, and merging takes 1 for a photon: standard "
                f"errors and chi square are wrong; divide its counts by {unit:.4g} first"
            )


def _scan(number: int, names: Sequence[str], placed: Placed, used: Sequence[bool]) -> MergedScan:
    """Describe how a scan is used, and warn where it differs from the reference by more than noise."""
    place, ours = placed.places[number], placed.places[placed.reference].counts
    assert ours is not None
    agreed, found = Agreement(float("nan"), float("nan"), float("nan")), place.found
    scale = float("nan") if found is None else found.scale
    if place.compared is not None and number != placed.reference:
        agreed = agreement(ours, place.compared)
        if place.compared is place.counts and all(s == round(s) for s in place.shift):
            scale = agreed.scale
    if used[number] and agreed.misfit > DOUBTFUL and agreed.beyond > BEYOND:
        warn(
            f"{names[number]}: differs from {names[placed.reference]} by {agreed.beyond:.0%} of the counts "
            f"beyond noise (chi square of a voxel {agreed.misfit:.3g}, 1 is noise): crystal or beam changed "
            "between them, or the background differs"
        )
    unknown = (float("nan"),) * ours.counts.ndim
    return MergedScan(
        name=names[number],
        used=used[number],
        shift=unknown if found is None else found.shift,
        shift_error=unknown if found is None else found.error,
        moved=place.shift or unknown,
        scale=scale,
        scale_error=float("nan") if found is None else found.scale_error,
        correlation=float(placed.correlations[placed.reference, number]),
        correlation_error=float(placed.errors[placed.reference, number]),
        misfit=agreed.misfit,
        beyond=agreed.beyond,
    )


def _pattern(
    scans: Sequence[Pattern], reference: int, found: Sequence[MergedScan], made: Combined
) -> Pattern:
    """Return the merged counts, with the meta data of the reference."""
    ours, used = scans[reference], [scan for scan, one in zip(scans, found, strict=True) if one.used]
    name = " + ".join(one.name for one in found if one.used)
    mask = made.exposure == 0
    warn_of_rounding(name, made.counts, made.counts.dtype, mask)
    left = {name for scan in used for name in (scan.meta.left or "").split(", ") if name}
    words = "; ".join(one.in_words for one in found if one.used)
    before = "; ".join(dict.fromkeys(scan.meta.corrections for scan in used if scan.meta.corrections))
    meta = replace(
        ours.meta,
        source=name,
        sha256=None,
        scan=None,
        left=", ".join(sorted(left)) or ours.meta.left,
        corrections="; ".join(filter(None, (before, f"merged: {words}"))),
    )
    noise = float(np.sqrt(sum(scan.readout**2 for scan in used)))
    return Pattern(
        intensity=made.counts.astype(np.float32), mask=mask, grid=ours.grid, meta=meta, readout=noise
    )
