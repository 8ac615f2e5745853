"""Files to patterns and crystals and back: the only place that knows file layouts.

Endings: `.npz`, `.npy`, `.cxi`, `.h5` / `.hdf5` / `.nxs` (`file.h5::/path/to/dataset`), `.tif` / `.tiff`,
a folder or glob of TIFF frames (reading only).
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.data import Crystal, FilledPattern, Grid, Manifest, Meta, Pattern
from sayre.data.manifest import sha256_of
from sayre.data.pattern import as_mask
from sayre.errors import InputError, warn
from sayre.files.atomic import check_place, replacing
from sayre.files.crystals.objects import crystal_path_check, load_crystal, save_crystal
from sayre.files.patterns.contents import Contents, Output, integers, plausible, positive

__all__ = ["load", "load_crystal", "load_filled", "output_path_check", "save"]

_MODULES = {
    ".npz": "npz",
    ".npy": "npz",
    ".cxi": "cxi",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".nxs": "hdf5",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_INSIDE = ("cxi", "hdf5")


def load(path: str | Path, *, mask: str | Path | ArrayLike | None = None) -> Pattern:
    """Read a pattern; the ending of `path` says how.

    Parameters
    ----------
    path
        `.npz` (counts `intensity`, `data` or `I`, else the only 3D, else 2D array; mask `mask`), `.npy`,
        `.cxi`, `.h5`/`.hdf5`/`.nxs` (`file.h5::/path/to/dataset` names the counts), `.tif`/`.tiff`, or
        a folder or glob of TIFF frames, stacked in the order of the numbers in their names.
    mask
        File of any of these kinds, or an array: non-zero where not measured. A 2D mask holds for every
        frame. It is added to the mask in the file.

    Returns
    -------
    Pattern
        Counts float32 `(rocking, row, column)` or `(row, column)`. Voxels that an earlier run filled
        are in the file's mask, so they count as not measured. `meta` has the file's name and SHA-256
        (of its frames' digests for a folder) and what the file says of energy, geometry and reflection.

    Raises
    ------
    InputError
        The file cannot be read, or holds no counts, or several arrays that could be.

    Warns
    -----
    SayreWarning
        NaN, infinite and negative values masked; voxels at the highest value of an unsigned 16- to
        64-bit integer masked (detectors mark dead or overflown pixels with it); values that are not
        integers; a mask of more than half of the voxels.
    """
    return _pattern(path, *_read(path), mask)


def load_filled(path: str | Path, *, mask: str | Path | ArrayLike | None = None) -> Pattern | FilledPattern:
    """Read a pattern as `load` does, with what an earlier run filled and stated as `sigma` (`.npz`, HDF5).

    Voxels masked by `mask` beyond those that were filled make it an unfilled pattern again.
    """
    contents, digest = _read(path)
    pattern = _pattern(path, contents, digest, mask)
    if contents.sigma is None or contents.mask is None:
        return pattern
    if contents.sigma.shape != pattern.shape or not np.array_equal(pattern.mask, contents.mask != 0):
        return pattern
    counts = np.where(pattern.mask, np.maximum(contents.counts, 0), pattern.intensity).astype(np.float32)
    sigma = np.where(pattern.mask, contents.sigma, 0).astype(np.float32)
    return FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method="as read")


def _pattern(
    path: str | Path, contents: Contents, digest: str, mask: str | Path | ArrayLike | None
) -> Pattern:
    counts, name = contents.counts, Path(_split(path)[0]).name
    while counts.ndim > 3 and counts.shape[0] == 1:
        counts = counts[0]
    if counts.ndim not in (2, 3) or counts.size == 0:
        raise InputError(f"{path}: counts must be a 2D or 3D array, found shape {counts.shape}")
    if counts.dtype.kind not in "buif":
        raise InputError(
            f"{path}: counts must be real numbers, found {counts.dtype}; not an object or amplitude"
        )
    missing = as_mask(contents.mask, counts.shape, str(path))
    if mask is not None:
        missing |= _own_mask(mask, counts.shape)
    missing |= _overflown(counts, contents.stored, missing, name)
    meta = dataclasses.replace(_meta(plausible(contents.known, name)), source=name, sha256=digest)
    return Pattern.from_counts(counts, missing, grid=_grid(contents.known, counts.ndim), meta=meta)


def save(
    path: str | Path,
    what: Output | Crystal,
    manifest: Manifest,
    *,
    force: bool = False,
    cxi_fill: str = "data",
) -> None:
    """Write a pattern or a crystal; the ending of `path` says how. The file appears whole or not at all.

    Parameters
    ----------
    path
        `.npz`: `intensity`, `mask`, `manifest` and, of a filled pattern, `sigma`, of a simulated one
        `expectation`, `amplitude`, `oversampling`; what is known of `energy`, `distance`, `pixel_size`,
        `hkl`, `detector`, `grid_step`. `.h5`/`.hdf5`/`.nxs`: the same as NeXus. `.cxi`: PyNX's layout, see
        `sayre.files.patterns.cxi.write`. `.tif`/`.tiff`: series `intensity`, `sigma`, `mask`; no simulated
        patterns.
        `.npy`: the counts of a filled pattern alone; mask, sigma and manifest are lost. A crystal goes to
        `.npz`, `.cxi` or `.vti`: see `sayre.files.crystals.objects.save_crystal`.
    force
        Overwrite an existing file.
    cxi_fill
        For a filled pattern in a `.cxi`: filled voxels as `data` (counts like any other), or
        `interpolated` (PyNX's estimates of masked pixels).

    Raises
    ------
    InputError
        As `output_path_check`, or the disk is full, or `cxi_fill` does not apply.
    """
    if isinstance(what, Crystal):
        save_crystal(path, what, manifest, force=force)
        return
    path = output_path_check(path, force=force, kind=type(what))
    ending = path.suffix.lower()
    if cxi_fill not in ("data", "interpolated"):
        raise InputError(f"cxi_fill: found {cxi_fill!r}; data or interpolated would do")
    if cxi_fill == "interpolated" and (ending != ".cxi" or not isinstance(what, FilledPattern)):
        raise InputError(f"{path}: cxi_fill=interpolated is for filled patterns in .cxi files only")
    what, module = what.numpy(), _module(path)
    with replacing(path, force=force) as file:
        if ending == ".npy":
            module.write_npy(file, what, manifest)
        elif ending == ".cxi":
            module.write(file, what, manifest, cxi_fill)
        else:
            module.write(file, what, manifest)


def output_path_check(path: str | Path, force: bool = False, *, kind: type = FilledPattern) -> Path:
    """Check, before any work, that `save` will be able to write an object of type `kind` at `path`.

    Raises
    ------
    InputError
        Unknown ending, or one that cannot hold `kind`; a missing or read-only folder; an existing file
        without `force`.
    """
    if kind is Crystal:
        return crystal_path_check(path, force=force)
    path = Path(path)
    ending = path.suffix.lower()
    _module(path)
    if ending == ".npy" and kind is not FilledPattern:
        raise InputError(f"{path}: .npy holds filled counts only; .npz, .h5 or .cxi holds a {kind.__name__}")
    if ending in (".tif", ".tiff") and kind.__name__ == "SimulatedPattern":
        raise InputError(f"{path}: {ending} cannot hold complex amplitudes; .npz, .h5 or .cxi can")
    check_place(path, force=force)
    return path


def _read(path: str | Path) -> tuple[Contents, str]:
    """Contents of a file, folder or glob, and its SHA-256."""
    file, inside = _split(path)
    if file.is_dir() or (not file.exists() and any(sign in file.name for sign in "*?[")):
        from sayre.files.patterns import tiff

        contents = tiff.read_frames(file)
        digests = "".join(sha256_of(frame) for frame in tiff.frames_of(file))
        return contents, hashlib.sha256(digests.encode()).hexdigest()
    module = _readable(file, inside)
    return module.read(file, inside), sha256_of(file)


def _own_mask(mask: str | Path | ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask a user gives, for every voxel."""
    where = str(mask) if isinstance(mask, str | Path) else "mask"
    if isinstance(mask, str | Path):
        file, inside = _split(mask)
        if file.is_dir():
            raise InputError(f"{file}: is a folder; a mask is one file")
        array = _readable(file, inside).read_mask(file, inside)
    else:
        array = np.asarray(mask)
    missing = as_mask(array, shape, where)
    share = np.count_nonzero(missing) / missing.size
    if share > 0.5:
        warn(
            f"{where}: {share:.0%} of the voxels are masked; non-zero means not measured, is it the reverse?"
        )
    return missing


def _overflown(
    counts: NDArray[Any], stored: np.dtype[Any], missing: NDArray[np.bool_], name: str
) -> NDArray[np.bool_]:
    """Voxels at the highest value of their unsigned integer type, with which detectors mark bad ones."""
    if stored.kind != "u" or stored.itemsize < 2:
        return np.zeros_like(missing)
    highest = np.iinfo(stored).max
    over: NDArray[np.bool_] = counts == np.asarray(highest).astype(counts.dtype)
    newly = int(np.count_nonzero(over & ~missing))
    if newly:
        warn(f"{name}: {newly} voxels at {highest}, the mark of dead or overflown pixels, masked")
    return over


def _split(path: str | Path) -> tuple[Path, str | None]:
    """`file.h5::/inside` in its two parts."""
    file, _, inside = str(path).partition("::")
    return Path(file), inside or None


def _readable(file: Path, inside: str | None) -> Any:
    """The module that reads a file, after checking that there is one."""
    if not file.exists():
        raise InputError(f"{file}: no such file")
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name a file in it")
    module = _module(file)
    if inside and _MODULES[file.suffix.lower()] not in _INSIDE:
        raise InputError(f"{file}::{inside}: only .h5, .hdf5, .nxs and .cxi have paths inside")
    try:
        with open(file, "rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError(f"{file}: cannot be opened ({error.strerror}); check its permissions") from error
    if empty:
        raise InputError(f"{file}: empty file; copy or write it again")
    return module


def _module(path: Path) -> Any:
    ending = path.suffix.lower()
    if ending not in _MODULES:
        found = f"unknown ending {ending}" if ending else "no ending"
        raise InputError(f"{path}: {found}; {', '.join(_MODULES)} would do")
    return importlib.import_module(f"sayre.files.patterns.{_MODULES[ending]}")


def _meta(known: Mapping[str, Any]) -> Meta:
    """What a file says of its origin, where it makes sense."""
    energy = positive(known.get("energy"), 1)
    distance = positive(known.get("distance"), 1)
    pixel, hkl = positive(known.get("pixel_size"), 2), integers(known.get("hkl"), 3)
    detector = known.get("detector")
    return Meta(
        energy=energy[0] if energy else None,
        distance=distance[0] if distance else None,
        pixel_size=(pixel[0], pixel[1]) if pixel else None,
        hkl=(hkl[0], hkl[1], hkl[2]) if hkl else None,
        detector=str(detector) if detector is not None else None,
    )


def _grid(known: Mapping[str, Any], ndim: int) -> Grid | None:
    step = positive(known.get("grid_step"), ndim)
    return Grid(step=step, unit="1/angstrom") if step else None
