"""Folders and patterns of TIFF frames."""

from __future__ import annotations

import glob
from pathlib import Path

import numpy as np

from sayre.errors import InputError, warn
from sayre.files.patterns import tiff
from sayre.files.patterns.companions import kind_of
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.numbering import sequenced
from sayre.files.patterns.region import Region, of_frame, require_memory, within
from sayre.files.safety.within import require_frames


def candidates(path: Path) -> list[Path]:
    """TIFF files of a folder or pattern, hidden ones left out."""
    there = list(path.iterdir() if path.is_dir() else map(Path, glob.glob(str(path))))
    frames = [one for one in there if one.suffix.lower() in tiff.ENDINGS and not one.name.startswith(".")]
    require_frames(frames)
    if not any(kind_of(one.stem) is None for one in frames):
        others = ", ".join(sorted(one.name for one in there)[:4])
        raise InputError(
            f"{path}: no .tif or .tiff frames found{f' among {others}' if others else ''}; a folder or "
            "pattern of frames would do, or the file of a scan"
        )
    return frames


def read_frames(path: Path, region: Region | None = None) -> tuple[Contents, list[Path]]:
    """Stack the frames of a folder or pattern along the first axis; lost ones are masked.

    A file may hold several frames. Of a region only the files are opened that hold it.

    Parameters
    ----------
    path
        Folder or pattern.
    region
        Part of the counts that is read, one slice an axis; None reads all.

    Returns
    -------
    Contents and the files that were found.
    """
    found = sequenced(candidates(path), path)
    first = tiff.shape_of(found.files[0])
    each = first[0] if len(first) == 3 else 1
    kept = within(region, (found.size * each, *first[-2:]), str(path))
    require_memory(str(path), kept)
    counts = np.zeros([part.stop - part.start for part in kept], np.float32)
    lost = np.ones(len(counts), bool)
    stored: np.dtype[np.generic] | None = None
    for place, file in zip(found.places, found.files, strict=True):
        start = int(place) * each
        low, high = max(start, kept[0].start), min(start + each, kept[0].stop)
        if low >= high:
            continue
        shape = tiff.shape_of(file)
        if shape != first:
            raise InputError(f"{file}: frame of shape {shape}, the first file has {first}; all must be alike")
        inner = kept[1:] if len(shape) == 2 else (slice(low - start, high - start), *kept[1:])
        frames = tiff.read(file, region=inner)
        stored = frames.stored if stored is None else np.promote_types(stored, frames.stored)
        counts[low - kept[0].start : high - kept[0].start] = frames.counts
        lost[low - kept[0].start : high - kept[0].start] = False
    if stored is None:
        raise InputError(f"{path}: no frame of the region is there")
    contents = Contents(
        counts=counts,
        stored=stored,
        mask=np.broadcast_to(lost[:, None, None], counts.shape) if lost.any() else None,
        region=of_frame(region),
    )
    missing = int(lost.sum())
    remarks = (f"{missing} of {lost.size} frames are missing in the numbering, masked",) if missing else ()
    for remark in (*found.remarks, *remarks):
        warn(f"{path.name}: {remark}")
    return contents, list(found.files)
