"""Objects stored without the zeros around them: some megabytes for 256³ voxels in place of a hundred."""

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
        Shape of the array.
    bits
        uint8, the support, eight voxels to a byte.
    values
        complex64, the object inside the support.
    """

    shape: tuple[int, ...]
    bits: NDArray[np.uint8]
    values: Objects

    @classmethod
    def of(cls, obj: Objects, support: Mask) -> Self:
        """Pack an object; its values outside the support are dropped.

        Parameters
        ----------
        obj
            complex64, the object.
        support
            bool of the same shape.
        """
        return cls(support.shape, np.packbits(support), np.asarray(obj[support], np.complex64))

    @property
    def support(self) -> Mask:
        """The support as a new bool array."""
        bits = np.unpackbits(self.bits, count=math.prod(self.shape))
        return bits.view(np.bool_).reshape(self.shape)

    @property
    def object(self) -> Objects:
        """The object as a new complex64 array."""
        obj = np.zeros(self.shape, np.complex64)
        obj[self.support] = self.values
        return obj
