"""TIFF stacks, and folders of TIFF frames.

An output is the counts alone, a page a frame, so that every program opens as many frames as there are. What
else there is, `sigma` and `mask`, is in files beside it, `NAME_sigma.tif` and `NAME_mask.tif`. Files that an
earlier version wrote hold the three as series.
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
from sayre.errors import InputError, warn
from sayre.files.patterns.companions import Kind, kind_of
from sayre.files.patterns.contents import Contents, Output, arrays_of, known_of, pattern_of
from sayre.files.patterns.frames import Numbered, numbered, places
from sayre.files.within import require_within

ENDINGS = (".tif", ".tiff")
_BIG = 2**32 - 2**25


def read(path: Path, inside: str | None = None) -> Contents:
    """Read the counts of a (multi-page) TIFF; the mask too where Sayre wrote one beside it.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    """
    series, facts = _series(path)
    counts = series["intensity"] if "intensity" in series else _only(path, series)
    mask = _mask_beside(path, facts) if "beside" in facts else series.get("mask")
    return Contents(counts=counts, stored=counts.dtype, mask=mask, known=facts)


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: that beside counts that Sayre wrote, else the series `mask`, else the only one.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    """
    series, facts = _series(path)
    if "beside" in facts:
        mask = _mask_beside(path, facts)
        return np.zeros(series["intensity"].shape, np.uint8) if mask is None else mask
    return series["mask"] if "mask" in series else _only(path, series)


def _mask_beside(path: Path, facts: dict[str, Any]) -> NDArray[Any] | None:
    """The mask of counts that Sayre wrote, None where nothing of them was masked."""
    if "mask" not in facts["beside"]:
        return None
    place = beside(path, "mask")
    if not place.is_file():
        raise InputError(
            f"{path}: its mask {place.name} is missing, without which filled counts look measured; put it "
            "beside the counts"
        )
    series, _ = _series(place)
    return _only(place, series)


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
    """TIFF files of a folder or glob that are frames, in the order of the numbers in their names."""
    return [file for _, file in _numbered(path).files]


def _numbered(path: Path) -> Numbered:
    """Frames of a folder or glob by their numbers; by their order where names do not end in a number."""
    there = list(path.iterdir() if path.is_dir() else map(Path, glob.glob(str(path))))
    frames = [one for one in there if one.suffix.lower() in ENDINGS and not one.name.startswith(".")]
    found = numbered(frames, ENDINGS, path)
    if found.files:
        return found
    fields = [one for one in frames if kind_of(one.stem)]
    frames = [one for one in frames if one not in fields]
    if not frames:
        others = ", ".join(sorted(one.name for one in there)[:4])
        raise InputError(
            f"{path}: no .tif or .tiff frames found{f' among {others}' if others else ''}; a folder or "
            "pattern of frames would do, or the file of a scan"
        )
    frames.sort(key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name.name)])
    remark = f"{', '.join(sorted(one.name for one in fields))} left out: no frames, by their names"
    return Numbered(tuple(enumerate(frames)), (remark,) if fields else ())


def read_frames(path: Path) -> Contents:
    """Stack the frames of a folder or glob along the first axis; those that are not there are masked.

    Warns
    -----
    SayreWarning
        Files that are no frames of the scan; frames that are missing in the numbering, or whose numbers are
        uneven, so that it cannot be told.
    """
    numbers, remarks = _numbered(path)
    names = [name for _, name in numbers]
    frames = [read(name).counts for name in names]
    for frame, name in zip(frames, names, strict=True):
        if frame.ndim != 2 or frame.shape != frames[0].shape or frame.dtype != frames[0].dtype:
            raise InputError(
                f"{name}: frame of shape {frame.shape} and {frame.dtype}, "
                f"the first has {frames[0].shape} and {frames[0].dtype}; all must be alike and 2D"
            )
    for remark in remarks:
        warn(f"{path.name}: {remark}")
    counts = np.stack(frames)
    order = np.array([number for number, _ in numbers])
    place = places(order)
    if place is None:
        warn(f"{path.name}: the numbers of its {len(order)} frames are uneven; taken as if none were missing")
    if place is None or len(place) == int(place[-1]) + 1:
        return Contents(counts=counts, stored=counts.dtype)
    whole = np.zeros((int(place[-1]) + 1, *counts.shape[1:]), counts.dtype)
    whole[place] = counts
    mask = np.ones(whole.shape, bool)
    mask[place] = False
    lost = len(whole) - len(counts)
    warn(f"{path.name}: {lost} of {len(whole)} frames are missing in the numbering, masked")
    return Contents(counts=whole, stored=counts.dtype, mask=mask)


def write(file: BinaryIO, what: Output, manifest: Manifest) -> None:
    """Write the counts, and the manifest with them; `companions` are written by `write_companion`.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured or filled.
    manifest
        What made it.
    """
    about = known_of(pattern_of(what)) | {"manifest": manifest.to_json(), "beside": list(companions(what))}
    _write_stack(file, "intensity", arrays_of(what)["intensity"], about)


def companions(what: Output) -> dict[str, NDArray[Any]]:
    """Return what goes into files beside the counts, by name; a mask only where anything is masked."""
    arrays = arrays_of(what)
    names = [name for name in ("sigma", "mask") if name in arrays]
    return {name: arrays[name] for name in names if name != "mask" or arrays[name].any()}


def beside(path: Path, name: str) -> Path:
    """Return the file beside the counts that holds another array.

    Parameters
    ----------
    path
        Of the counts.
    name
        "sigma" or "mask".
    """
    return path.with_name(f"{path.stem}_{name}{path.suffix}")


def write_companion(file: BinaryIO, name: str, array: NDArray[Any]) -> None:
    """Write one array that goes beside the counts; a mask as 0 and 1.

    Parameters
    ----------
    file
        Open for writing, binary.
    name
        Of the array.
    array
        Of the shape of the counts.
    """
    _write_stack(file, name, array.astype(np.uint8) if array.dtype == np.bool_ else array, {})


def _write_stack(file: BinaryIO, name: str, array: NDArray[Any], about: dict[str, Any]) -> None:
    with tifffile.TiffWriter(file, bigtiff=array.nbytes > _BIG) as tif:
        tif.write(array, photometric="minisblack", software=False, metadata={"series": name, **about})


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
