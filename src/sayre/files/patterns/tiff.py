"""TIFF stacks.

An output is the counts alone, a page a frame, so that every program opens as many frames as there are. What
else there is, `sigma` and `mask`, is in files beside it, `NAME_sigma.tif` and `NAME_mask.tif`. Files that an
earlier version wrote hold the three as series.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from sayre.data import Manifest
from sayre.errors import InputError, warn
from sayre.files.patterns.companions import Kind
from sayre.files.patterns.contents import Contents, Output, arrays_of, known_of, pattern_of
from sayre.files.patterns.region import Region, of_frame, squeezed
from sayre.files.patterns.tiff_pages import Stack, lost_frames, read_stack
from sayre.files.safety.within import require_within

ENDINGS = (".tif", ".tiff")
_BIG = 2**32 - 2**25


def read(path: Path, inside: str | None = None, region: Region | None = None) -> Contents:
    """Read the counts of a (multi-page) TIFF; the mask too where Sayre wrote one beside it.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    region
        Part of the counts that is read, one slice an axis: no other page is decoded. None reads all.
    """
    with _opened(path) as (tif, stacks):
        counts, facts = _counts_of(path, stacks), _facts(tif)
        array = read_stack(path, counts, region)
        lost = lost_frames(path, counts, region)
        if lost is not None:
            warn(
                f"{path.name}: {int(lost.sum())} of {len(lost)} frames are in other files, which are "
                "missing: not measured, masked"
            )
            mask: NDArray[Any] | None = np.broadcast_to(lost[:, None, None], array.shape)
        elif "beside" in facts:
            mask = _mask_beside(path, facts, region)
        else:
            mask = read_stack(path, stacks["mask"], region) if "mask" in stacks else None
        return Contents(counts=array, stored=counts.dtype, mask=mask, known=facts, region=of_frame(region))


def shape_of(path: Path) -> tuple[int, ...]:
    """Shape of the counts of a TIFF, without reading them."""
    with _opened(path) as (_, stacks):
        return squeezed(_counts_of(path, stacks).shape)


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: that beside counts that Sayre wrote, else the series `mask`, else the only one.

    Parameters
    ----------
    path
        `.tif` or `.tiff`.
    inside
        Not used: these files have no paths inside.
    """
    with _opened(path) as (tif, stacks):
        facts = _facts(tif)
        if "beside" in facts:
            mask = _mask_beside(path, facts)
            return np.zeros(stacks["intensity"].shape, np.uint8) if mask is None else mask
        return read_stack(path, stacks["mask"] if "mask" in stacks else _counts_of(path, stacks))


def _mask_beside(path: Path, facts: dict[str, Any], region: Region | None = None) -> NDArray[Any] | None:
    """The mask of counts that Sayre wrote, None where nothing of them was masked."""
    if "mask" not in facts["beside"]:
        return None
    place = beside(path, "mask")
    if not place.is_file():
        raise InputError(
            f"{path}: its mask {place.name} is missing, without which filled counts look measured; put it "
            "beside the counts"
        )
    with _opened(place) as (_, stacks):
        return read_stack(place, _counts_of(place, stacks), region)


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


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[tifffile.TiffFile, dict[str, Stack]]]:
    """A TIFF and its stacks of pages by name (a number where they have none)."""
    try:
        with tifffile.TiffFile(path) as tif:
            _require_whole(path, tif)
            yield tif, _stacks(path, tif)
    except InputError:
        raise
    except Exception as error:  # what tifffile and its decoders raise on damaged files has no common base
        raise InputError(f"{path}: not a TIFF, or cut short ({' '.join(str(error).split())})") from error


def _stacks(path: Path, tif: tifffile.TiffFile) -> dict[str, Stack]:
    """The series of a file, as stacks of pages."""
    found: dict[str, Stack] = {}
    about = tif.shaped_metadata or ()
    for number, series in enumerate(tif.series):
        name = str(about[number].get("series", number)) if number < len(about) else str(number)
        for other in {page.parent.filehandle.path for page in series.pages if page is not None}:
            if not os.path.samefile(other, path):
                require_within(path, Path(other), "FileName in its metadata", refused=True)
        if series.keyframe.samplesperpixel > 1:
            raise InputError(f"{path}: a colour image; counts must be one number a pixel")
        found[name] = Stack.of(series)
    lost = set(about[0].get("holds", ())) - found.keys() if about else set()
    if lost:
        raise InputError(f"{path}: cut short, {', '.join(sorted(lost))} is missing; copy it again")
    if not found:
        raise InputError(f"{path}: holds no image")
    return found


def _facts(tif: tifffile.TiffFile) -> dict[str, Any]:
    about = tif.shaped_metadata or ()
    return dict(about[0]) if about else {}


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


def _counts_of(path: Path, stacks: dict[str, Stack]) -> Stack:
    """The stack of the counts: by its name, the only one, or all pages where they are alike."""
    if "intensity" in stacks or len(stacks) == 1:
        return stacks.get("intensity", next(iter(stacks.values())))
    kinds = {(stack.shape, stack.dtype) for stack in stacks.values()}
    if len(kinds) == 1 and all(name.isdigit() for name in stacks):
        return Stack.joined(list(stacks.values()))
    shapes = ", ".join(str(stack.shape) for stack in list(stacks.values())[:6])
    raise InputError(f"{path}: pages of different shape or type ({shapes}); one stack of like pages would do")
