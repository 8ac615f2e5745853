"""What the counters of a scan tell of the beam: attenuators that were changed, frames without beam."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import warn
from sayre.scans.protocol import Motor, RawScan, Values
from sayre.scans.rocking import Rocking

_ATTENUATOR = re.compile(
    r"(.*_)?(att|attn|atten|attenuators?|attenuation|abs|absorbers?|filt|filters?|foils?|transm?|transmission)"
    r"(_[a-z]|_?[a-z]?\d+)?(_(factor|pos|position|value|transmission))?",
    re.IGNORECASE,
)
"""Names of what is put into the beam to weaken it, and of what it lets through."""
SAME = 1e-3
"""Relative difference below which two values are the same."""
OFF, VARIES = 0.01, 1.5
"""Share of a monitor's median below which there was no beam; ratio of its values that is warned of."""
COUNTED = 20.0
"""Median of a monitor of whole numbers from which on a value of none is no chance."""
GOES_ON = 0.1
"""Counts of a frame relative to those beside it from which on there was beam, whatever the monitor says."""
_PARTS = 4


def is_attenuator(name: str) -> bool:
    """Whether a column is named as an attenuator, a filter or a transmission."""
    return _ATTENUATOR.fullmatch(name) is not None


def without_attenuators(raw: RawScan) -> RawScan:
    """The scan with attenuators that moved among its counters: they turn nothing."""
    put_in = [motor for motor in raw.moved or () if is_attenuator(motor.name)]
    if raw.moved is None or not put_in:
        return raw
    moved: Sequence[Motor] = [motor for motor in raw.moved if motor not in put_in]
    counters: Mapping[str, Values] = {**raw.counters, **{one.name: one.positions for one in put_in}}
    return replace(raw, moved=moved, counters=counters)


def attenuated(raw: RawScan, turned: Rocking) -> list[str]:
    """What is to be said of attenuators that changed within the scan.

    Parameters
    ----------
    raw
        The scan, with its counters.
    turned
        Place of every point on the grid.
    """
    remarks = []
    for name, values in raw.counters.items():
        if not is_attenuator(name) or len(values) != len(turned.place):
            continue
        kept = turned.place >= 0
        found, places = np.asarray(values, np.float64)[kept], turned.place[kept]
        if not np.isfinite(found).all() or np.ptp(found) <= SAME * np.abs(found).max():
            continue
        edges = np.flatnonzero(np.abs(np.diff(found)) > SAME * np.abs(found).max()) + 1
        parts = np.split(np.arange(len(found)), edges)[:_PARTS]
        shown = ", ".join(
            f"{found[part[0]]:.5g} in {_frames(places[part[0]], places[part[-1]])}" for part in parts
        )
        remarks.append(
            f"{name} changed within the scan: {shown}{', …' if len(edges) >= _PARTS else ''}; the frames are "
            f"not of one scale: `normalise='{name}'` divides by it, if it is what is let through, "
            "`normalise='steps'` goes by the counts"
        )
    return remarks


def with_beam(pattern: Pattern, raw: RawScan, turned: Rocking) -> Pattern:
    """Mask frames that were taken without beam, as the monitor tells.

    Parameters
    ----------
    pattern
        Counts on the even grid of angles.
    raw
        The scan, with its counters.
    turned
        Place of every point on the grid.

    Warns
    -----
    SayreWarning
        Frames that are masked; a monitor that fell while the counts went on; one that varies much.
    """
    values = None if raw.monitor is None else np.asarray(raw.counters.get(raw.monitor, ()), np.float64)
    if values is None or values.shape != turned.place.shape or not np.isfinite(values).all():
        return pattern
    typical = float(np.median(values))
    whole = np.array_equal(values, np.rint(values))
    if typical <= 0 or (whole and typical < COUNTED):
        return pattern
    kept = turned.place >= 0
    off = np.zeros(turned.size, bool)
    off[turned.place[kept]] = values[kept] < OFF * typical
    name = f"{pattern.name}: monitor {raw.monitor}"
    if off.any():
        goes_on = off & _goes_on(pattern, off)
        if goes_on.any():
            warn(f"{name} fell to nothing in {_some(goes_on)}, where the counts go on; it is not believed")
        off &= ~goes_on
    if off.any():
        warn(f"{name} fell to nothing in {_some(off)}: no beam, masked")
        pattern = pattern.with_mask(np.broadcast_to(off[:, None, None], pattern.shape))
    rest = values[kept & (values >= OFF * typical)]
    if rest.max() > VARIES * rest.min():
        low, high = rest.min() / rest.mean(), rest.max() / rest.mean()
        warn(f"{name} varies from {low:.3g} to {high:.3g} of its mean; `normalise='monitor'` divides by it")
    return pattern


def _goes_on(pattern: Pattern, off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames with as many counts as those with beam beside them."""
    sums = pattern.intensity.sum(axis=(1, 2), dtype=np.float64)
    seen = np.flatnonzero(~off & ~pattern.mask.all(axis=(1, 2)))
    if not seen.size:
        return np.zeros(off.shape, bool)
    beside = np.exp(np.interp(np.arange(len(sums)), seen, np.log(sums[seen] + 1)))
    return np.asarray(sums + 1 > GOES_ON * beside)


def _some(frames: NDArray[np.bool_]) -> str:
    parts = np.split(np.flatnonzero(frames), np.flatnonzero(np.diff(np.flatnonzero(frames)) > 1) + 1)
    shown = ", ".join(_frames(part[0], part[-1]) for part in parts[:_PARTS])
    return shown + (", …" if len(parts) > _PARTS else "")


def _frames(first: int, last: int) -> str:
    return f"frame {first}" if first == last else f"frames {first} to {last}"
