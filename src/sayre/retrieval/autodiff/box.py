"""The box of voxels that can hold the object; everything except the FFTs is computed inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """A box around the origin of arrays `(batch, *shape)` whose origin is at index 0.

    Attributes
    ----------
    positions
        Voxel coordinates along each axis, ascending, the origin at 0.
    index
        Index that selects the voxels of the box in an array.
    """

    positions: tuple[Tensor, ...]
    index: Any

    @classmethod
    def around(cls, support: Tensor, margin: float = 0.0) -> Box:
        """Return the smallest box that holds the supports of all objects, with a margin.

        Parameters
        ----------
        support
            bool `(batch, *shape)`.
        margin
            Width added on each side, as a fraction of the length of the support, and at least 3 voxels unless
            it is 0. The box is never wider than the array.
        """
        inside = support.any(0)
        positions = []
        for axis, n in enumerate(inside.shape):
            others = [a for a in range(inside.ndim) if a != axis]
            line = torch.fft.fftshift(inside.any(others) if others else inside)
            places = torch.nonzero(line).flatten() - n // 2
            first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
            extra = max(3, round(margin * (last - first + 1))) if margin else 0
            low, high = max(first - extra, -(n // 2)), min(last + extra, n - 1 - n // 2)
            positions.append(torch.arange(low, high + 1, device=support.device))
        grids = torch.meshgrid(*(p % n for p, n in zip(positions, inside.shape, strict=True)), indexing="ij")
        return cls(tuple(positions), (slice(None), *grids))

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels of the box along each axis."""
        return tuple(len(p) for p in self.positions)

    def take(self, array: Tensor) -> Tensor:
        """Copy the box out of an array `(batch, *shape)`: `(batch, *box)`."""
        part: Tensor = array[self.index]
        return part

    def put(self, array: Tensor, part: Tensor) -> None:
        """Write values into the box of an array.

        Parameters
        ----------
        array
            `(batch, *shape)`, changed in place.
        part
            `(batch, *box)` of the same dtype.
        """
        array[self.index] = part
