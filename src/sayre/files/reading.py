"""Files to patterns."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.data import FilledPattern, Grid, Meta, Pattern
from sayre.data.manifest import sha256_of
from sayre.data.pattern import as_mask, warn_of_rounding
from sayre.errors import InputError, understood, warn
from sayre.files.amplitudes import as_counts
from sayre.files.corrections import Given, corrected
from sayre.files.formats import readable, split_path
from sayre.files.patterns.contents import Contents, integers, plausible, positive

Masks = str | Path | ArrayLike | Sequence[str | Path | ArrayLike] | None
"""A mask as a user gives it, or several: files or arrays."""
NEARLY_ALL, DARK = 0.99, 0.1
"""Share of the counts that only an inverted mask hides; mean log(1 + counts) of what it leaves, relative."""


def load(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    amplitudes: bool = False,
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
        inverted, for it hides most voxels and nearly all counts; amplitudes without `amplitudes`.

    Warns
    -----
    SayreWarning
        NaN, infinite and negative values masked; voxels at the highest value of an unsigned 16- to
        64-bit integer masked (detectors mark dead or overflown pixels with it); values that are not
        integers; a mask of more than half of the voxels; what was corrected by the white field, dark field
        and bad pixels beside the counts, and arrays that were not used.
    """
    return pattern_of_contents(path, *_read(path), mask=mask, flat=flat, dark=dark, amplitudes=amplitudes)


def load_filled(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    amplitudes: bool = False,
) -> Pattern | FilledPattern:
    """Read a pattern as `load` does, with what an earlier run filled and stated as `sigma` (`.npz`, HDF5).

    Voxels masked beyond those that were filled, or counts divided by a white field now, make it an unfilled
    pattern again.

    Parameters
    ----------
    path, mask, flat, dark, amplitudes
        As `load` takes them.
    """
    contents, digest = _read(path)
    pattern = pattern_of_contents(
        path, contents, digest, mask=mask, flat=flat, dark=dark, amplitudes=amplitudes
    )
    with understood(path):
        return _with_filling(pattern, contents)


def _with_filling(pattern: Pattern, contents: Contents) -> Pattern | FilledPattern:
    """The pattern with what its file says was filled in its masked voxels, where that is so."""
    if contents.sigma is None or contents.mask is None:
        return pattern
    if pattern.meta.divided_by != _words(contents.known.get("divided_by")):
        return pattern
    if contents.sigma.shape != pattern.shape or not np.array_equal(pattern.mask, contents.mask != 0):
        return pattern
    counts = np.where(pattern.mask, np.maximum(contents.counts, 0), pattern.intensity).astype(np.float32)
    sigma = np.where(pattern.mask, contents.sigma, 0).astype(np.float32)
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
    mask, flat, dark, amplitudes
        As `load` takes them.
    """
    contents = as_counts(path, contents, amplitudes)
    counts, name = contents.counts, Path(split_path(path)[0]).name
    while counts.ndim > 3 and counts.shape[0] == 1:
        counts = counts[0]
    if counts.ndim not in (2, 3) or counts.size == 0:
        raise InputError(f"{path}: counts must be a 2D or 3D array, found shape {counts.shape}")
    if counts.dtype.kind not in "buif":
        raise InputError(
            f"{path}: counts must be real numbers, found {counts.dtype}; not an object or amplitude"
        )
    missing = as_mask(contents.mask, counts.shape, str(path))
    over = _at_the_highest(counts, contents.stored)
    if contents.sigma is None:
        _refuse_inverted(missing, counts, over, str(path))
    for one in masks_of(mask):
        missing |= _own_mask(one, counts, over)
    newly = int(np.count_nonzero(over & ~missing))
    if newly:
        highest = np.iinfo(contents.stored).max
        warn(f"{name}: {newly} voxels at {highest}, the mark of dead or overflown pixels, masked")
    missing |= over
    if counts.dtype == np.float32:
        warn_of_rounding(name, counts, contents.stored, missing)
    meta = dataclasses.replace(
        _meta(plausible(contents.known, name), counts.ndim), source=name, sha256=digest
    )
    pattern = Pattern.from_counts(counts, missing, grid=_grid(contents.known, counts.ndim), meta=meta)
    return corrected(pattern, contents, path, flat=flat, dark=dark)


def _read(path: str | Path) -> tuple[Contents, str]:
    """Contents of a file, folder or glob, and its SHA-256."""
    file, inside = split_path(path)
    if file.is_dir() or (not file.exists() and any(sign in file.name for sign in "*?[")):
        from sayre.files.patterns import tiff

        contents = tiff.read_frames(file)
        digests = "".join(sha256_of(frame) for frame in tiff.frames_of(file))
        return contents, hashlib.sha256(digests.encode()).hexdigest()
    with understood(path):
        return readable(file, inside).read(file, inside), sha256_of(file)


def masks_of(mask: Masks) -> list[str | Path | ArrayLike]:
    """The masks that a user gives: one, or those of a list in which a file or an array is."""
    if mask is None:
        return []
    if isinstance(mask, list | tuple) and any(isinstance(one, str | Path | np.ndarray) for one in mask):
        return list(mask)
    return [mask]  # type: ignore[list-item]


def _own_mask(
    mask: str | Path | ArrayLike, counts: NDArray[Any], over: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The mask a user gives, for every voxel."""
    where = str(mask) if isinstance(mask, str | Path) else "mask"
    if isinstance(mask, str | Path):
        file, inside = split_path(mask)
        if file.is_dir():
            raise InputError(f"{file}: is a folder; a mask is one file")
        with understood(mask):
            array = readable(file, inside).read_mask(file, inside)
    else:
        array = np.asarray(mask)
    missing = as_mask(array, counts.shape, where)
    _refuse_inverted(missing, counts, over, where)
    share = np.count_nonzero(missing) / missing.size
    if share > 0.5:
        warn(
            f"{where}: {share:.0%} of the voxels are masked; non-zero means not measured, is it the reverse?"
        )
    return missing


def _refuse_inverted(
    missing: NDArray[np.bool_], counts: NDArray[Any], over: NDArray[np.bool_], where: str
) -> None:
    """Refuse a mask that is surely inverted: it hides most voxels and nearly all counts, and dark ones stay.

    A mask of all but a part around the peak hides most voxels too, but those that stay are the bright ones.
    """
    share = np.count_nonzero(missing) / missing.size
    if not 0.5 < share < 1:
        return
    known = np.where(np.isfinite(counts) & (counts > 0) & ~over, counts, 0).astype(np.float64)
    hidden = float(known[missing].sum()) / max(float(known.sum()), 1e-30)
    left, masked = (float(np.log1p(known[part]).sum()) for part in (~missing, missing))
    if hidden < NEARLY_ALL or left / (1 - share) > DARK * masked / share:
        return
    raise InputError(
        f"{where}: {share:.0%} of the voxels are masked and hold {hidden:.1%} of the counts, so the mask is "
        "probably inverted; non-zero must mean not measured, the reverse of this mask would do"
    )


def _at_the_highest(counts: NDArray[Any], stored: np.dtype[Any]) -> NDArray[np.bool_]:
    """Voxels at the highest value of their unsigned integer type, with which detectors mark bad ones."""
    if stored.kind != "u" or stored.itemsize < 2:
        return np.zeros(counts.shape, bool)
    over: NDArray[np.bool_] = counts == np.asarray(np.iinfo(stored).max).astype(counts.dtype)
    return over


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
    )


def _words(value: Any) -> str | None:
    return None if value is None else str(value)


def _grid(known: Mapping[str, Any], ndim: int) -> Grid | None:
    step = positive(known.get("grid_step"), ndim)
    return Grid(step=step, unit="1/angstrom") if step else None
