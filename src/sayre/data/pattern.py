"""Diffraction patterns: counts, what was measured of them, and what was filled in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.errors import InputError, SayreWarning

if TYPE_CHECKING:
    import torch

    from sayre.data.particle import Particle
    from sayre.numerics.gaps import Gap


class OnDevice:
    """Moves the arrays of a dataclass between NumPy and a torch device."""

    def to(self, device: str | torch.device) -> Self:
        """Return a copy whose arrays are torch tensors on `device`."""
        import torch

        def move(value: Any) -> Any:
            if isinstance(value, OnDevice):
                return value.to(device)
            if isinstance(value, np.ndarray | torch.Tensor):
                return torch.as_tensor(value).to(device, copy=True)
            return value

        return self._mapped(move)

    def numpy(self) -> Self:
        """Return a copy whose arrays are NumPy arrays on the host."""

        def move(value: Any) -> Any:
            if isinstance(value, OnDevice):
                return value.numpy()
            return value.detach().cpu().numpy() if hasattr(value, "detach") else value

        return self._mapped(move)

    def _mapped(self, move: Any) -> Self:
        copy = object.__new__(type(self))
        for item in fields(self):  # type: ignore[arg-type]
            object.__setattr__(copy, item.name, move(getattr(self, item.name)))
        return copy


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Sampling step of each axis, in 1/Å (with 2π) or, where the geometry is unknown, in pixels."""

    step: tuple[float, ...]
    unit: Literal["1/angstrom", "pixel"] = "pixel"

    def __post_init__(self) -> None:
        if not all(np.isfinite(s) and s > 0 for s in self.step):
            raise InputError(f"grid: steps must be positive numbers, found {self.step}")


@dataclass(frozen=True, kw_only=True)
class Meta:
    """Where a pattern comes from; `None` is unknown.

    Energy in eV, distance and pixel size (row, column) in m, `hkl` the reflection.
    """

    energy: float | None = None
    distance: float | None = None
    pixel_size: tuple[float, float] | None = None
    hkl: tuple[int, int, int] | None = None
    detector: str | None = None
    source: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pattern(OnDevice):
    """Photon counts on a regular grid.

    Attributes
    ----------
    intensity
        float32, `(rocking, row, column)` or `(row, column)`; finite and non-negative
        wherever it was measured, 0 where it was not.
    mask
        bool, same shape; True where nothing was measured.
    grid, meta
        Sampling and origin.
    """

    intensity: NDArray[np.float32]
    mask: NDArray[np.bool_]
    grid: Grid
    meta: Meta = field(default_factory=Meta)

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
        if not (np.isfinite(self.intensity).all() and self.intensity.min() >= 0):
            raise InputError(
                f"{what}: counts must be finite and non-negative; Pattern.from_counts masks the rest"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.intensity.shape)

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
    ) -> Pattern:
        """Build a pattern from any real array, masking NaN, infinite and negative values.

        Parameters
        ----------
        counts
            2D or 3D, any real dtype. Axes of length 1 in front of three are dropped.
        mask
            Non-zero where not measured; a 2D mask holds for every frame of 3D counts.

        Raises
        ------
        InputError
            Wrong dimensions or dtype, a mask of another shape, or nothing measured.

        Warns
        -----
        SayreWarning
            How many NaN, infinite or negative values were masked; counts that are not integers.
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
            intensity = array.astype(np.float32)
        missing = as_mask(mask, intensity.shape, what)
        with np.errstate(invalid="ignore"):
            bad = ~(np.isfinite(intensity) & (intensity >= 0))
        newly = int(np.count_nonzero(bad & ~missing))
        if newly:
            warnings.warn(
                f"{what}: {newly} NaN, infinite or negative values masked", SayreWarning, stacklevel=2
            )
        missing |= bad
        intensity[missing] = 0
        if missing.all():
            raise InputError(f"{what}: every voxel is masked; nothing to work from")
        if array.dtype.kind == "f" and not np.array_equal(intensity, np.rint(intensity)):
            warnings.warn(
                f"{what}: values are not integers; taken as (scaled) counts, not as amplitudes",
                SayreWarning,
                stacklevel=2,
            )
        grid = grid or Grid(step=(1.0,) * intensity.ndim)
        return cls(intensity=intensity, mask=missing, grid=grid, meta=meta)

    def with_mask(self, mask: ArrayLike) -> Pattern:
        """Return a copy with `mask` (2D or 3D, non-zero = not measured) added to its own."""
        what = self.meta.source or "pattern"
        missing = self.mask | as_mask(mask, self.shape, what)
        if missing.all():
            raise InputError(f"{what}: every voxel is masked; nothing to work from")
        return replace(self, mask=missing, intensity=np.where(missing, np.float32(0), self.intensity))


def as_mask(mask: ArrayLike | None, shape: tuple[int, ...], what: str) -> NDArray[np.bool_]:
    """Any numbers, non-zero where not measured, as booleans of the counts' shape; 2D serves every frame.

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
    missing: NDArray[np.bool_] = array != 0
    while missing.ndim > len(shape) and missing.shape[0] == 1:
        missing = missing[0]
    if missing.shape not in (shape, shape[-2:]):
        raise InputError(f"{what}: the mask has shape {array.shape}, the counts {shape}; they must agree")
    return np.broadcast_to(missing, shape).copy()


@dataclass(frozen=True, kw_only=True)
class FilledPattern(OnDevice):
    """A pattern whose masked voxels carry an estimate.

    Attributes
    ----------
    pattern
        What was measured.
    intensity
        float32, same shape: the measured counts, bit for bit, and the expected counts elsewhere.
    sigma
        float32: standard error of `log(1 + expected counts)` in filled voxels, 0 elsewhere.
        Photon noise is not in it. NaN where the method gives no error.
    method
        Name of the method that filled it.
    """

    pattern: Pattern
    intensity: NDArray[np.float32]
    sigma: NDArray[np.float32]
    method: str

    def __post_init__(self) -> None:
        measured = ~self.pattern.mask
        for name in ("intensity", "sigma"):
            array = getattr(self, name)
            if array.shape != self.pattern.shape or array.dtype != np.float32:
                raise ValueError(f"{name}: must be float32 of shape {self.pattern.shape}")
        if not np.array_equal(self.intensity[measured], self.pattern.intensity[measured]):
            raise ValueError("intensity: measured voxels were changed")
        if not (np.isfinite(self.intensity).all() and self.intensity.min() >= 0):
            raise ValueError("intensity: filled voxels must be finite and non-negative")
        if self.sigma[measured].any() or (self.sigma < 0).any():
            raise ValueError("sigma: must be 0 where measured and nowhere negative")


@dataclass(frozen=True, kw_only=True)
class SimulatedPattern(OnDevice):
    """A simulated pattern with the truth behind it.

    Attributes
    ----------
    pattern
        Photon counts, as a detector would give them.
    expectation
        float32, same shape: the noise-free counts.
    amplitude
        complex64, same shape: the scattered amplitude before blur, background and noise, scaled
        so that `abs(amplitude)**2` are counts.
    oversampling
        Oversampling ratio of each axis.
    particle
        The crystal it came from.
    """

    pattern: Pattern
    expectation: NDArray[np.float32]
    amplitude: NDArray[np.complex64]
    oversampling: tuple[float, ...]
    particle: Particle | None = None
