"""Masks that a file has or a user gives: read, and refused where they are surely of the other meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.data.pattern import as_mask
from sayre.errors import InputError, understood, warn
from sayre.files.formats import readable, split_path
from sayre.files.patterns.region import Region, cut
from sayre.numerics.constant import constant_planes

Mask = NDArray[np.bool_]
Masks = str | Path | ArrayLike | Sequence[str | Path | ArrayLike] | None
"""A mask as a user gives it, or several: files or arrays."""

NEARLY_ALL, DARK = 0.99, 0.1
"""Share of the counts that only an inverted mask hides; mean log(1 + counts) of what it leaves, relative."""
MOST, PART, ALL_BUT = 0.95, 0.2, 0.9
"""Share of the counts that a mask of `PART` to `ALL_BUT` of the voxels hides when the peak is under it."""
BESIDE = 3
"""Voxels from the mask within which the brightest voxel that is left is a flank of the hidden peak."""


def masks_of(mask: Masks) -> list[str | Path | ArrayLike]:
    """The masks that a user gives: one, or those of a list in which a file or an array is."""
    if mask is None:
        return []
    if isinstance(mask, list | tuple) and any(isinstance(one, str | Path | np.ndarray) for one in mask):
        return list(mask)
    return [mask]  # type: ignore[list-item]


def own_mask(
    mask: str | Path | ArrayLike, counts: NDArray[Any], over: Mask, region: Region | None = None
) -> Mask:
    """The mask a user gives, for every voxel.

    Parameters
    ----------
    mask
        File or array.
    counts
        Counts that it is for.
    over
        Voxels that hold no counts but marks.
    region
        Part of the array in the file that the counts are; a mask of all of it is cut.
    """
    where = str(mask) if isinstance(mask, str | Path) else "mask"
    if isinstance(mask, str | Path):
        file, inside = split_path(mask)
        if file.is_dir():
            raise InputError(f"{file}: is a folder; a mask is one file")
        with understood(mask):
            array = readable(file, inside).read_mask(file, inside)
    else:
        array = np.asarray(mask)
    if region is not None and array.shape not in (counts.shape, counts.shape[-2:]):
        array = cut(array, region, where)
    missing = meaning(array, counts.shape, where)
    refuse_inverted(missing, counts, over, where)
    _warn_of_transposed(missing, counts, over, where)
    share = np.count_nonzero(missing) / missing.size
    if share > 0.5:
        warn(
            f"{where}: {share:.0%} of the voxels are masked; non-zero means not measured, is it the reverse?"
        )
    return missing


def meaning(mask: ArrayLike | None, shape: tuple[int, ...], where: str) -> Mask:
    """A mask as booleans of the counts' shape; one to multiply by, of NaN and 1, is refused.

    Parameters
    ----------
    mask, shape, where
        As `sayre.data.pattern.as_mask` takes them.
    """
    array = None if mask is None else np.asarray(mask)
    if array is not None and array.dtype.kind == "f" and np.isnan(array).any():
        good = array[~np.isnan(array)]
        if good.size and (good != 0).all():
            share = np.isnan(array).mean()
            raise InputError(
                f"{where}: the mask is NaN in {share:.0%} of the voxels and {good.flat[0]:g} in the others, "
                "as one that counts are multiplied by; non-zero must mean not measured: numpy.isnan of it "
                "would do"
            )
    if array is not None:
        while array.ndim > 3 and 1 in array.shape:
            array = array.squeeze(axis=array.shape.index(1))
    return as_mask(array, shape, where)


def refuse_inverted(missing: Mask, counts: NDArray[Any], over: Mask, where: str) -> None:
    """Refuse a mask that is surely inverted.

    Either it hides most voxels and nearly all counts, and dark ones stay: a mask of all but a part around
    the peak hides most voxels too, but those that stay are the bright ones. Or it hides a good part of the
    voxels and the peak with them, so that what is left is brightest beside the mask.

    Parameters
    ----------
    missing
        The mask.
    counts
        Counts, those under the mask too if the file has them.
    over
        Voxels that hold no counts but marks.
    where
        What the mask is from.
    """
    share = np.count_nonzero(missing) / missing.size
    if not share > PART:
        return
    if share == 1:
        raise InputError(
            f"{where}: every voxel is masked; non-zero must mean not measured: is it the reverse?"
        )
    known = np.where(np.isfinite(counts) & (counts > 0) & ~over, counts, 0).astype(np.float64)
    hidden = float(known[missing].sum()) / max(float(known.sum()), 1e-30)
    left, masked = (float(np.log1p(known[part]).sum()) for part in (~missing, missing))
    dark = share > 0.5 and hidden >= NEARLY_ALL and left / (1 - share) <= DARK * masked / share
    if not dark and not (share <= ALL_BUT and hidden >= MOST and _flank(known, missing)):
        return
    raise InputError(
        f"{where}: {share:.0%} of the voxels are masked and hold {hidden:.1%} of the counts, so the mask is "
        "probably inverted; non-zero must mean not measured, the reverse of this mask would do"
    )


def _warn_of_transposed(missing: Mask, counts: NDArray[Any], over: Mask, where: str) -> None:
    """Warn of a mask of square frames that hides varying lines, where its transpose hides flat ones.

    Parameters
    ----------
    missing, counts, over, where
        As `refuse_inverted` takes them.
    """
    rows, columns = counts.shape[-2:]
    turned = np.swapaxes(missing, -1, -2)
    if rows != columns or not missing.any() or np.array_equal(turned, missing):
        return
    frames, flat = missing.ndim - 2, np.zeros_like(missing)
    for axis, first, stop, _ in constant_planes(counts, over):
        if axis >= frames:
            flat[(slice(None),) * axis + (slice(first, stop),)] = True
    hidden, left = np.count_nonzero(missing & ~turned & flat), np.count_nonzero(turned & ~missing & flat)
    only = np.count_nonzero(missing & ~turned)
    if left > 0.5 * only and hidden < 0.5 * left:
        warn(
            f"{where}: hides voxels whose counts vary, while rows or columns that hold one value alone in "
            "all frames are not masked, and would be by the transpose of the mask: is it transposed?"
        )


def _flank(known: NDArray[np.float64], missing: Mask) -> bool:
    """Whether the brightest voxel that is left lies beside the mask."""
    brightest = np.unravel_index(int(np.argmax(np.where(missing, -1, known))), known.shape)
    near = tuple(slice(max(int(k) - BESIDE, 0), int(k) + BESIDE + 1) for k in brightest)
    return bool(missing[near].any())
