"""Virtual datasets: which voxels nothing was mapped to, and whether their sources hold what they should.

HDF5 fills what is not mapped, and what is mapped to a file or dataset that is not there, with zeros and says
nothing, also where the source is itself a virtual dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5s
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.files.patterns.region import Region, lengths
from sayre.files.safety.within import require_within

Mask = NDArray[np.bool_]
Places = list[NDArray[np.int64]]
"""Indices along each axis of a box."""

_DEEPEST = 8


def unmapped(path: Path, dataset: h5py.Dataset, region: Region, *, depth: int = 0) -> Mask | None:
    """Voxels of a region that no source of a virtual dataset holds; None where all are held.

    Parameters
    ----------
    path
        File that the user named.
    dataset
        Of any kind.
    region
        Of the dataset, in numbers.
    depth
        How many virtual datasets lead to this one.

    Raises
    ------
    InputError
        A source that is missing, cannot be opened, or is smaller than what is mapped.
    """
    if not dataset.is_virtual:
        return None
    if depth > _DEEPEST:
        raise InputError(f"{path}::{dataset.name}: virtual datasets lead in a circle")
    lacking = np.ones(lengths(region), bool)
    for source in dataset.virtual_sources():
        for number, places in _boxes(source.vspace, dataset.shape):
            inside = [
                here[(here >= part.start) & (here < part.stop)] - part.start
                for here, part in zip(places, region, strict=True)
            ]
            if not all(here.size for here in inside):
                continue
            lost = _lost(path, dataset, source, number, places, depth)
            if lost is None:
                lacking[np.ix_(*inside)] = False
            else:
                _place(path, dataset, lacking, lost, places, region)
    return lacking if lacking.any() else None


def _boxes(space: h5s.SpaceID, shape: tuple[int, ...]) -> Iterator[tuple[int, Places]]:
    """Number and indices of every box that a source is mapped to."""
    if space.get_select_type() == h5s.SEL_ALL:
        yield 0, [np.arange(n) for n in shape]
    elif space.get_select_type() == h5s.SEL_HYPERSLABS and space.is_regular_hyperslab():
        yield from _regular(space, shape)
    else:
        for number, (first, last) in enumerate(space.get_select_hyper_blocklist()):
            yield number, [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]


def _regular(space: h5s.SpaceID, shape: tuple[int, ...]) -> Iterator[tuple[int, Places]]:
    starts, strides, counts, blocks = space.get_regular_hyperslab()
    places, endless = [], None
    for axis, (start, stride, count, block) in enumerate(zip(starts, strides, counts, blocks, strict=True)):
        if count == h5s.UNLIMITED:  # one file a block, whose number is in its name
            endless = axis
            count = -(-(shape[axis] - start) // stride)
        first = start + stride * np.arange(count)
        within = min(block, shape[axis] - start)
        places.append((first[:, None] + np.arange(within)).reshape(count, within))
    if endless is None:
        yield 0, [part.ravel() for part in places]
        return
    for number, part in enumerate(places[endless]):
        chosen = [other.ravel() for other in places]
        chosen[endless] = part[part < shape[endless]]
        yield number, chosen


def _lost(
    path: Path, dataset: h5py.Dataset, source: Any, number: int, places: Places, depth: int
) -> Mask | None:
    """Voxels that the source of a box does not hold itself, in its own axes; None where it holds all."""
    named = _numbered(source.file_name, number)
    where = f"{path}::{dataset.name}"
    home = Path(dataset.file.filename)
    file = home if named == "." else _found(home, named)
    if file is None:
        raise InputError(f"{where}: its frames are in {named}, which is missing; put it beside {path}")
    if named != ".":
        require_within(path, file, f"the virtual dataset {dataset.name}")
    try:
        opened = h5py.File(file, "r", locking=False)
    except OSError as error:
        raise InputError(
            f"{where}: its frames are in {named}, which cannot be opened; is it copied whole? "
            f"({' '.join(str(error).split())})"
        ) from error
    with opened:
        name = _numbered(source.dset_name, number)
        inner = opened.get(name)
        if not isinstance(inner, h5py.Dataset):
            raise InputError(f"{where}: its frames are in {named}::{name}, where no dataset is")
        whole = source.src_space.get_select_type() == h5s.SEL_ALL
        low, high = ((0,) * inner.ndim, inner.shape) if whole else _bounds(source.src_space)
        mapped = int(np.prod([part.size for part in places]))
        short = inner.size != mapped if whole else any(n > m for n, m in zip(high, inner.shape, strict=False))
        if short or len(high) != inner.ndim:
            raise InputError(
                f"{where}: {mapped} voxels are mapped to {named}::{name}, which has "
                f"{'×'.join(map(str, inner.shape))}; was the scan stopped? name that file, or write it again"
            )
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        return unmapped(path, inner, box, depth=depth + 1)


def _place(
    path: Path, dataset: h5py.Dataset, lacking: Mask, lost: Mask, places: Places, region: Region
) -> None:
    """Mark what is held of a box whose source lacks a part."""
    shape = tuple(part.size for part in places)
    if lost.size != np.prod(shape):
        raise InputError(
            f"{path}::{dataset.name}: a source lacks frames, and is mapped in strides; name the source itself"
        )
    held = np.ones(lacking.shape, bool)
    inside = [(here >= part.start) & (here < part.stop) for here, part in zip(places, region, strict=True)]
    kept = [here[good] - part.start for here, good, part in zip(places, inside, region, strict=True)]
    held[np.ix_(*kept)] = lost.reshape(shape)[np.ix_(*inside)]
    lacking &= held


def _bounds(space: h5s.SpaceID) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First index along each axis of what is selected, and the one after the last."""
    low, high = space.get_select_bounds()
    return tuple(int(a) for a in low), tuple(int(b) + 1 for b in high)


def _numbered(name: str, number: int) -> str:
    return name.replace("%b", str(number)).replace("%%", "%")


def _found(home: Path, named: str) -> Path | None:
    """The file of a source where HDF5 looks for it: as named, or beside the file that names it."""
    tried = (home.parent / named, home.parent / Path(named).name)
    return next((file for file in tried if file.is_file()), None)
