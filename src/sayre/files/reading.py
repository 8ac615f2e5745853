"""Files to patterns."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Grid, Meta, Pattern
from sayre.data.pattern import warn_of_rounding
from sayre.errors import InputError, note, understood, warn
from sayre.files.amplitudes import as_counts
from sayre.files.corrections import Given, corrected
from sayre.files.digests import digest_of
from sayre.files.formats import readable, split_path
from sayre.files.marks import marks_in, refuse_negated
from sayre.files.masks import Masks, masks_of, meaning, own_mask, refuse_inverted
from sayre.files.patterns.contents import Contents, integers, plausible, positive
from sayre.files.patterns.region import Region, of_frame, parsed, squeezed
from sayre.files.safety.apart import tried_apart

AXES = "frc"
"""Frames, rows, columns: the order of the axes of counts."""


@tried_apart
def load(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    amplitudes: bool = False,
    roi: str | Region | None = None,
    axes: str | None = None,
    readout: float | None = None,
) -> Pattern:
    """Read a pattern; the ending of `path` says how.

    Parameters
    ----------
    path
        `.npz` (counts `intensity`, `data` or `I`, else the only 3D, else 2D array, or the array that
        `file.npz::name` names; mask `mask`), `.npy`,
        `.cxi`, `.h5`/`.hdf5`/`.nxs` (`file.h5::/path/to/dataset` names the counts), `.tif`/`.tiff`, or
        a folder or glob of TIFF frames, stacked in the order of the numbers in their names.
    mask
        File of any of these kinds, an array, or a list of either: non-zero where not measured. A 2D mask
        holds for every frame. They are added to the mask in the file.
    flat
        White field: counts are divided by the relative response of their pixels, and dead pixels are masked.
        "auto" takes one that the file holds beside the counts, "none" or None leaves the counts as they are;
        else a file of any of these kinds or an array, of a frame's shape or the counts'.
    dark
        Counts without beam: pixels that are hot are masked, nothing is subtracted. "auto", "none", a file or
        an array, as `flat`.
    amplitudes
        Whether the values are square roots of counts, as cohere keeps them: they are squared.
    roi
        Part of the counts that is read, a slice for each axis or a text such as "10:50,:,100:356"; no more
        than that is read from the file. Masks and fields of all frames, or of whole ones, are cut alike.
    axes
        Order of the axes in the file, `f` frames, `r` rows, `c` columns: "rcf" where frames are last. None is
        "frc". `roi` is in the order that counts have in the end.
    readout
        Standard deviation of dark voxels in counts, where these may be negative; 0 masks negative counts.
        None finds it where many are negative, as `Pattern.from_counts` does.

    Returns
    -------
    Pattern
        Counts float32 `(rocking, row, column)` or `(row, column)`. Voxels that an earlier run filled
        are in the file's mask, so they count as not measured. `meta` has the file's name and SHA-256
        (of its frames' digests for a folder) and what the file says of energy, geometry and reflection.

    Raises
    ------
    InputError
        The file cannot be read, or holds no counts, or several arrays that could be; a mask that is surely
        inverted, for it hides most voxels and nearly all counts; amplitudes without `amplitudes`; counts
        below zero in an unsigned type.

    Warns
    -----
    SayreWarning
        NaN, infinite and negative values masked, or negative ones used, where they are as noise around zero
        is; voxels at the highest value of an unsigned 16- to 64-bit integer masked (detectors mark dead or
        overflown pixels with it); values that are not integers; a mask of more than half of the voxels; what
        was corrected by the white field, dark field and bad pixels beside the counts, and arrays that were
        not used.
    """
    region = parsed(roi, path)
    contents, digest = _read(path, region, axes)
    return pattern_of_contents(
        path,
        contents,
        digest,
        mask=mask,
        flat=flat,
        dark=dark,
        amplitudes=amplitudes,
        region=region,
        readout=readout,
    )


@tried_apart
def load_filled(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    amplitudes: bool = False,
    roi: str | Region | None = None,
    axes: str | None = None,
    readout: float | None = None,
) -> Pattern | FilledPattern:
    """Read a pattern as `load` does, with what an earlier run filled and stated as `sigma` (`.npz`, HDF5).

    Voxels masked beyond those that were filled, or counts divided by a white field now, make it an unfilled
    pattern again.

    Parameters
    ----------
    path, mask, flat, dark, amplitudes, roi, axes, readout
        As `load` takes them.
    """
    region = parsed(roi, path)
    contents, digest = _read(path, region, axes)
    pattern = pattern_of_contents(
        path,
        contents,
        digest,
        mask=mask,
        flat=flat,
        dark=dark,
        amplitudes=amplitudes,
        region=region,
        readout=readout,
    )
    with understood(path):
        return _with_filling(pattern, contents)


def _with_filling(pattern: Pattern, contents: Contents) -> Pattern | FilledPattern:
    """The pattern with what its file says was filled in its masked voxels, where that is so."""
    sigma = sigma_of_a_filling(contents)
    if contents.sigma is not None and sigma is None:
        warn(f"{pattern.name}: sigma is not the error of a filling (above 0 where masked, else 0); not used")
    if sigma is None or contents.mask is None:
        return pattern
    if pattern.meta.divided_by != _words(contents.known.get("divided_by")):
        return pattern
    if not np.array_equal(pattern.mask, contents.mask != 0):
        return pattern
    filled = contents.counts if pattern.readout else np.maximum(contents.counts, 0)
    counts = np.where(pattern.mask, filled, pattern.intensity).astype(np.float32)
    sigma = np.where(pattern.mask, sigma, 0).astype(np.float32)
    return FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method=contents.method or "as read")


def pattern_of_contents(
    path: str | Path,
    contents: Contents,
    digest: str,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    amplitudes: bool = False,
    region: Region | None = None,
    readout: float | None = None,
) -> Pattern:
    """Check what was found in a file, mask what was not measured, and correct for the detector.

    Parameters
    ----------
    path
        Where the contents are from; the name of the pattern.
    contents
        What was found.
    digest
        SHA-256 of the file or files.
    mask, flat, dark, amplitudes, region, readout
        As `load` takes them; of the region the contents are all.
    """
    contents = as_counts(path, contents, amplitudes)
    counts, name = contents.counts, Path(split_path(path)[0]).name
    counts = counts.reshape(squeezed(counts.shape))
    if counts.ndim not in (2, 3) or counts.size == 0:
        raise InputError(f"{path}: counts must be a 2D or 3D array, found shape {counts.shape}")
    if counts.dtype.kind not in "buif":
        raise InputError(
            f"{path}: counts must be real numbers, found {counts.dtype}; not an object or amplitude"
        )
    missing = meaning(contents.mask, counts.shape, str(path))
    over, remarks = marks_in(counts, contents.stored, missing, contents.cutoff)
    refuse_negated(counts, contents.stored, ~(over | missing), str(path))
    if sigma_of_a_filling(contents) is None:
        refuse_inverted(missing, counts, over, str(path))
    for one in masks_of(mask):
        missing |= own_mask(one, counts, over, region)
    for remark in remarks:
        note(f"{name}: {remark}")
    missing |= over
    if counts.dtype == np.float32:
        warn_of_rounding(name, counts, contents.stored, missing)
    meta = dataclasses.replace(
        _meta(plausible(contents.known, name), counts.ndim), source=name, sha256=digest
    )
    if region is not None:
        meta = dataclasses.replace(meta, origin=_origin(meta, region))
    del over
    grid, kept = _grid(contents.known, counts.ndim), contents.sigma is not None or not counts.flags.writeable
    if readout is None:
        readout = next(iter(positive(contents.known.get("readout"), 1) or ()), None)
    pattern = Pattern.from_counts(counts, missing, grid=grid, meta=meta, readout=readout, copy=kept)
    return corrected(pattern, contents, path, flat=flat, dark=dark)


def _read(path: str | Path, region: Region | None, axes: str | None) -> tuple[Contents, str]:
    """Contents of a file, folder or glob, its axes in order, and its SHA-256."""
    file, inside = split_path(path)
    stored = region if axes is None or region is None else reordered(region, axes, path)
    if file.is_dir() or (not file.exists() and any(sign in file.name for sign in "*?[")):
        from sayre.files.patterns import tiff_frames

        contents, frames = tiff_frames.read_frames(file, stored)
        digest = hashlib.sha256(
            "".join(digest_of(frame, whole=region is None) for frame in frames).encode()
        ).hexdigest()
    else:
        with understood(path):
            contents, digest = (
                readable(file, inside).read(file, inside, stored),
                digest_of(file, whole=region is None),
            )
    return (contents if axes is None else _frames_first(contents, axes, path, region)), digest


def reordered(region: Region, axes: str, path: str | Path) -> Region:
    """A region of (frames, rows, columns) in the order of the axes of a file.

    Parameters
    ----------
    region
        One slice an axis.
    axes
        As `load` takes it.
    path
        Name of the file, for the message.
    """
    require_axes(axes, path)
    if len(region) != len(AXES):
        raise InputError(f"{path}: `axes=` needs a region of three axes, found {len(region)}")
    return tuple(region[AXES.index(letter)] for letter in axes)


def require_axes(axes: str, path: str | Path) -> None:
    """Refuse an order of axes that is none.

    Parameters
    ----------
    axes
        As `load` takes it.
    path
        Name of the file, for the message.
    """
    if sorted(axes) != sorted(AXES):
        raise InputError(f"{path}: `axes=` must be f, r and c in the order of the file, found {axes}")


def _frames_first(contents: Contents, axes: str, path: str | Path, region: Region | None) -> Contents:
    require_axes(axes, path)
    order = [axes.index(letter) for letter in AXES]

    def turned(array: Any) -> Any:
        array = None if array is None else np.asarray(array)
        if array is None or array.ndim < 2:
            return array
        array = array.reshape(squeezed(array.shape))
        if array.ndim == 2:
            return array.T if axes.index("c") < axes.index("r") else array
        return array.transpose(order)

    if len(squeezed(contents.counts.shape)) != len(AXES):
        raise InputError(f"{path}: `axes=` is for counts of three axes, found {contents.counts.shape}")
    return dataclasses.replace(
        contents,
        counts=turned(contents.counts),
        mask=turned(contents.mask),
        sigma=turned(contents.sigma),
        beside={name: turned(array) for name, array in contents.beside.items()},
        region=of_frame(region),
    )


def sigma_of_a_filling(contents: Contents) -> NDArray[Any] | None:
    """The error of counts that were filled, as Sayre states it: positive or unknown where masked, else 0.

    A `sigma` of measured counts is another program's, and None.
    """
    if contents.sigma is None or contents.mask is None:
        return None
    sigma, masked = np.asarray(contents.sigma), np.asarray(contents.mask) != 0
    if sigma.shape != contents.counts.shape or sigma.dtype.kind != "f":
        return None
    masked = np.broadcast_to(masked, sigma.shape) if masked.shape == sigma.shape[-masked.ndim :] else masked
    fits = masked.shape == sigma.shape and bool(not (sigma[masked] <= 0).any() and not np.any(sigma[~masked]))
    return sigma if fits else None


def _origin(meta: Meta, region: Region) -> tuple[int, ...]:
    before = meta.origin or (0,) * len(region)
    return tuple(first + (part.start or 0) for first, part in zip(before, region, strict=True))


def _meta(known: Mapping[str, Any], ndim: int) -> Meta:
    """What a file says of its origin, where it makes sense."""
    energy = positive(known.get("energy"), 1)
    distance = positive(known.get("distance"), 1)
    pixel, hkl = positive(known.get("pixel_size"), 2), integers(known.get("hkl"), 3)
    detector, binning = known.get("detector"), integers(known.get("binning"), ndim)
    return Meta(
        energy=energy[0] if energy else None,
        distance=distance[0] if distance else None,
        pixel_size=(pixel[0], pixel[1]) if pixel else None,
        hkl=(hkl[0], hkl[1], hkl[2]) if hkl else None,
        detector=str(detector) if detector is not None else None,
        origin=integers(known.get("origin"), ndim),
        binning=binning if binning and min(binning) >= 1 else None,
        corrections=_words(known.get("corrections")),
        divided_by=_words(known.get("divided_by")),
        geometry=_words(known.get("geometry")),
        left=_words(known.get("left")),
    )


def _words(value: Any) -> str | None:
    return None if value is None else str(value)


def _grid(known: Mapping[str, Any], ndim: int) -> Grid | None:
    step = positive(known.get("grid_step"), ndim)
    return Grid(step=step, unit="1/angstrom") if step else None
