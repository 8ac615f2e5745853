"""Diffraction patterns: photon counts, and which voxels were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.data.arrays import ArrayClass
from sayre.data.grid import Grid, Meta
from sayre.data.readout import DEEPEST, noise_below_zero, without_bad
from sayre.data.shown import Lines, axes_of, sizes, slices_through
from sayre.errors import InputError, warn
from sayre.numerics.gaps import describe_gaps

if TYPE_CHECKING:
    from sayre.numerics.gaps import Gap


EXACT = 2**24
"""Whole numbers below this are exact in float32."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pattern(ArrayClass):
    """Photon counts on a regular grid.

    Attributes
    ----------
    intensity
        float32, `(rocking, row, column)` or `(row, column)`; finite and, without `readout`, non-negative
        wherever it was measured, 0 where it was not.
    mask
        bool, same shape; True where nothing was measured.
    grid, meta
        Sampling and origin.
    readout
        Standard deviation of dark voxels in counts: the noise of reading out, or of a background that was
        subtracted. Above 0 counts may be negative.
    """

    intensity: NDArray[np.float32]
    mask: NDArray[np.bool_]
    grid: Grid
    meta: Meta = field(default_factory=Meta)
    readout: float = 0.0

    def __post_init__(self) -> None:
        shape, what = self.intensity.shape, self.meta.source or "pattern"
        if self.intensity.dtype != np.float32 or self.mask.dtype != np.bool_:
            raise InputError(
                f"{what}: intensity must be float32 and mask bool, found {self.intensity.dtype} and "
                f"{self.mask.dtype}; Pattern.from_counts converts"
            )
        if len(shape) not in (2, 3) or min(shape) == 0:
            raise InputError(f"{what}: counts must be a 2D or 3D array, found shape {shape}")
        if self.mask.shape != shape:
            raise InputError(
                f"{what}: the mask has shape {self.mask.shape}, the counts {shape}; they must agree"
            )
        if len(self.grid.step) != len(shape):
            raise InputError(f"{what}: {len(self.grid.step)} grid steps for {len(shape)} axes")
        if not 0 <= self.readout < np.inf:
            raise InputError(f"{what}: readout must be a finite number, 0 or more, found {self.readout!r}")
        least = -np.inf if self.readout else 0
        if not all(np.isfinite(part).all() and part.min() >= least for part in self.intensity):
            raise InputError(
                f"{what}: counts must be finite and non-negative; Pattern.from_counts masks the rest"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.intensity.shape)

    @property
    def name(self) -> str:
        """Name of the file it was read from, which opens every message about it; else "pattern"."""
        return self.meta.source or "pattern"

    @property
    def measured(self) -> Pattern:
        """The pattern itself: what was measured, as `FilledPattern.measured` is."""
        return self

    def as_photons(self) -> Pattern:
        """Return counts that scatter as photons do: the variance of dark voxels is added where there is one.

        Where a background of so many photons was subtracted, this undoes it; noise of reading out with this
        variance is like one.
        """
        if not self.readout:
            return self
        raised = np.maximum(self.intensity + np.float32(self.readout**2), 0)
        return replace(self, intensity=np.where(self.mask, np.float32(0), raised), readout=0.0)

    @cached_property
    def gaps(self) -> list[Gap]:
        """Gaps of the mask, as `sayre.numerics.gaps.find_gaps` takes it apart."""
        from sayre.numerics.gaps import find_gaps

        return find_gaps(self.numpy().mask)[0]

    @classmethod
    def from_counts(
        cls,
        counts: ArrayLike,
        mask: ArrayLike | None = None,
        *,
        grid: Grid | None = None,
        meta: Meta | None = None,
        readout: float | None = None,
        copy: bool = True,
    ) -> Pattern:
        """Build a pattern from any real array, masking NaN, infinite and negative values, but for noise.

        Parameters
        ----------
        counts
            2D or 3D, any real dtype. Axes of length 1 in front of three are dropped.
        mask
            Non-zero where not measured; a 2D mask holds for every frame of 3D counts.
        grid, meta
            Sampling and origin.
        readout
            Standard deviation of dark voxels, as in `Pattern`; 0 masks negative values. None finds it where
            negative values are as many and as even as noise around zero makes them, and else is 0.
        copy
            Whether the array must stay as it is; else counts of float32 are changed in place.

        Raises
        ------
        InputError
            Wrong dimensions or dtype, a mask of another shape, or nothing measured.

        Warns
        -----
        SayreWarning
            How many NaN, infinite or negative values were masked; that negative ones are used, and with what
            noise; counts that are not integers, unless `meta` says that they were divided by a white field.
        """
        meta = meta or Meta()
        what = meta.source or "counts"
        array = np.asarray(counts)
        if array.dtype.kind not in "uifb":
            raise InputError(f"{what}: counts must be real numbers, found dtype {array.dtype}")
        while array.ndim > 3 and array.shape[0] == 1:
            array = array[0]
        if array.ndim not in (2, 3) or array.size == 0:
            raise InputError(f"{what}: counts must be a 2D or 3D array, found shape {array.shape}")
        with np.errstate(over="ignore"):
            intensity = array.astype(np.float32, copy=copy)
        missing = as_mask(mask, intensity.shape, what)
        warn_of_rounding(what, intensity, array.dtype, missing)
        noise = noise_below_zero(intensity, missing, what) if readout is None else float(readout)
        if not 0 <= noise < np.inf:
            raise InputError(f"{what}: readout must be a finite number, 0 or more, found {noise!r}")
        newly = without_bad(intensity, missing, -DEEPEST * noise)
        if newly:
            warn(f"{what}: {newly} NaN, infinite or negative values masked")
        if missing.all():
            raise InputError(f"{what}: every voxel is masked; nothing to work from")
        if (
            not noise
            and meta.divided_by is None
            and array.dtype.kind == "f"
            and not all(np.array_equal(part, np.rint(part)) for part in intensity)
        ):
            warn(f"{what}: values are not integers; taken as (scaled) counts, not as amplitudes")
        grid = grid or Grid(step=(1.0,) * intensity.ndim)
        return cls(intensity=intensity, mask=missing, grid=grid, meta=meta, readout=noise)

    def crop(self, box: tuple[slice, ...]) -> Pattern:
        """Return the part of the pattern inside `box`, one slice an axis; `meta.origin` keeps its place.

        Raises
        ------
        InputError
            Not one slice an axis, slices with a step, or a part without voxels.
        """
        ndim = len(self.shape)
        if not (isinstance(box, tuple) and len(box) == ndim and all(isinstance(s, slice) for s in box)):
            raise InputError(f"{self.name}: crop takes a tuple of {ndim} slices, one an axis, not {box!r}")
        if any(side.step not in (None, 1) for side in box):
            raise InputError(
                f"{self.name}: crop takes slices without a step, not {box!r}; `binning` sums voxels"
            )
        if 0 in self.intensity[box].shape:
            raise InputError(f"{self.name}: crop {box!r} leaves no voxels of {self.shape}")
        before, factors = self.meta.origin or (0,) * ndim, self.meta.binning or (1,) * ndim
        starts = (side.indices(n)[0] for side, n in zip(box, self.shape, strict=True))
        origin = tuple(o + s * f for o, s, f in zip(before, starts, factors, strict=True))
        meta = replace(self.meta, origin=origin)
        return replace(self, intensity=self.intensity[box], mask=self.mask[box], meta=meta)

    def with_mask(self, mask: ArrayLike) -> Pattern:
        """Return a copy with `mask` (2D or 3D, non-zero = not measured) added to its own."""
        missing = self.mask | as_mask(mask, self.shape, self.name)
        if missing.all():
            raise InputError(f"{self.name}: every voxel is masked; nothing to work from")
        return replace(self, mask=missing, intensity=np.where(missing, np.float32(0), self.intensity))

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return f"Pattern {self.name}: {sizes(self.shape)} voxels ({axes_of(len(self.shape))})"

    def _lines(self) -> Lines:
        return described(self.numpy())

    def _panels(self) -> Sequence[NDArray[Any]]:
        seen = self.numpy()
        return log_slices(seen.intensity, seen.mask)


def described(pattern: Pattern) -> Lines:
    """What a pattern holds, in labelled lines: counts, gaps, sampling, origin."""
    counts, meta = pattern.intensity, pattern.meta
    total, most = float(counts.sum(dtype=np.float64)), float(counts.max())
    unit = "1/Å" if pattern.grid.unit == "1/angstrom" else "pixel"
    origin = {
        "energy": None if meta.energy is None else f"{meta.energy:g} eV",
        "distance": None if meta.distance is None else f"{meta.distance:g} m",
        "pixel": None if meta.pixel_size is None else f"{sizes([1e6 * s for s in meta.pixel_size])} µm",
        "hkl": None if meta.hkl is None else " ".join(map(str, meta.hkl)),
        "detector": meta.detector,
    }
    known = ", ".join(f"{name} {text}" for name, text in origin.items() if text)
    corrected = [] if meta.corrections is None else [("corrected", meta.corrections)]
    if pattern.readout:
        corrected += [("dark voxels", f"scatter by {pattern.readout:.3g} counts; negative counts are used")]
    return [
        ("counts", f"{total:.4g} in all, {most:.4g} in the brightest voxel"),
        *corrected,
        ("not measured", _gaps_of(pattern)),
        ("step", f"{sizes(pattern.grid.step)} {unit}"),
        ("origin", known or "energy, distance and reflection are not known"),
    ]


def log_slices(counts: NDArray[Any], unknown: NDArray[np.bool_]) -> list[NDArray[Any]]:
    """`log(1 + I)` in the planes through the brightest voxel, NaN where unknown.

    Parameters
    ----------
    counts
        Counts, 2D or 3D.
    unknown
        bool, same shape; True where nothing is known.
    """
    peak = np.unravel_index(int(np.argmax(np.where(unknown, -1, counts))), counts.shape)
    shown = np.where(unknown, np.nan, np.log1p(np.maximum(counts, 0)))
    return slices_through(shown, [int(p) for p in peak])


def _gaps_of(pattern: Pattern) -> str:
    if not pattern.mask.any():
        return "nothing: no voxel is masked"
    return f"{100 * float(pattern.mask.mean()):.2g} % of the voxels: {describe_gaps(pattern.gaps)}"


def warn_of_rounding(what: str, counts: NDArray[Any], stored: np.dtype[Any], mask: NDArray[np.bool_]) -> None:
    """Warn of counts that float32, in which Sayre computes and writes, does not hold exactly.

    Parameters
    ----------
    what
        Name that opens the message.
    counts
        Counts, as float32 or as they are stored.
    stored
        Their type where they are from.
    mask
        Voxels that are not used.

    Warns
    -----
    SayreWarning
        How many counts are at or above 2²⁴, and stored more exactly than float32.
    """
    if stored.kind not in "uif" or stored.itemsize < 4 or stored == np.float32:
        return
    high = sum(  # frame by frame, for large arrays
        int(np.count_nonzero((part >= EXACT) & ~masked & np.isfinite(part)))
        for part, masked in zip(counts, mask, strict=True)
    )
    if high:
        warn(
            f"{what}: {high} voxels hold 2^24 counts or more, which are rounded to float32, by 1 part in "
            "2^24 at most"
        )


def as_mask(mask: ArrayLike | None, shape: tuple[int, ...], what: str) -> NDArray[np.bool_]:
    """Any numbers, non-zero where not measured, as booleans of the counts' shape; 2D serves every frame.

    Parameters
    ----------
    mask
        Numbers or booleans, non-zero where not measured; None masks nothing.
    shape
        Of the counts.
    what
        Name that opens the message of an error.

    Raises
    ------
    InputError
        Not numbers, or a shape that does not fit; `what` opens the message.
    """
    if mask is None:
        return np.zeros(shape, np.bool_)
    array = np.asarray(mask)
    if array.dtype.kind not in "uifb":
        raise InputError(f"{what}: the mask must be numbers or booleans, found dtype {array.dtype}")
    missing: NDArray[np.bool_] = array if array.dtype == np.bool_ else array != 0
    while missing.ndim > len(shape) and missing.shape[0] == 1:
        missing = missing[0]
    if missing.shape not in (shape, shape[-2:]):
        raise InputError(f"{what}: the mask has shape {array.shape}, the counts {shape}; they must agree")
    return np.broadcast_to(missing, shape).copy()
