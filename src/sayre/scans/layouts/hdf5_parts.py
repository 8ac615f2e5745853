"""What readers of HDF5 files share: numbers with their units, detectors, links that lead nowhere, frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sayre.errors import InputError
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import named, opened
from sayre.files.patterns import hdf5
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.region import Region, indices, of_frame, squeezed
from sayre.files.safety import sound, within
from sayre.files.safety.heaps import require_heaps
from sayre.scans.protocol import Frames, Values

LEAST = 8
"""Pixels a side that a frame has at least."""


BY_SHAPE = {
    (516, 516): ("maxipix", (55e-6, 55e-6)),
    (515, 515): ("merlin", (55e-6, 55e-6)),
}
"""Detectors that the size of whole frames tells: name of their gaps, and pixels in m."""


def by_shape(shape: tuple[int, ...]) -> tuple[str | None, tuple[float, float] | None]:
    """Return the name of the gaps and the pixels in m of the detector that whole frames of a size are of."""
    known = BY_SHAPE.get((shape[-2], shape[-1]))
    return (None, None) if known is None else known


def is_hdf5(path: Path) -> bool:
    """Whether a file is one of HDF5."""
    try:
        return bool(h5py.is_hdf5(path))
    except OSError:
        return False


@contextlib.contextmanager
def looked_into(path: Path) -> Iterator[h5py.File | None]:
    """Open a file to see its layout; None where it cannot be opened.

    Parameters
    ----------
    path
        The file.
    """
    if not is_hdf5(path):
        yield None
        return
    require_heaps(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError:
        yield None
        return
    with file, within.looked_into(path):
        yield file


def number(group: h5py.Group, place: str) -> float | None:
    """Return a number of a dataset; of several that are all the same, the first; None where there is none.

    Parameters
    ----------
    group
        File or group, open.
    place
        Path inside it.
    """
    values = numbers(group, place)
    return None if values is None or not np.allclose(values, values[0], rtol=1e-9) else float(values[0])


def numbers(group: h5py.Group, place: str) -> Values | None:
    """Return the finite numbers of a dataset as an array of one axis, None where there are none.

    Parameters
    ----------
    group
        File or group, open.
    place
        Path inside it.
    """
    dataset = nexus.dataset_at(group, place)
    if dataset is None or dataset.dtype.kind not in "buif" or dataset.size == 0 or dataset.size > 10**7:
        return None
    try:
        values = np.asarray(sound.value(dataset), np.float64).ravel()
    except OSError:
        return None
    return values if np.isfinite(values).all() else None


def unit(group: h5py.Group, place: str) -> str:
    """Return the unit that a dataset states, empty where it states none.

    Parameters
    ----------
    group
        File or group, open.
    place
        Path of the dataset inside it.
    """
    dataset = nexus.dataset_at(group, place)
    return "" if dataset is None else nexus.text(dataset.attrs.get("units", ""))


def text(group: h5py.Group, place: str) -> str:
    """Return the text of a dataset, empty where there is none.

    Parameters
    ----------
    group
        File or group, open.
    place
        Path inside it.
    """
    dataset = nexus.dataset_at(group, place)
    return "" if dataset is None or dataset.size != 1 else nexus.text(sound.value(dataset))


def stacks(group: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the stacks of frames in a group, by name: numbers along three axes and more."""
    if not isinstance(group, h5py.Group):
        return {}
    found = {}
    for name in group:
        dataset = nexus.dataset_at(group, name)
        if dataset is not None and dataset.dtype.kind in "uif" and frames_in(tuple(dataset.shape)):
            found[name] = tuple(dataset.shape)
    return found


def frames_in(shape: tuple[int, ...]) -> int:
    """How many frames an array of a shape is, 0 if it is no stack of them.

    Axes of length 1 in front of the frames' own two do not count; frames of fewer than 8 pixels a side are
    matrices.
    """
    if len(shape) < 3 or min(shape[-2:]) < LEAST:
        return 0
    longer = [n for n in shape[:-2] if n != 1]
    return longer[0] if len(longer) == 1 else int(not longer)


def lost_links(group: Any) -> dict[str, str]:
    """Return the links of a group that lead nowhere, by name: the file or the path that is missing."""
    if not isinstance(group, h5py.Group):
        return {}
    found = {}
    for name in group:
        link = group.get(name, getlink=True)
        if nexus.child(group, name) is None and isinstance(link, h5py.ExternalLink):
            found[name] = link.filename
        elif nexus.child(group, name) is None and isinstance(link, h5py.SoftLink):
            found[name] = link.path
    return found


def linked_files(path: Path, file: h5py.File, place: str) -> list[Path]:
    """Return the file, and those that the dataset at a place is linked to or is made of.

    Parameters
    ----------
    path
        Of the file.
    file
        The file, open.
    place
        Path of the dataset inside it.
    """
    dataset = nexus.dataset_at(file, place)
    found = [path]
    if dataset is not None:
        found.append(Path(dataset.file.filename))
        if dataset.is_virtual:
            folder = Path(dataset.file.filename).parent
            found += [
                folder / source.file_name for source in dataset.virtual_sources() if source.file_name != "."
            ]
    return list(dict.fromkeys(part.resolve() if part.exists() else part for part in found))


def only_detector(found: Sequence[str], wanted: str | None, what: str) -> str:
    """Return the detector that is wanted, or the only one.

    Parameters
    ----------
    found
        Detectors of the scan.
    wanted
        Name of one; None takes the only one.
    what
        File and scan, for the message.

    Raises
    ------
    InputError
        None of that name; several, and none is named.
    """
    if wanted is not None and wanted not in found:
        raise InputError(f"{what}: no detector {wanted}; there is {', '.join(found) or 'none'}")
    if wanted is not None:
        return wanted
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"{what}: holds no frames of a detector")
    raise InputError(
        f"{what}: holds {len(found)} detectors ({', '.join(found)}); name one as {what}/{found[0]}"
    )


def frames_reader(path: Path, place: str, *, of_detector: str | None = None) -> Callable[..., Frames]:
    """Return a function that reads the frames of a dataset or a region of them, with masks and fields beside.

    Parameters
    ----------
    path
        The file.
    place
        Path of the dataset inside it.
    of_detector
        Path of a dataset in the group of the detector, where mask and fields are; None: that of the frames.
    """

    def read(region: Region | None = None) -> Frames:
        with opened(path) as file:
            dataset = named(path, file, place)
            shape = squeezed(dataset.shape)
            part = region if region is None or len(shape) == 3 else region[1:]
            counts, missing, _ = hdf5.read_blocks(path, {place: dataset}, part)
            whole = (shape[0] if len(shape) == 3 else 1, *shape[-2:])
            mask = hdf5.mask_for(path, file, of_detector or place, whole, region)
            beside, remarks = hdf5.read_beside(path, file, of_detector or place)
            contents = Contents(
                counts=counts.reshape(-1, *counts.shape[-2:]),
                stored=dataset.dtype,
                mask=hdf5.with_missing(mask, missing),
                beside=beside,
                remarks=(*remarks, *hdf5.unmapped_said(missing)),
                cutoff=nexus.cutoff(file, of_detector or place),
                region=of_frame(region),
                frame=(shape[-2], shape[-1]),
            )
        return Frames(contents, None if region is None else indices(region[0]))

    return read
