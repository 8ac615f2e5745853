"""An object without the zeros around it: of 256³ voxels, some megabytes rather than a hundred."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.complex64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Packed:
    """A complex64 object that is zero outside its bool support, both of `shape`.

    Attributes
    ----------
    shape
        Of the array.
    bits
        uint8, the support, eight voxels to a byte.
    values
        complex64, the object inside it.
    """

    shape: tuple[int, ...]
    bits: NDArray[np.uint8]
    values: Objects

    @classmethod
    def of(cls, obj: Objects, support: Mask) -> Self:
        """Pack an object; what it has outside the support is lost."""
        return cls(support.shape, np.packbits(support), np.asarray(obj[support], np.complex64))

    @property
    def support(self) -> Mask:
        """A new array."""
        bits = np.unpackbits(self.bits, count=math.prod(self.shape))
        return bits.view(np.bool_).reshape(self.shape)

    @property
    def object(self) -> Objects:
        """A new array."""
        obj = np.zeros(self.shape, np.complex64)
        obj[self.support] = self.values
        return obj
