"""Patterns whose gaps were filled, and simulated ones with the truth behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data.arrays import ArrayClass
from sayre.data.grid import Grid, Meta
from sayre.data.pattern import Pattern, described, log_slices
from sayre.data.shown import Lines, axes_of, sizes

if TYPE_CHECKING:
    from sayre.data.particle import Particle
    from sayre.numerics.gaps import Gap


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FilledPattern(ArrayClass):
    """A pattern whose masked voxels carry an estimate.

    Attributes
    ----------
    pattern
        What was measured.
    intensity
        float32, same shape: the measured counts, bit for bit, and the expected counts elsewhere.
    sigma
        float32: standard error of `log(1 + expected counts)` in filled voxels, 0 elsewhere; expected counts
        below 0, which there are where the pattern has a `readout`, count as 0 in it. Photon noise is not in
        it. NaN where the method gives no error.
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
        least = -np.inf if self.pattern.readout else 0
        if not (np.isfinite(self.intensity).all() and self.intensity.min() >= least):
            raise ValueError("intensity: filled voxels must be finite and non-negative")
        if self.sigma[measured].any() or (self.sigma < 0).any():
            raise ValueError("sigma: must be 0 where measured and nowhere negative")

    @property
    def measured(self) -> Pattern:
        """What was measured; the same as `pattern`."""
        return self.pattern

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pattern.shape

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True in the voxels that were filled."""
        return self.pattern.mask

    @property
    def grid(self) -> Grid:
        return self.pattern.grid

    @property
    def meta(self) -> Meta:
        return self.pattern.meta

    @property
    def name(self) -> str:
        return self.pattern.name

    @property
    def gaps(self) -> list[Gap]:
        return self.pattern.gaps

    def as_photons(self) -> FilledPattern:
        """Return counts that scatter as photons do, as `Pattern.as_photons`, with their `sigma`."""
        if not self.pattern.readout:
            return self
        raised = np.maximum(self.intensity + np.float32(self.pattern.readout**2), 0)
        sigma = self.sigma * (1 + np.maximum(self.intensity, 0)) / (1 + raised)
        return replace(self, pattern=self.pattern.as_photons(), intensity=raised, sigma=sigma)

    def crop(self, box: tuple[slice, ...]) -> FilledPattern:
        """Return the part of the pattern inside `box`, one slice an axis."""
        inner = self.pattern.crop(box)
        return replace(self, pattern=inner, intensity=self.intensity[box], sigma=self.sigma[box])

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return f"FilledPattern {self.name}: {sizes(self.shape)} voxels ({axes_of(len(self.shape))})"

    def _lines(self) -> Lines:
        filled = self.numpy()
        values, errors = filled.intensity[filled.mask], filled.sigma[filled.mask]
        stated = "no standard error stated"
        if errors.size and np.isfinite(errors).all():
            stated = f"median standard error of log(1 + I) {float(np.median(errors)):.2g}"
        text = f"{values.size} voxels by {self.method}, {float(values.sum(dtype=np.float64)):.4g} counts"
        return [*described(filled.pattern), ("filled", f"{text}; {stated}")]

    def _panels(self) -> Sequence[NDArray[Any]]:
        filled = self.numpy()
        return log_slices(filled.intensity, np.zeros(filled.shape, np.bool_))


AnyPattern = Pattern | FilledPattern
"""Counts as measured, or with their gaps filled."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SimulatedPattern(ArrayClass):
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

    @property
    def title(self) -> str:
        """The first line that it prints."""
        shape = self.pattern.shape
        return f"SimulatedPattern {self.pattern.name}: {sizes(shape)} voxels ({axes_of(len(shape))})"

    def _lines(self) -> Lines:
        return [*described(self.pattern.numpy()), ("oversampling ratio", sizes(self.oversampling, ", "))]

    def _panels(self) -> Sequence[NDArray[Any]]:
        return self.pattern._panels()
