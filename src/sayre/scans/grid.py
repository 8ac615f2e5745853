"""Frames of a scan on the even grid of its angles, or on a part of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError, warn
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.region import Region, cut, of_frame, within
from sayre.scans.protocol import Frames, RawScan
from sayre.scans.rocking import Rocking


def read_part(raw: RawScan, turned: Rocking | None, region: Region | None, what: str) -> Frames:
    """Read the frames of a scan that lie in a region; all of them where it is None.

    Parameters
    ----------
    raw
        The scan.
    turned
        Place of every point on the grid; None where nothing tells the angles.
    region
        Places on the grid, rows, columns.
    what
        File and scan, for messages.
    """
    if region is None:
        return raw.read()
    if len(region) != 3:
        raise InputError(f"{what}: the region must be one range for each of 3 axes, found {len(region)}")
    wanted = region
    if turned is not None:
        places = within(region[:1], (turned.size,), what)[0]
        points = np.flatnonzero((turned.place >= places.start) & (turned.place < places.stop))
        if not points.size:
            raise InputError(f"{what}: none of the places {places.start} to {places.stop - 1} was measured")
        wanted = (slice(int(points[0]), int(points[-1]) + 1), *region[1:])
    if raw.regions and wanted[0].start is not None and wanted[0].stop is not None:
        return raw.read(wanted)
    read = raw.read()
    numbers = np.arange(len(read.contents.counts)) if read.points is None else read.points
    if turned is None:
        within(region[:1], (int(numbers.max()) + 1,), what)
    first, last = wanted[0].start or 0, wanted[0].stop or int(numbers.max()) + 1
    kept = (numbers >= first) & (numbers < last)
    if not kept.any():
        raise InputError(f"{what}: none of the frames {first} to {last - 1} exists")
    counts = read.contents.counts
    rows = within(region[1:], counts.shape[1:], what)
    part = (slice(int(np.flatnonzero(kept)[0]), int(np.flatnonzero(kept)[-1]) + 1), *rows)
    mask = read.contents.mask
    contents = replace(
        read.contents,
        counts=counts[part],
        mask=None if mask is None else cut(np.asarray(mask), part, what),
        region=of_frame(part),
        frame=(counts.shape[1], counts.shape[2]),
    )
    return Frames(contents, numbers[part[0]])


def cut_turned(turned: Rocking, region: Region) -> Rocking:
    """The grid of a region: points outside have no place.

    Parameters
    ----------
    turned
        Grid of the whole scan.
    region
        Places on it, rows, columns.
    """
    start, stop = region[0].start or 0, turned.size if region[0].stop is None else region[0].stop
    inside = (turned.place >= start) & (turned.place < stop)
    return turned._replace(place=np.where(inside, turned.place - start, -1), size=stop - start)


def on_grid(contents: Contents, points: NDArray[np.int64], turned: Rocking, what: str) -> Contents:
    """Contents with a frame for every angle of the grid; those that were not measured are masked.

    Parameters
    ----------
    contents
        Frames that exist.
    points
        Points of the scan that they belong to.
    turned
        Place of every point on the grid.
    what
        File and scan, for messages.
    """
    counts = contents.counts
    if len(points) and int(points.max()) >= len(turned.place):
        raise InputError(
            f"{what}: {int(points.max()) + 1} frames, but {len(turned.place)} angles; which belongs to which "
            "is not known"
        )
    place = turned.place[points]
    kept = place >= 0
    if len(counts) == turned.size and np.array_equal(place, np.arange(turned.size)):
        return contents
    whole = np.zeros((turned.size, *counts.shape[1:]), counts.dtype)
    whole[place[kept]] = counts[kept]
    lost = np.ones(turned.size, bool)
    lost[place[kept]] = False
    mask = np.zeros(whole.shape, bool)
    own = contents.mask
    if own is not None:
        mask |= _spread(np.asarray(own) != 0, whole.shape, place, kept)
    mask[lost] = True
    unmeasured = int(lost.sum()) - (turned.size - int((turned.place >= 0).sum()))
    if unmeasured > 0:
        warn(f"{what}: {unmeasured} of {turned.size} frames do not exist, masked")
    return replace(contents, counts=whole, mask=mask)


def _spread(
    own: NDArray[Any], shape: tuple[int, ...], place: NDArray[Any], kept: NDArray[Any]
) -> NDArray[Any]:
    """A mask of a frame, or of those that exist, for every frame of the grid."""
    if own.shape == shape[-2:]:
        return np.broadcast_to(own, shape)
    whole = np.zeros(shape, bool)
    whole[place[kept]] = own[kept]
    return whole
