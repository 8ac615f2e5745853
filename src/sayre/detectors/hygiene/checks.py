"""What is looked at once, when counts are read: repeated frames, scales, and all that `sound` masks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.data.hints import did_you_mean
from sayre.detectors.hygiene import DOUBTFUL, FEW, MANY, UNEVEN, sound, unit_of
from sayre.detectors.hygiene.repeated import repeated_frames
from sayre.detectors.hygiene.steps import Scales, scales_of
from sayre.detectors.hygiene.torn import torn
from sayre.detectors.hygiene.wrapped import END, wrapped
from sayre.errors import InputError, warn
from sayre.numerics.constant import constant_planes

REPEATED = ("refuse", "mask", "drop", "keep")
"""What is done with a frame that holds the counts of an earlier one."""
MOST = 100.0
"""Largest factor that counts are multiplied by; what is left behind an attenuator beyond that is noise."""
DIFFERENT, EXACT = 8, 0.002
"""Different counts below `FEW` that the powers of logarithms are, at least, and how near they must come."""
_TORN: dict[tuple[int, ...], str] = {
    (0,): "in another order, moved, missing or of another scale, or steps too coarse",
    (1,): "lines of the detector that are hot or dead, or pixels too coarse",
    (2,): "lines of the detector that are hot or dead, or pixels too coarse",
}
_CHANGED = "counts that were clipped, taken by the logarithm or changed otherwise, or a sampling too coarse"


def checked(
    pattern: Pattern,
    *,
    leave: Collection[str] = (),
    repeated: str = "refuse",
    even: bool = False,
    placed: bool = False,
    first: Sequence[int] = (),
) -> Pattern:
    """Look at counts that were read: mask what `sound` masks, and say what is doubtful.

    Parameters
    ----------
    pattern
        2D or 3D counts as read.
    leave
        What `sound` leaves as it is, of `DOUBTFUL`; "all" is all of them.
    repeated
        What is done with a frame that holds the very counts of an earlier one, of `REPEATED`.
    even
        Whether frames of another scale are multiplied to that of the others.
    placed
        Whether the frames have angles of their own, so that none can be taken out.
    first
        Place of the first voxel in the file, by which frames, rows and columns are told; none is 0.

    Raises
    ------
    InputError
        A repeated frame, unless `repeated` says what to do with it; a factor that is too large to multiply
        by; counts that wrapped around at the end of 16 bits; unknown names.

    Warns
    -----
    SayreWarning
        As `sound`; repeated frames, a step of the scale from frame to frame, counts that were divided.
    """
    earlier = (pattern.meta.left or "").split(",")
    left = [name for name in DOUBTFUL if name in (*_left(leave), *earlier)]
    if repeated not in REPEATED:
        hint = did_you_mean(repeated, REPEATED)
        raise InputError(f"repeated: {repeated!r} is not known; one of {', '.join(REPEATED)}{hint}")
    first = tuple(first) or (0,) * len(pattern.shape)
    pattern = _without_repeated(pattern, repeated, placed, first[0])
    pattern = sound(pattern, left, first=first)
    if "saturated" not in left:
        _refuse_wrapped(pattern)
    _say_placeholders(pattern, first)
    _say_units(pattern)
    pattern = _of_one_scale(pattern, even, first[0])
    return replace(pattern, meta=replace(pattern.meta, left=",".join(left)))


def _left(leave: Collection[str]) -> tuple[str, ...]:
    names = (leave,) if isinstance(leave, str) else tuple(leave)
    for name in names:
        if name not in (*DOUBTFUL, "all"):
            hint = did_you_mean(name, (*DOUBTFUL, "all"))
            raise InputError(f"leave: {name!r} is not known; one of {', '.join(DOUBTFUL)}, all{hint}")
    return DOUBTFUL if "all" in names else names


def _without_repeated(pattern: Pattern, repeated: str, placed: bool, begin: int) -> Pattern:
    found = [] if repeated == "keep" else repeated_frames(pattern.intensity, pattern.mask)
    if not found:
        return pattern
    pairs = [
        f"frame {begin + again} holds the very counts of frame {begin + first}" for first, again in found[:4]
    ]
    more = f", and {len(found) - 4} more" if len(found) > 4 else ""
    what = f"{pattern.name}: {', '.join(pairs)}{more}, so that one of the two was not measured"
    again = np.array([pair.again for pair in found])
    if repeated == "mask":
        warn(f"{what}; the second masked")
        mask = np.zeros(pattern.shape[:1] + (1,) * (len(pattern.shape) - 1), bool)
        mask[again] = True
        return pattern.with_mask(np.broadcast_to(mask, pattern.shape))
    if repeated == "drop" and not placed:
        warn(f"{what}; the second taken out, those after it are one place earlier")
        return replace(
            pattern,
            intensity=np.delete(pattern.intensity, again, axis=0),
            mask=np.delete(pattern.mask, again, axis=0),
        )
    drop = "" if placed else ", `repeated='drop'` takes it out where it was written in between"
    raise InputError(
        f"{what}; `repeated='mask'` masks the second where it was written in place of another{drop}, "
        "`repeated='keep'` takes both"
    )


def _refuse_wrapped(pattern: Pattern) -> None:
    low = wrapped(pattern.intensity, pattern.mask)
    if low:
        top = float(pattern.intensity.max(where=~pattern.mask, initial=0))
        raise InputError(
            f"{pattern.name}: {low} {'voxel' if low == 1 else 'voxels'} within the top of the peak drop far "
            f"below those around, and the highest count is {top:.7g}: counts wrapped around at {END}, the "
            "end of 16 bits; read them as they were before they were stored so, or mask the top of the "
            "peak, `mask=`; `leave='saturated'` takes them as they are"
        )


def _say_placeholders(pattern: Pattern, begin: Sequence[int]) -> None:
    """Tell of planes that hold one value alone amid counts that vary; `sound` tells of empty ones."""
    found = constant_planes(pattern.intensity, pattern.mask)
    found = [one for one in found if one.value != 0]
    names = ("frame", "row", "column")[-len(pattern.shape) :]
    said = [
        f"{names[axis]} {begin[axis] + first} holds {value:.7g} alone"
        if stop - first == 1
        else f"{names[axis]}s {begin[axis] + first} to {begin[axis] + stop - 1} hold {value:.7g} alone"
        for axis, first, stop, value in found[:4]
    ]
    if said:
        more = ", …" if len(found) > 4 else ""
        warn(
            f"{pattern.name}: {', '.join(said)}{more} in all voxels, between others whose counts vary: a "
            "placeholder of what was not measured, which is not masked; a mask, `mask=`, would do"
        )


def _say_units(pattern: Pattern) -> None:
    """Tell of counts that were divided: what a photon is, in all frames or in each."""
    unit, top = float(unit_of(pattern)), float(pattern.intensity.max())
    if not np.isclose(unit, 1, rtol=1e-6):
        warn(
            f"{pattern.name}: all values are multiples of {unit:.4g}, which is taken for a photon; "
            f"the brightest voxel has {top / unit:.7g}"
        )
        return
    if pattern.readout or _are_whole(pattern.intensity):
        return
    logarithm = _logarithm(pattern)
    if logarithm is not None:
        warn(f"{pattern.name}: the values are logarithms {logarithm}; the counts themselves would do")
        return
    if len(pattern.shape) < 3:
        return
    units = _units_of_frames(pattern.intensity)
    if units is not None and units.max() > 1.0001 * units.min():
        warn(
            f"{pattern.name}: a photon is not one count, and not the same in all frames: it is "
            f"{units.mean():.4g} on average, {units.min():.4g} in the frame of the least and "
            f"{units.max():.4g} in that of the most; the counts of each frame were divided by those of a "
            "monitor or the like"
        )


def _logarithm(pattern: Pattern) -> str | None:
    """What the values are the logarithm of, where that gives whole counts; None where nothing does."""
    counts = pattern.intensity[~pattern.mask]
    seen = counts[:: max(counts.size // MANY, 1)].astype(np.float64)
    seen = np.unique(seen[seen > 0])
    if not seen.size or seen[-1] > np.log(1e18):
        return None
    for base, name in ((10.0, "10"), (np.e, "e")):
        few = base ** seen[seen < np.log(FEW) / np.log(base)]
        if len(few) >= DIFFERENT and np.abs(few - np.rint(few)).max() < EXACT:
            return f"to the base {name} of counts, or of counts plus 1"
    return None


def _are_whole(counts: NDArray[np.float32]) -> bool:
    return all(np.array_equal(frame, np.rint(frame)) for frame in counts)


def _units_of_frames(counts: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The number that all values of a frame are multiples of; None where one in four has none."""
    found = []
    for frame in counts:
        seen = frame[frame > 0].astype(np.float64)
        if not seen.size:
            continue
        photons = seen / seen.min()
        few = photons[photons < FEW]
        if few.size > 1 and np.abs(few - np.rint(few)).max() < UNEVEN:
            found.append(seen.min())
    return np.array(found) if len(found) > 0.75 * len(counts) and len(found) > 1 else None


def _of_one_scale(pattern: Pattern, even: bool, begin: int) -> Pattern:
    unit, counts = unit_of(pattern), np.asarray(np.maximum(pattern.intensity, 0), np.float32)
    counts = counts if unit == 1 else counts / unit
    scales = scales_of(counts, pattern.mask)
    axes = [axis for axis in torn(counts, pattern.mask) if axis or scales is None]
    if axes:
        planes = " and ".join(("frames", "rows", "columns")[axis] for axis in axes)
        why = _TORN.get(tuple(axes), _CHANGED)
        warn(
            f"{pattern.name}: {planes} do not continue each other as those of a crystal that is sampled "
            f"finely enough for phasing: {why}"
        )
    if scales is None:
        if even:
            warn(f"{pattern.name}: no step of the scale from frame to frame was found; nothing is multiplied")
        return pattern
    said = "; ".join(_parts(scales, pattern.shape[0], begin))
    changed, lost = "an attenuator or the beam changed", "frames are missing, moved or in another order"
    why = f"{lost}, or {changed}" if scales.broken else f"{changed}, or {lost}"
    if not even:
        warn(
            f"{pattern.name}: the counts step as those of no crystal that is sampled finely enough: {said}: "
            f"{why}; `normalise='steps'` multiplies by these factors, a counter or a mask would do as well"
        )
        return pattern
    factors = scales.of_frames(pattern.shape[0])
    if factors.max() > MOST:
        raise InputError(
            f"{pattern.name}: {said}; a factor above {MOST:g} leaves noise: mask these frames, `mask=`"
        )
    corrected = f"counts of frames multiplied to one scale, as they tell: {said}"
    but = "the fringes do not continue there even so: " if scales.broken else ""
    warn(
        f"{pattern.name}: {corrected}; {but}{why}; if frames are missing, no factor mends it: masked ones in "
        "their places would do"
    )
    words = "; ".join(filter(None, (pattern.meta.corrections, corrected)))
    intensity = (pattern.intensity * factors[:, None, None]).astype(np.float32)
    return replace(pattern, intensity=intensity, meta=replace(pattern.meta, corrections=words))


def _parts(scales: Scales, frames: int, begin: int) -> Sequence[str]:
    """Which frames are too dark, by which factor."""
    last = (*scales.first[1:], frames)
    return [
        f"frames {begin + first} to {begin + stop - 1} are {factor:.3g} times too dark"
        if stop - first > 1
        else f"frame {begin + first} is {factor:.3g} times too dark"
        for first, stop, factor in zip(scales.first, last, scales.factors, strict=True)
        if factor > 1
    ]
