"""Pages of TIFF files: those of a region are decoded, no others."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.files.patterns.region import Region, full, lengths, require_memory, squeezed, within


@dataclass(frozen=True)
class Stack:
    """Pages that are the frames of one array.

    `one` is the series where a single page holds all, else each page is a frame of the shape's last two axes.
    """

    pages: Sequence[Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    one: Any = None

    @classmethod
    def of(cls, series: Any) -> Stack:
        """The stack of a series of tifffile."""
        shape = tuple(int(n) for n in series.shape)
        pages = list(series.pages)
        frames = int(np.prod(shape[:-2]))
        whole = len(pages) == frames and all(page.shape == shape[-2:] for page in (series.keyframe,))
        return cls(pages, shape, np.dtype(series.dtype), None if whole else series)

    @classmethod
    def joined(cls, stacks: Sequence[Stack]) -> Stack:
        """One stack of several that are alike."""
        first = stacks[0]
        if any(stack.one is not None for stack in stacks) or len(first.shape) > 3:
            raise InputError("series of several pages each; one stack of like pages would do")
        pages = [page for stack in stacks for page in stack.pages]
        return cls(pages, (len(pages), *first.shape[-2:]), first.dtype)


def read_stack(path: Path, stack: Stack, region: Region | None = None) -> NDArray[Any]:
    """Read a part of a stack, in its own type.

    Parameters
    ----------
    path
        Name of the file, for messages.
    stack
        Pages of the file, which is open.
    region
        Part that is wanted, one slice for each of the (squeezed) axes; None is all.
    """
    shape = squeezed(stack.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(f"{path}: counts must be a 2D or 3D array, found shape {stack.shape}")
    kept = within(region, shape, str(path))
    require_memory(str(path), kept, each=stack.dtype.itemsize)
    if stack.one is not None:
        part = full(kept, stack.shape)
        return np.array(_mapped(path, stack.one)[part]).reshape(lengths(kept))
    frames = kept[0] if len(shape) == 3 else slice(0, 1)
    rows, columns = kept[-2:]
    array = np.empty((frames.stop - frames.start, *lengths(kept)[-2:]), stack.dtype)
    for k in range(frames.start, frames.stop):
        page = stack.pages[k]
        array[k - frames.start] = 0 if page is None else decoded(path, page, k)[rows, columns]
    return array.reshape(lengths(kept))


def lost_frames(path: Path, stack: Stack, region: Region | None = None) -> NDArray[np.bool_] | None:
    """Frames of a region whose pages are in files that are missing, True each; None where none are.

    Parameters
    ----------
    path
        Name of the file, for messages.
    stack
        Pages of the file, which is open.
    region
        Part that is wanted, one slice for each of the (squeezed) axes; None is all.
    """
    if stack.one is not None or all(page is not None for page in stack.pages):
        return None
    shape = squeezed(stack.shape)
    frames = within(region, shape, str(path))[0] if len(shape) == 3 else slice(0, 1)
    lost = np.array([page is None for page in stack.pages[frames]])
    if lost.all():
        raise InputError(f"{path}: its frames are in other files, which are missing; put them beside it")
    return lost if lost.any() else None


def decoded(path: Path, page: Any, number: int) -> NDArray[Any]:
    """Decode a page: by tifffile, else by Pillow, which knows LZW and PackBits without imagecodecs.

    Parameters
    ----------
    path
        Of the file.
    page
        A page of tifffile.
    number
        Of the page in its file.
    """
    _require_room(path, page)
    _require_segments(path, page, number)
    try:
        with warnings.catch_warnings():  # tifffile opens the other files of a stack anew, and says so
            warnings.filterwarnings("ignore", ".*reading array from closed file", UserWarning)
            return np.asarray(page.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        found = _by_pillow(path, page.index, tuple(page.shape), np.dtype(page.dtype))
        if found is None:
            raise InputError(
                f"{path}: page {number} is compressed by {page.compression.name}, which needs the package "
                'imagecodecs: pip install "sayre[beamline]"'
            ) from error
        return found


def _mapped(path: Path, series: Any) -> NDArray[Any]:
    """An array of a series that one page holds, mapped to memory where its bytes are those of the file."""
    if series.dataoffset is None or series.keyframe.fillorder == 2:
        _require_room(path, series)
        return np.asarray(series.asarray())
    dtype = np.dtype(series.dtype).newbyteorder(series.keyframe.parent.byteorder)
    return np.memmap(path, dtype, "r", series.dataoffset, tuple(series.shape))


def _require_segments(path: Path, page: Any, number: int) -> None:
    """Refuse a page that lists fewer strips or tiles than its size takes."""
    needed, listed = math.prod(page.chunked), len(page.dataoffsets)
    if listed < needed:
        raise InputError(
            f"{path}: damaged, page {number} takes {needed} strips or tiles and lists {listed}; copy it again"
        )


def _require_room(path: Path, pages: Any) -> None:
    """Refuse to decode more pixels than there is memory for, as a page is decoded whole."""
    require_memory(
        str(path), tuple(slice(0, int(n)) for n in pages.shape), each=np.dtype(pages.dtype).itemsize
    )


def _by_pillow(path: Path, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.seek(number)
            array = np.asarray(image)
    except (OSError, EOFError, SyntaxError, UnidentifiedImageError):
        return None
    return array.astype(dtype) if array.shape == shape else None
