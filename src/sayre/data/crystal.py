"""The crystal that phase retrieval finds: its density, and what the phase says of its lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data.arrays import ArrayClass
from sayre.data.shown import Lines, sizes, slices_through
from sayre.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Crystal(ArrayClass):
    """A complex density on a regular grid; `None` is unknown.

    Attributes
    ----------
    object
        complex64, 2D or 3D, centred on index `n // 2`: `ρ exp(−i G·u)`.
    support
        bool, same shape: where the crystal is.
    voxel_size
        nm, of each axis; without it lengths are in voxels.
    axes
        Unit vectors of the array axes as rows, in the laboratory frame (x, y, z). They may be oblique,
        as those of a reconstruction in the frame of the detector.
    hkl, g
        Reflection, and the modulus of its scattering vector in 1/Å.
    displacement
        float32, same shape: displacement along G in Å, NaN outside the support.
    strain
        float32, same shape: its derivative along G, dimensionless, NaN outside the support.
    metrics
        What is known of the reconstruction by name, as JSON can hold it.
    counts_shape
        Of the counts that were phased, where the object was cropped afterwards: it decides how large a
        voxel is.
    """

    object: NDArray[np.complex64]
    support: NDArray[np.bool_]
    voxel_size: tuple[float, ...] | None = None
    axes: NDArray[np.float64] | None = None
    hkl: tuple[int, int, int] | None = None
    g: float | None = None
    displacement: NDArray[np.float32] | None = None
    strain: NDArray[np.float32] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    counts_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        shape, ndim = self.object.shape, self.object.ndim
        if ndim not in (2, 3) or min(shape) == 0:
            raise InputError(f"crystal: the object must be a 2D or 3D array, found shape {shape}")
        types = {
            "object": np.complex64,
            "support": np.bool_,
            "displacement": np.float32,
            "strain": np.float32,
        }
        for name, dtype in types.items():
            array = getattr(self, name)
            if array is not None and (array.dtype != dtype or array.shape != shape):
                raise InputError(
                    f"crystal: {name} must be {np.dtype(dtype).name} of shape {shape}, "
                    f"found {array.dtype} of {array.shape}"
                )
        if not np.isfinite(self.object).all():
            raise InputError(
                "crystal: the object has NaN or infinite voxels; a run that failed is no crystal"
            )
        size = self.voxel_size
        if size is not None and (len(size) != ndim or not all(np.isfinite(s) and s > 0 for s in size)):
            raise InputError(f"crystal: voxel_size must be {ndim} positive numbers in nm, found {size}")
        if self.g is not None and not (np.isfinite(self.g) and self.g > 0):
            raise InputError(f"crystal: g must be a positive number in 1/Å, found {self.g}")
        counts = self.counts_shape
        if counts is not None and (
            len(counts) != ndim or any(n < m for n, m in zip(counts, shape, strict=True))
        ):
            raise InputError(
                f"crystal: an object of {shape} cannot be a part of counts of {counts}; they must be "
                "at least as large"
            )
        if self.axes is not None and not np.allclose(np.linalg.norm(self.axes, axis=1), 1, atol=1e-6):
            raise InputError("crystal: axes must be unit vectors")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.object.shape)

    @property
    def amplitude(self) -> NDArray[np.float32]:
        """Modulus of the object, √counts as the patterns are."""
        return np.abs(self.numpy().object)

    @property
    def phase(self) -> NDArray[np.float32]:
        """Phase of the object in rad, wrapped to (−π, π]."""
        return np.angle(self.numpy().object)

    @property
    def spacing(self) -> NDArray[np.float32] | None:
        """Spacing of the lattice planes in Å, `2π/|G| (1 + ε)`; None where strain or |G| is not known.

        The strain is relative to the mean of the crystal, which |G| of a geometry is measured at.
        """
        strain = self.numpy().strain
        if strain is None or self.g is None:
            return None
        return np.asarray(2 * np.pi / self.g * (1 + strain), np.float32)

    @property
    def orthogonal(self) -> bool:
        """Whether the array axes are at right angles, as far as is known."""
        return self.axes is None or bool(
            np.allclose(self.axes @ self.axes.T, np.eye(len(self.axes)), atol=1e-6)
        )

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return (
            f"Crystal: {sizes(self.shape)} voxels, {int(self.numpy().support.sum())} of them in the support"
        )

    def _lines(self) -> Lines:
        voxel = "size not known" if self.voxel_size is None else f"{sizes(self.voxel_size)} nm"
        reflection = "not known" if self.hkl is None else " ".join(map(str, self.hkl))
        length = "" if self.g is None else f", |G| = {self.g:.4f} 1/Å"
        lines = [
            ("voxel", voxel + ("" if self.orthogonal else ", oblique axes")),
            ("reflection", reflection + length),
            ("displacement", _range(self.displacement, "Å")),
            ("strain", _range(self.strain, "")),
        ]
        residual = self.metrics.get("residual")
        return lines if residual is None else [*lines, ("R", f"{residual:.3f}")]

    def _panels(self) -> Sequence[NDArray[Any]]:
        return slices_through(self.amplitude, [n // 2 for n in self.shape])


def _range(values: NDArray[np.float32] | None, unit: str) -> str:
    known = None if values is None else np.asarray(values)[np.isfinite(np.asarray(values))]
    if known is None or not known.size:
        return "not known"
    low, high = np.percentile(known, (1, 99))
    return f"{low:.3g} to {high:.3g} {unit}".rstrip() + " in 98 % of the voxels"
