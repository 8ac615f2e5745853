"""HDF5 and NeXus files: finding the counts in them, reading, writing."""

from __future__ import annotations

import contextlib
import difflib
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import hdf5plugin  # noqa: F401  (registers the filters of detector files)
import numpy as np
from numpy.typing import NDArray

from sayre.data import Manifest
from sayre.errors import InputError, warn
from sayre.files.patterns import nexus
from sayre.files.patterns.companions import Kind, kind_of, refuse_other
from sayre.files.patterns.contents import Contents, Output, arrays_of, may_be_counts
from sayre.files.patterns.hdf5_companions import find_beside
from sayre.files.patterns.heaps import require_heaps
from sayre.files.patterns.sound import require_sound

Datasets = dict[str, h5py.Dataset]
Member = tuple[str, h5py.Group]

_EIGER_FRAMES = re.compile(r"data_\d+")


def read(path: Path, inside: str | None = None) -> Contents:
    """Read the counts of an HDF5 file.

    `inside` names the dataset. Without it: the only 3D (else 2D) numeric dataset, the frames
    `data_000001 …` of an EIGER master file in order, or the NeXus default plot. The mask is the one beside
    the counts, or the detector's.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None looks in the usual places.
    """
    with opened(path) as file:
        found = {inside: named(path, file, inside)} if inside else find_counts(path, file)
        stack = [read_array(path, dataset) for dataset in found.values()]
        place, dataset = next(iter(found.items()))
        counts = stack[0] if len(stack) == 1 else _joined(path, list(found), stack)
        beside, remarks = read_beside(path, file, place)
        errors = [d for p, d in walk(file)[0].items() if _last(p) == "sigma" and d.shape == counts.shape]
        return Contents(
            counts=counts,
            stored=dataset.dtype,
            mask=mask_for(path, file, place, counts.shape),
            known=nexus.facts(file, place),
            sigma=read_array(path, errors[0]) if errors else None,
            method=nexus.method_of(file, place),
            beside=beside,
            remarks=remarks,
        )


def read_beside(path: Path, file: h5py.File, place: str) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Read white fields, dark fields and bad pixels; see `sayre.files.patterns.hdf5_companions.find_beside`.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    place
        Path of the counts inside it.
    """
    found, remarks = find_beside(path, file, place)
    return {name: read_array(path, dataset) for name, dataset in found.items()}, remarks


def states_cxi(path: Path) -> bool:
    """Whether an HDF5 file states a `cxi_version`, so that its counts are where CXI files have them."""
    with opened(path) as file:
        return "cxi_version" in file


def read_mask(path: Path, inside: str | None = None) -> NDArray[Any]:
    """Read a mask: the dataset named, else the usual places, else the only dataset named like a mask.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None looks in the usual places.
    """
    with opened(path) as file:
        if inside:
            return read_array(path, named(path, file, inside))
        usual = next(nexus.masks(file, "/"), None)
        if usual is not None:
            return read_array(path, usual)
        images = {p: d for p, d in walk(file)[0].items() if d.ndim in (2, 3) and d.dtype.kind in "buif"}
        masks = {p: d for p, d in images.items() if "mask" in _last(p).lower()} or images
        if len(masks) != 1:
            raise _ambiguous(path, masks, "the mask")
        return read_array(path, next(iter(masks.values())))


def read_companion(path: Path, inside: str | None, kind: Kind) -> NDArray[Any]:
    """Read a white or dark field from a file of its own.

    Parameters
    ----------
    path
        The file.
    inside
        Path of a dataset inside it; None takes the only one named like one, else the only image.
    kind
        What is looked for.
    """
    with opened(path) as file:
        if inside:
            return read_array(path, named(path, file, inside))
        images = {p: d for p, d in walk(file)[0].items() if d.ndim in (2, 3)}
        found = {p: d for p, d in images.items() if kind_of(p) == kind} or find_counts(path, file)
        if len(found) != 1:
            raise _ambiguous(path, found, f"the {kind} field")
        refuse_other(kind, next(iter(found)), str(path))
        return read_array(path, next(iter(found.values())))


def write(file: BinaryIO, what: Output, manifest: Manifest) -> None:
    """Write a NeXus file whose default plot is the counts.

    Parameters
    ----------
    file
        Open for writing, binary.
    what
        A pattern, measured, filled or simulated.
    manifest
        What made it.
    """
    file.write(image(lambda h5: nexus.write(h5, arrays_of(what), what, manifest)))


def image(build: Callable[[h5py.File], None]) -> bytes:
    """Bytes of the HDF5 file that `build` fills, made in memory: HDF5 does not survive a full disk."""
    # A name of its own, since the threads of a process share names.
    with h5py.File(secrets.token_hex(16), "w", driver="core", backing_store=False) as h5:
        build(h5)
        h5.flush()
        return bytes(h5.id.get_file_image())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open for reading, without a lock (beamline folders are often read-only)."""
    require_heaps(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(f"{path}: not an HDF5 file, or cut short ({_one_line(error)})") from error
    with file:
        yield file


def walk(file: h5py.File) -> tuple[Datasets, list[str]]:
    """Every dataset once, by its own path rather than a soft link's, and the paths of broken links."""
    datasets: Datasets = {}
    broken: list[str] = []
    seen: set[Any] = {file["/"]}
    own, links = _members("", file["/"])
    while own or links:
        place, parent = (own or links).pop(0)
        try:
            item = parent[_last(place)]
        except (KeyError, OSError):
            broken.append(place)
            continue
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, h5py.Group):
            inner, inner_links = _members(place, item)
            own, links = own + inner, links + inner_links
        elif isinstance(item, h5py.Dataset):
            datasets[place] = item
    return datasets, broken


def _members(place: str, group: h5py.Group) -> tuple[list[Member], list[Member]]:
    """What is in the group at `place`: what it holds itself, and its soft and external links."""
    own, links = list[Member](), list[Member]()
    for name in group:
        hard = isinstance(group.get(name, getlink=True), h5py.HardLink)
        (own if hard else links).append((f"{place}/{name}", group))
    return own, links


def named(path: Path, file: h5py.File, inside: str) -> h5py.Dataset:
    """The dataset at a path inside the file; for an NXdata group, its signal.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    inside
        Path of a dataset, or of an NXdata group.
    """
    try:
        item = file[inside]
    except (KeyError, OSError, ValueError) as error:
        datasets, broken = walk(file)
        if "/" + inside.strip("/") in broken:
            raise InputError(
                f"{path}::{inside}: a link whose target is missing; copy the linked file too"
            ) from error
        close = difflib.get_close_matches("/" + inside.strip("/"), datasets, n=3, cutoff=0.4)
        close = close or list(datasets)[:6]
        raise InputError(f"{path}: no dataset {inside}; there is {', '.join(close) or 'none'}") from error
    if isinstance(item, h5py.Group):
        signal = nexus.signal(item)
        if signal is None:
            raise InputError(
                f"{path}::{inside}: a group of {', '.join(list(item)[:6]) or 'nothing'}; name a dataset"
            )
        return signal
    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{path}::{inside}: a named datatype; name a dataset")
    return item


def find_counts(path: Path, file: h5py.File) -> Datasets:
    """The dataset of the counts by its path, or the several that hold the frames of one scan.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    """
    datasets, broken = walk(file)
    numeric = {p: d for p, d in datasets.items() if d.shape and d.dtype.kind in "uifc" and may_be_counts(p)}
    for ndim in (3, 2):
        found = {p: d for p, d in numeric.items() if len(_squeezed(d.shape)) == ndim}
        if len(found) > 1:
            found = {p: d for p, d in found.items() if kind_of(p) is None}
        frames = _frames(path, found, broken)
        if frames or len(found) == 1:
            return frames or found
        if found:
            default = nexus.default(file)
            if default is not None:
                return {default.name: default}
            raise _ambiguous(path, found, "the counts")
    if broken:
        raise InputError(f"{path}: {broken[0]} is a link whose target is missing; copy the linked files too")
    shapes = ", ".join(f"{p} {d.shape}" for p, d in list(datasets.items())[:6]) or "no datasets"
    raise InputError(f"{path}: no 2D or 3D numbers, found {shapes}")


def read_array(path: Path, dataset: h5py.Dataset) -> NDArray[Any]:
    """Read a dataset, numbers straight into float32.

    Parameters
    ----------
    path
        Name of the file, for messages.
    dataset
        What is read.

    Raises
    ------
    InputError
        Complex or non-numeric data, nothing in it, a missing filter or linked file, damage.
    """
    where = f"{path}::{dataset.name}"
    if dataset.dtype.kind not in "buif":
        raise InputError(f"{where}: counts must be real numbers, found {dataset.dtype}")
    if not dataset.shape or 0 in dataset.shape:
        raise InputError(f"{where}: must be a 2D or 3D array, found shape {dataset.shape}")
    require_sound(dataset, path)
    try:
        if dataset.dtype.kind == "b":
            return np.asarray(dataset[()])
        array = np.empty(dataset.shape, np.float32)
        dataset.read_direct(array)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{where}: cannot be read, damaged or its linked file is ({_one_line(error)})"
        ) from error
    return array


def _frames(path: Path, found: Datasets, broken: list[str]) -> Datasets:
    """`found` in order if they are the blocks of one scan, all of them readable.

    They are in one group and numbered 1, 2, 3, … (or from 0). Other numbers are those of several detectors,
    as SOLEIL has them.
    """
    if not found or not all(_EIGER_FRAMES.fullmatch(_last(place)) for place in found):
        return {}
    lost = [place for place in broken if _EIGER_FRAMES.fullmatch(_last(place))]
    numbers = sorted(int(_last(place).partition("_")[2]) for place in (*found, *lost))
    groups = {place.rpartition("/")[0] for place in (*found, *lost)}
    if len(groups) > 1 or numbers[0] > 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return {}
    if lost:
        raise InputError(f"{path}: {lost[0]} is a link whose target is missing; copy the data files too")
    return dict(sorted(found.items(), key=lambda item: int(_last(item[0]).partition("_")[2])))


def _joined(path: Path, places: list[str], stack: list[NDArray[Any]]) -> NDArray[Any]:
    for place, frames in zip(places, stack, strict=True):
        if frames.shape[1:] != stack[0].shape[1:]:
            raise InputError(f"{path}::{place}: frames of {frames.shape[1:]}, the first {stack[0].shape[1:]}")
    return np.concatenate(stack)


def mask_for(path: Path, file: h5py.File, place: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """The first mask in the usual places that fits the counts at `place`.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    place
        Path of the counts inside it.
    shape
        Of the counts.

    Warns
    -----
    SayreWarning
        There are masks, but of other shapes than the counts.
    """
    shape, unfit = _squeezed(shape), ""
    for candidate in nexus.masks(file, place):
        if candidate == nexus.dataset_at(file, place):
            continue
        if _squeezed(candidate.shape) in (shape, shape[-2:]):
            return read_array(path, candidate)
        unfit = unfit or f"{candidate.name} {candidate.shape}"
    if unfit:
        warn(f"{path.name}: mask {unfit} does not fit counts {shape}; not used")
    return None


def _last(place: str) -> str:
    return place.rsplit("/", 1)[-1]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` without the axes of length 1 in front that make more than three."""
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _ambiguous(path: Path, found: Datasets, what: str) -> InputError:
    shown = ", ".join(f"{p} {'×'.join(map(str, d.shape))}" for p, d in list(found.items())[:6])
    more = ", …" if len(found) > 6 else ""
    return InputError(
        f"{path}: {len(found)} datasets could be {what}: {shown}{more}; "
        f"name one as {path.name}::/path/to/dataset"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
