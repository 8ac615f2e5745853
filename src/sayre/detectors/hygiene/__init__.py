"""Counts that no crystal scattered, and places that were not measured though no mask says so.

Hot pixels, events of one frame alone, frames without a count between bright ones, plateaus at a detector's
cut-off: they are masked and said, or left as they are on request. Patterns without a peak are refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import scipy.special
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.detectors.hygiene.hot import hot_pixels
from sayre.detectors.hygiene.planes import empty_planes
from sayre.detectors.hygiene.saturation import saturated
from sayre.detectors.hygiene.zingers import zingers
from sayre.errors import InputError, warn

DOUBTFUL = ("hot", "events", "empty", "saturated")
"""What can be left as it is: hot pixels, cosmic rays, planes without a count, plateaus of saturation."""
LONE = 0.1
"""Part of its own counts that the neighbours of a peak have at least: cos²(π/σ), σ the oversampling, bounds
a function with no frequency beyond 1/σ a voxel from below; a crystal of plain shape has 0.4 and more."""
LEAST_CHANCE = 1e-3
MANY = 2**22
"""Voxels that are looked at for the least count."""
FEW, UNEVEN = 1000, 0.05
"""Photons up to which counts must be multiples of the least one, and by how much they may miss it."""


def unit_of(pattern: AnyPattern) -> np.float32:
    """The count of a photon: the least count, where counts are its multiples; else 1, as of noisy counts."""
    measured = pattern.measured
    if measured.readout:
        return np.float32(1)
    counts = measured.intensity[~measured.mask]
    seen = counts[:: max(counts.size // MANY, 1)].astype(np.float64)
    seen = seen[seen > 0]
    if not seen.size:
        return np.float32(1)
    photons = seen / seen.min()
    few = photons[photons < FEW]
    return np.float32(seen.min() if np.abs(few - np.rint(few)).max() < UNEVEN else 1)


def sound(pattern: Pattern, leave: Collection[str] = (), *, first: Sequence[int] = ()) -> Pattern:
    """The pattern with what is surely not of the crystal, or was not measured, masked.

    Parameters
    ----------
    pattern
        2D or 3D counts.
    leave
        What is left as it is, of `DOUBTFUL`.
    first
        Place of the first voxel in the file, by which places are told; none is that of the pattern.

    Warns
    -----
    SayreWarning
        What was masked.
    """
    mask, unit = pattern.mask.copy(), unit_of(pattern)
    begin = np.array(first or (0,) * mask.ndim)
    photons = pattern.as_photons().intensity
    counts = photons if unit == 1 else photons / unit
    if "empty" not in leave:
        axes = ("frames", "rows", "columns")[-counts.ndim :]
        for axis, lost in empty_planes(counts, mask):
            mask[(slice(None),) * axis + (lost,)] = True
            none = "no count" if not counts[(slice(None),) * axis + (lost,)].any() else "hardly a count"
            several, hold = (axes[axis], "hold") if len(lost) > 1 else (axes[axis][:-1], "holds")
            planes = f"{several} {_ranges(lost + begin[axis])}"
            warn(
                f"{pattern.name}: {planes} {hold} {none} beside bright ones: not "
                "measured, masked (`leave='empty'` takes them for zero)"
            )
    if "hot" not in leave:
        hot = hot_pixels(counts, mask)
        if hot.any():
            places = ", ".join(_place(place + begin[-hot.ndim :]) for place in np.argwhere(hot)[:4])
            more = ", …" if hot.sum() > 4 else ""
            pixels = "pixel is" if hot.sum() == 1 else "pixels are"
            warn(f"{pattern.name}: {int(hot.sum())} {pixels} hot in every frame ({places}{more}), masked")
            mask |= hot
    if "events" not in leave:
        events = zingers(counts, mask)
        if events.any():
            where = _place(np.argwhere(events)[0] + begin)
            outshine = "voxel outshines" if events.sum() == 1 else "voxels outshine"
            warn(
                f"{pattern.name}: {int(events.sum())} {outshine} the frames before and after and all around "
                f"ten times, the first at {where}: cosmic rays or the like, masked"
            )
            mask |= events
        del events
    if "saturated" not in leave:
        top = saturated(counts, mask)
        if top.any():
            highest = float(pattern.intensity.max(where=top, initial=0))
            warn(
                f"{pattern.name}: {int(top.sum())} voxels share the highest count {highest:.7g}: the "
                "detector was saturated, masked"
            )
            mask |= top
    return pattern if mask.sum() == pattern.mask.sum() else pattern.with_mask(mask)


def cleaned(pattern: AnyPattern) -> AnyPattern:
    """The pattern as `sound` leaves it, with hot pixels that outshine its peak masked.

    Where `meta.left` tells that it was looked at before, what was left then stays.

    Raises
    ------
    InputError
        No peak: the brightest voxel is no brighter than the Poisson noise of constant counts would have it.
        A hot pixel in counts that are filled already.

    Warns
    -----
    SayreWarning
        What was masked.
    """
    left = pattern.measured.meta.left
    if isinstance(pattern, Pattern) and left is None:
        pattern = sound(pattern)
    counts, what = np.asarray(np.maximum(pattern.intensity, 0), np.float32), pattern.name
    unit = float(unit_of(pattern))
    hot = lone(counts if unit == 1 else counts / np.float32(unit), pattern.measured.mask & (counts == 0))
    top = float(counts.max(where=~hot, initial=0))
    hot &= counts > top
    if "hot" in (left or "").split(","):
        hot[...] = False
    _require_peak(pattern, top, hot, unit)
    if not hot.any():
        return pattern
    found = (
        f"{what}: voxels alone in their frame outshine the peak of {top:.7g} counts: {int(hot.sum())}, "
        f"the first at {_place(np.argwhere(hot)[0])}; hot pixels, or too coarse a measurement"
    )
    if isinstance(pattern, FilledPattern):
        raise InputError(f"{found}; give a `mask=` of them and fill again")
    warn(f"{found}; masked")
    return pattern.with_mask(hot)


def lone(counts: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels that no neighbour in their frame (last two axes) comes near, beyond what chance would do.

    Sampled finely enough for phasing, counts cannot fall so steeply: see `LONE`. A hot pixel is lone in each
    of its frames; a peak that fills one frame of a coarse rocking curve is not. `unknown` neighbours count as
    bright.

    Parameters
    ----------
    counts
        float32, 2D or 3D; the last two axes are those of a frame.
    unknown
        bool, same shape; True where nothing was measured.
    """
    known = np.where(unknown, np.float32(np.inf), counts)
    frame = [(0, 0)] * (counts.ndim - 2) + [(1, 1)] * 2
    around = np.pad(known, frame)
    nearest = np.zeros_like(counts)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        m, n = counts.shape[-2:]
        np.maximum(nearest, around[..., rows : rows + m, columns : columns + n], out=nearest)
    return np.asarray(LONE * counts > nearest + 4 * np.sqrt(nearest + 1))


def _require_peak(pattern: AnyPattern, top: float, hot: NDArray[np.bool_], unit: float) -> None:
    measured, what = pattern.measured, pattern.name
    seen = ~(measured.mask | hot)
    photons, dark = measured.as_photons().intensity, measured.readout**2
    mean, voxels = float(photons.mean(where=seen, dtype=np.float64)), int(seen.sum())
    chance = (
        float(scipy.special.gammainc((top + dark) / unit, mean / unit)) if top > 0 else 1.0
    )  # that a voxel has `top` or more
    if chance * voxels > LEAST_CHANCE:
        raise InputError(
            f"{what}: no peak: the brightest voxel has {top:.7g} counts, no more than noise of {mean:.3g} a "
            "voxel has; counts of a Bragg peak would do"
        )


def _ranges(indices: NDArray[np.intp]) -> str:
    """Rising indices in words: 3, 7 to 9."""
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    shown = [str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts[:4]]
    return ", ".join(shown) + (", …" if len(parts) > 4 else "")


def _place(index: NDArray[np.intp]) -> str:
    return "(" + ", ".join(map(str, index)) + ")"
