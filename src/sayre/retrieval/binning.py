"""Binning: sums over blocks of voxels, for patterns measured more finely than phase retrieval needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.detectors.hygiene import cleaned
from sayre.errors import InputError, note, warn
from sayre.retrieval.peaks import find_peaks
from sayre.retrieval.settings import Binning


def binned(pattern: AnyPattern, binning: Binning) -> AnyPattern:
    """Sum the counts of blocks of voxels, with the peak in the middle of its block.

    Sums of Poisson counts are Poisson counts. A block is masked if any of its voxels is. Where it was filled,
    its standard error is the sum of those of its voxels, as for errors that are fully correlated.

    Parameters
    ----------
    pattern
        2D or 3D counts, measured or filled.
    binning
        Frames, rows and columns of a block; for 2D counts the first number is ignored.

    Raises
    ------
    InputError
        Fewer than 8 voxels are left on an axis; as `sayre.detectors.hygiene.cleaned`.

    Warns
    -----
    SayreWarning
        Voxels are cut off at the borders; blocks are masked of which some voxels were measured.
    """
    factors = binning[-pattern.intensity.ndim :]
    if max(factors) == 1:
        return pattern
    pattern = cleaned(pattern)
    what, shape = pattern.name, pattern.intensity.shape
    firsts = [
        (c - (f - 1) // 2) % f for c, f in zip(find_peaks(pattern.intensity).first, factors, strict=True)
    ]
    sizes = [(n - first) // f for n, first, f in zip(shape, firsts, factors, strict=True)]
    if min(sizes) < 8:
        larger = "" if pattern.meta.origin is None else " or a larger part (`Pattern.crop`)"
        raise InputError(
            f"{what}: `binning=`: {binning} leaves {tuple(sizes)} voxels of {shape}; 8 or more on each axis "
            f"are needed: smaller blocks{larger} would do"
        )
    whole = pattern.crop(
        tuple(slice(a, a + n * f) for a, n, f in zip(firsts, sizes, factors, strict=True)),
    )
    measured = whole.measured
    if whole.intensity.shape != shape:
        kept = " × ".join(map(str, whole.intensity.shape))
        note(f"{what}: cut to {kept} voxels, so that all blocks are whole")
    mask = _blocks(measured.mask, factors) > 0
    partly = int((mask & (_blocks(~measured.mask, factors) > 0)).sum())
    if partly and whole is measured:
        warn(
            f"{what}: {partly} blocks are masked because of a masked voxel in them; "
            "fill the gaps first to keep them"
        )
    sums = _blocks(whole.intensity, factors).astype(np.float32)
    grid = replace(measured.grid, step=tuple(s * f for s, f in zip(measured.grid.step, factors, strict=True)))
    before = measured.meta.binning or (1,) * len(factors)
    meta = replace(measured.meta, binning=tuple(b * f for b, f in zip(before, factors, strict=True)))
    counts = Pattern(
        intensity=np.where(mask, np.float32(0), sums),
        mask=mask,
        grid=grid,
        meta=meta,
        readout=measured.readout * float(np.sqrt(np.prod(factors))),
    )
    if not isinstance(whole, FilledPattern):
        return counts
    errors = _blocks((1 + np.maximum(whole.intensity, 0).astype(np.float64)) * whole.sigma, factors)
    sigma = (errors / (1 + np.maximum(sums, 0).astype(np.float64))).astype(np.float32)
    return FilledPattern(pattern=counts, intensity=sums, sigma=sigma, method=whole.method)


def _blocks(array: NDArray[np.floating] | NDArray[np.bool_], factors: tuple[int, ...]) -> NDArray[np.float64]:
    """Sum over blocks of voxels."""
    split = [part for n, f in zip(array.shape, factors, strict=True) for part in (n // f, f)]
    return np.asarray(array.reshape(split).sum(axis=tuple(range(1, 2 * array.ndim, 2)), dtype=np.float64))
