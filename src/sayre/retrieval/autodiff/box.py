"""The part of the array that can hold the object: all but the FFTs work there alone."""

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
        For each axis the voxel coordinates, rising, the origin at 0.
    index
        Of an array's voxels.
    """

    positions: tuple[Tensor, ...]
    index: Any

    @classmethod
    def around(cls, support: Tensor, margin: float = 0.0) -> Box:
        """The smallest box that holds bool supports `(batch, *shape)` of all rows.

        Wider on each side by `margin` times its length and, where there is one, by at least 3 voxels; never
        wider than the array.
        """
        inside = support.any(0)
        positions = []
        for axis, n in enumerate(inside.shape):
            others = [a for a in range(inside.ndim) if a != axis]
            line = torch.fft.fftshift(inside.any(others) if others else inside)
            found = torch.nonzero(line).flatten() - n // 2
            first, last = (int(found[0]), int(found[-1])) if len(found) else (0, 0)
            extra = max(3, round(margin * (last - first + 1))) if margin else 0
            low, high = max(first - extra, -(n // 2)), min(last + extra, n - 1 - n // 2)
            positions.append(torch.arange(low, high + 1, device=support.device))
        grids = torch.meshgrid(*(p % n for p, n in zip(positions, inside.shape, strict=True)), indexing="ij")
        return cls(tuple(positions), (slice(None), *grids))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the box."""
        return tuple(len(p) for p in self.positions)

    def take(self, array: Tensor) -> Tensor:
        """The box out of an array: `(batch, *box)`."""
        part: Tensor = array[self.index]
        return part

    def put(self, array: Tensor, part: Tensor) -> None:
        """Write a box into an array."""
        array[self.index] = part
