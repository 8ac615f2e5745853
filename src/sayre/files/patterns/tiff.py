"""TIFF stacks, and folders of TIFF frames.

An output is one file with the series `intensity`, `sigma` (filled patterns) and `mask`, each a stack of
pages. Programs that know series (tifffile, silx) open the counts; those that walk all pages (Pillow) see
the three stacks one after the other.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from sayre.data import Manifest
from sayre.errors import InputError
from sayre.files.patterns.companions import Kind
from sayre.files.patterns.contents import Contents, Output, arrays_of, known_of, pattern_of
from sayre.files.within import require_within

_BIG = 2**32 - 2**25


def read(path: Path, inside: str | None = None) -> Contents:
    """Read the counts of a (multi-page) TIFF; the mask too where Sayre wrote it.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    """
    series, facts = _series(path)
    counts = series["intensity"] if "intensity" in series else _only(path, series)
    return Contents(counts=counts, stored=counts.dtype, mask=series.get("mask"), known=facts)


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: the series `mask`, else the only one.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    """
    series, _ = _series(path)
    return series["mask"] if "mask" in series else _only(path, series)


def read_companion(path: Path, inside: str | None, kind: Kind) -> NDArray[Any]:
    """Read a white or dark field: the only image of the file.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside, kind
        Not used: these files have neither paths nor names inside.
    """
    return read(path, inside).counts


def frames_of(path: Path) -> list[Path]:
    """TIFF files of a folder or glob, in the order of the numbers in their names."""
    names = path.glob("*") if path.is_dir() else map(Path, glob.glob(str(path)))
    frames = [name for name in names if name.suffix.lower() in (".tif", ".tiff")]
    if not frames:
        raise InputError(f"{path}: no .tif or .tiff frames found; a folder or pattern of frames would do")
    return sorted(
        frames, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name.name)]
    )


def read_frames(path: Path) -> Contents:
    """Stack the frames of a folder or glob along the first axis."""
    names = frames_of(path)
    frames = [read(name).counts for name in names]
    for frame, name in zip(frames, names, strict=True):
        if frame.ndim != 2 or frame.shape != frames[0].shape or frame.dtype != frames[0].dtype:
            raise InputError(
                f"{name}: frame of shape {frame.shape} and {frame.dtype}, "
                f"the first has {frames[0].shape} and {frames[0].dtype}; all must be alike and 2D"
            )
    return Contents(counts=np.stack(frames), stored=frames[0].dtype)


def write(file: BinaryIO, what: Output, manifest: Manifest) -> None:
    """Write counts, sigma and mask as named series; the manifest goes with the counts.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    """
    arrays = arrays_of(what)
    big = sum(array.nbytes for array in arrays.values()) > _BIG
    about: dict[str, Any] = known_of(pattern_of(what)) | {
        "manifest": manifest.to_json(),
        "holds": list(arrays),
    }
    with tifffile.TiffWriter(file, bigtiff=big) as tif:
        for name, array in arrays.items():
            pages = array.astype(np.uint8) if array.dtype == np.bool_ else array
            tif.write(pages, photometric="minisblack", software=False, metadata={"series": name, **about})
            about = {}


def _series(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Every series by name (its number where it has none), and what the first says about itself."""
    found: dict[str, NDArray[Any]] = {}
    try:
        with tifffile.TiffFile(path) as tif:
            _require_whole(path, tif)
            about = tif.shaped_metadata or ()
            colour = any(series.keyframe.samplesperpixel > 1 for series in tif.series)
            for number, series in enumerate(tif.series):
                name = str(about[number].get("series", number)) if number < len(about) else str(number)
                if any(page is None for page in series.pages):
                    raise InputError(f"{path}: some of its pages are in other files, which are missing")
                for other in {page.parent.filehandle.path for page in series.pages if page is not None}:
                    if not os.path.samefile(other, path):
                        require_within(path, Path(other), "FileName in its metadata", refused=True)
                found[name] = np.asarray(series.asarray())
    except InputError:
        raise
    except Exception as error:  # what tifffile and its decoders raise on damaged files has no common base
        raise InputError(f"{path}: not a TIFF, or cut short ({' '.join(str(error).split())})") from error
    lost = set(about[0].get("holds", ())) - found.keys() if about else set()
    if lost:
        raise InputError(f"{path}: cut short, {', '.join(sorted(lost))} is missing; copy it again")
    if not found:
        raise InputError(f"{path}: holds no image")
    if colour:
        raise InputError(f"{path}: a colour image; counts must be one number a pixel")
    return found, dict(about[0]) if about else {}


def _require_whole(path: Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file whose chain of pages, or whose data, go on beyond its end: zeros would be read there."""
    size, layout, handle = tif.filehandle.size, tif.tiff, tif.filehandle
    offset, seen = _number(handle, layout.offsetsize, 4 if layout.offsetsize == 4 else 8, tif), set[int]()
    while offset:
        if offset in seen:
            raise InputError(f"{path}: damaged, its chain of pages goes round in a circle; copy it again")
        seen.add(offset)
        tags = _number(handle, layout.tagnosize, offset, tif) if offset + layout.tagnosize <= size else 0
        end = offset + layout.tagnosize + tags * layout.tagsize
        if end + layout.offsetsize > size:
            raise InputError(f"{path}: cut short, its last pages are missing; copy it again")
        offset = _number(handle, layout.offsetsize, end, tif)
    if len(tif.pages) != len(seen):
        raise InputError(f"{path}: {len(seen)} pages, of which {len(tif.pages)} can be read; copy it again")
    for page in tif.pages:
        places, counts = getattr(page, "dataoffsets", ()), getattr(page, "databytecounts", ())
        ends = [
            place + count if place and count else size + 1
            for place, count in zip(places, counts, strict=True)
        ]
        if not ends or max(ends) > size:
            raise InputError(f"{path}: cut short, the data of a page are missing; copy it again")


def _number(handle: Any, width: int, place: int, tif: tifffile.TiffFile) -> int:
    """The whole number of some bytes at a place in a file."""
    handle.seek(place)
    return int.from_bytes(handle.read(width), "big" if tif.byteorder == ">" else "little")


def _only(path: Path, series: dict[str, NDArray[Any]]) -> NDArray[Any]:
    if len(series) > 1:
        shapes = ", ".join(str(array.shape) for array in list(series.values())[:6])
        raise InputError(
            f"{path}: pages of different shape or type ({shapes}); one stack of like pages would do"
        )
    return next(iter(series.values()))
