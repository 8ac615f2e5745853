"""Filling the region that is shown, as `sayre inpaint` fills it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sayre.data import FilledPattern
from sayre.errors import InputError
from sayre.filling.fill import inpaint
from sayre.numerics.progress import Advance
from sayre.viewer.regions.region import Region, text_of
from sayre.viewer.regions.strokes import Stroke, mask_of
from sayre.viewer.slices.opened import Size, plane_of_pattern
from sayre.viewer.slices.plane import Plane
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import collected_warnings

MOST = 2**23
"""Voxels of a region that is filled while a user waits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FilledRegion:
    """A region that was filled, with warnings and notes on the way."""

    region: Region
    filled: FilledPattern
    told: tuple[str, ...] = ()

    def plane(self, quantity: str, axis: int, index: int) -> Plane | None:
        """A slice of it, in its place; None where the region does not reach.

        Parameters
        ----------
        quantity
            `filled` or `sigma`.
        axis, index
            Which slice of the file.
        """
        first, last = self.region[axis]
        if not first <= index < last:
            return None
        top, left = (self.region[other][0] for other in range(3) if other != axis)
        return plane_of_pattern(self.filled, quantity, axis, index - first, (top, left))


def fill_region(
    source: InputFile,
    region: Region,
    size: Size,
    method: str,
    strokes: list[Stroke],
    *,
    planar: bool = False,
    progress: Advance | None = None,
) -> FilledRegion:
    """Fill a region: what `sayre inpaint FILE --roi … --mask DRAWN --method …` does.

    Parameters
    ----------
    source
        File, and how it is read.
    region, size, planar
        Part of the counts, their size, and whether they are 2D.
    method
        As `sayre.inpaint` takes it.
    strokes
        Drawn mask, added to that of the file.
    progress
        Called with the fraction done.

    Raises
    ------
    InputError
        As `sayre.inpaint`, or a region too large to wait for.
    """
    voxels = int(np.prod([last - first for first, last in region], dtype=np.int64))
    if voxels > MOST:
        raise InputError(
            f"region: {voxels} voxels are too many to wait for; {MOST} at most, or `sayre inpaint` in a shell"
        )
    part = replace(source, roi=text_of(region, size, planar=planar))
    with collected_warnings() as told, tempfile.TemporaryDirectory() as folder:
        if strokes:
            file = Path(folder) / "drawn.npy"
            mask = mask_of(strokes, size)
            np.save(file, mask[0] if planar and mask.ndim == 3 else mask)
            part = replace(part, mask=(*(source.mask or ()), str(file)))
        filled = inpaint(part.load_measured(), method=method, progress=progress)
    return FilledRegion(region=region, filled=filled, told=(*told.warnings, *told.notes))
