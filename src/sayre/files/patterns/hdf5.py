"""HDF5 and NeXus files: finding the counts in them, reading, writing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from sayre.data import Manifest
from sayre.errors import InputError, warn
from sayre.files.hdf5 import nexus, writing
from sayre.files.hdf5.arrays import read_array, read_counts, read_mask_array
from sayre.files.hdf5.companions import find_beside
from sayre.files.hdf5.tree import ambiguous, find_counts, last, named, opened, walk
from sayre.files.patterns.companions import Kind, kind_of, refuse_other
from sayre.files.patterns.contents import Contents, Output, arrays_of
from sayre.files.patterns.region import Region, of_frame, require_memory, squeezed, within

Mask = NDArray[np.bool_]

_NAMED_MASK = ("mask", "pixel_mask")


def read(path: Path, inside: str | None = None, region: Region | None = None) -> Contents:
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
    region
        Part of the counts that is read, one slice an axis; None reads all.
    """
    with opened(path) as file:
        found = {inside: named(path, file, inside)} if inside else find_counts(path, file)
        place, dataset = next(iter(found.items()))
        counts, missing, shape = read_blocks(path, found, region)
        mask = with_missing(mask_for(path, file, place, shape, region), missing)
        beside, remarks = read_beside(path, file, place)
        datasets, broken = walk(file)
        errors = [d for p, d in datasets.items() if last(p) == "sigma" and squeezed(d.shape or ()) == shape]
        if mask is None:
            _tell_of_masks(path, place, shape, datasets, broken)
        return Contents(
            counts=counts,
            stored=dataset.dtype,
            mask=mask,
            known=nexus.facts(file, place),
            sigma=read_array(path, errors[0], region) if errors else None,
            method=nexus.method_of(file, place),
            beside=beside,
            remarks=(*remarks, *unmapped_said(missing)),
            region=of_frame(region),
            cutoff=nexus.cutoff(file, place),
        )


def _tell_of_masks(
    path: Path, place: str, shape: tuple[int, ...], datasets: dict[str, h5py.Dataset], broken: list[str]
) -> None:
    """Warn of what is named as a mask of the counts, in a place where it is not looked for."""
    entry = f"/{place.strip('/')}".split("/")[1]
    for where in (*datasets, *broken):
        if last(where) not in _NAMED_MASK or where.split("/")[1] not in (entry, last(where)):
            continue
        dataset = datasets.get(where)
        if dataset is None:
            warn(f"{path.name}: {where} is a link whose target is missing; nothing is masked by it")
        elif squeezed(dataset.shape or ()) in (shape, shape[-2:]):
            warn(f"{path.name}: {where} may be a mask of the counts and is not used; `mask={path}::{where}`")


def read_blocks(
    path: Path, found: dict[str, h5py.Dataset], region: Region | None
) -> tuple[NDArray[Any], Mask | None, tuple[int, ...]]:
    """Read the frames of one dataset or of several that follow each other.

    Parameters
    ----------
    path
        Name of the file, for messages.
    found
        Datasets in order, by their paths.
    region
        Part of all frames that is read; None reads all.

    Returns
    -------
    counts
        Of the region.
    missing
        Voxels that virtual datasets map to no file; None where there are none.
    shape
        Of all frames.
    """
    shapes = {place: squeezed(dataset.shape or ()) for place, dataset in found.items()}
    first = next(iter(shapes.values()))
    if len(found) == 1:
        place, dataset = next(iter(found.items()))
        if dataset.dtype.kind in "uif" and first and 0 not in first:
            require_memory(f"{path}::{place}", within(region, first, f"{path}::{place}"))
        return (*read_counts(path, dataset, region), first)
    for place, shape in shapes.items():
        if shape[-2:] != first[-2:]:
            raise InputError(f"{path}::{place}: frames of {shape[-2:]}, the first {first[-2:]}")
    lengths = [shape[0] if len(shape) == 3 else 1 for shape in shapes.values()]
    whole = (sum(lengths), *first[-2:])
    kept = within(region, whole, str(path))
    require_memory(str(path), kept)
    counts = np.empty([part.stop - part.start for part in kept], np.float32)
    missing, start = None, 0
    for dataset, length in zip(found.values(), lengths, strict=True):
        low, high = max(kept[0].start, start), min(kept[0].stop, start + length)
        if low < high:
            one = len(squeezed(dataset.shape)) == 2
            frames = () if one else (slice(low - start, high - start),)
            place_in = slice(low - kept[0].start, high - kept[0].start)
            lost = read_counts(path, dataset, (*frames, *kept[1:]), counts[place_in])[1]
            if lost is not None:
                missing = np.zeros(counts.shape, bool) if missing is None else missing
                missing[place_in] = lost
        start += length
    return counts, missing, whole


def with_missing(mask: NDArray[Any] | None, missing: Mask | None) -> NDArray[Any] | None:
    """A mask with the voxels added that nothing was mapped to.

    Parameters
    ----------
    mask
        Non-zero where not measured, of a frame or of all voxels; None masks nothing.
    missing
        Voxels that nothing was mapped to; None where there are none.
    """
    if missing is None:
        return mask
    return missing if mask is None else (np.asarray(mask) != 0) | missing


def unmapped_said(missing: Mask | None) -> tuple[str, ...]:
    """What is to be said of voxels that nothing was mapped to."""
    if missing is None:
        return ()
    whole = int(missing.reshape(len(missing), -1).all(axis=1).sum()) if missing.ndim == 3 else 0
    frames = f", {whole} whole frames among them," if whole else ""
    return (f"{int(missing.sum())} voxels{frames} of the virtual dataset are mapped to no file; masked",)


def read_beside(path: Path, file: h5py.File, place: str) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Read white fields, dark fields and bad pixels; see `sayre.files.hdf5.companions.find_beside`.

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
            return read_mask_array(path, named(path, file, inside))
        usual = next(nexus.masks(file, "/"), None)
        if usual is not None:
            return read_mask_array(path, usual)
        images = {p: d for p, d in walk(file)[0].items() if d.ndim in (2, 3) and d.dtype.kind in "buif"}
        masks = {p: d for p, d in images.items() if "mask" in last(p).lower()} or images
        if len(masks) != 1:
            raise ambiguous(path, masks, "the mask")
        return read_mask_array(path, next(iter(masks.values())))


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
            raise ambiguous(path, found, f"the {kind} field")
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
    file.write(image(lambda h5: writing.write(h5, arrays_of(what), what, manifest)))


def image(build: Callable[[h5py.File], None]) -> bytes:
    """Bytes of the HDF5 file that `build` fills, made in memory: HDF5 does not survive a full disk."""
    # A name of its own, since the threads of a process share names.
    with h5py.File(secrets.token_hex(16), "w", driver="core", backing_store=False) as h5:
        build(h5)
        h5.flush()
        return bytes(h5.id.get_file_image())


def mask_for(
    path: Path, file: h5py.File, place: str, shape: tuple[int, ...], region: Region | None = None
) -> NDArray[Any] | None:
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
        Of all counts.
    region
        Part of them that is wanted, one slice an axis; None is all.

    Warns
    -----
    SayreWarning
        There are masks, but of other shapes than the counts.
    """
    shape, unfit = squeezed(shape), ""
    for candidate in nexus.masks(file, place):
        if candidate == nexus.dataset_at(file, place):
            continue
        own = squeezed(candidate.shape)
        own = own[1:] if len(own) == 3 and own[0] == 1 and own != shape else own
        if own in (shape, shape[-2:]):
            part = None if region is None else region[-len(own) :]
            if len(squeezed(candidate.shape)) > len(own):
                part = None if part is None else (slice(0, 1), *part)
            return read_mask_array(path, candidate, part)
        unfit = unfit or f"{candidate.name} {candidate.shape}"
    if unfit:
        warn(f"{path.name}: mask {unfit} does not fit counts {shape}; not used")
    return None
