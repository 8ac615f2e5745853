"""Strain in the bulk of a crystal and at its surface, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Support = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class StrainStatistics:
    """Strain of a part of a crystal, over the voxels in which it is known.

    Attributes
    ----------
    voxels
        In which the strain is known.
    mean, std, rms
        Of the strain, without a unit.
    low, high
        5th and 95th percentile.
    """

    voxels: int
    mean: float
    std: float
    rms: float
    low: float
    high: float

    @classmethod
    def of(cls, strain: NDArray[np.floating], where: Support) -> StrainStatistics:
        """Compute the statistics of a part; all NaN where it has no voxel.

        Parameters
        ----------
        strain
            Without a unit, NaN where unknown.
        where
            bool, same shape: the part.
        """
        known = np.asarray(strain[where & np.isfinite(strain)], np.float64)
        if not known.size:
            return cls(voxels=0, **dict.fromkeys(("mean", "std", "rms", "low", "high"), float("nan")))
        low, high = np.percentile(known, (5, 95))
        return cls(
            voxels=int(known.size),
            mean=float(known.mean()),
            std=float(known.std()),
            rms=float(np.sqrt(np.mean(known**2))),
            low=float(low),
            high=float(high),
        )

    def plain(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)


def surface_of(support: Support, depth: int = 1) -> Support:
    """Return the voxels of the support within `depth` voxels of its outside, going over faces.

    Parameters
    ----------
    support
        bool, of any dimension.
    depth
        Layers of voxels.
    """
    return np.asarray(support & ~ndimage.binary_erosion(support, iterations=depth), np.bool_)


def parts(strain: NDArray[np.floating], support: Support, depth: int = 1) -> dict[str, StrainStatistics]:
    """Statistics of the whole crystal, of its bulk and of its surface.

    Parameters
    ----------
    strain
        Without a unit, NaN where unknown.
    support
        bool, same shape.
    depth
        Layers of voxels that are the surface.
    """
    surface = surface_of(support, depth)
    regions = {"all": support, "bulk": support & ~surface, "surface": surface}
    return {name: StrainStatistics.of(strain, where) for name, where in regions.items()}
