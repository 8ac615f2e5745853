"""A part of an array in the `.npy` layout, from a stream that cannot go back."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sayre.files.patterns.region import Region, cut, full, lengths, require_memory, squeezed, within


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape of an array, whether its first axis changes fastest, and its type."""
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, columns_first, dtype = header(stream)
    if min(shape, default=0) < 0:
        raise ValueError("a negative length of an axis")
    return shape, columns_first, dtype


def read_stream(stream: IO[bytes], region: Region, where: str) -> NDArray[Any]:
    """Read a part of an array; along the first axis no more than one step is in memory beside it.

    Parameters
    ----------
    stream
        At the beginning of the header.
    region
        One slice for each axis of the array, without axes of length 1 that make more than three.
    where
        File and array, for messages.
    """
    shape, columns_first, dtype = read_header(stream)
    kept = within(region, squeezed(shape), where)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded")
    if columns_first or shape[0] == 1:
        require_memory(where, tuple(slice(0, n) for n in shape), each=dtype.itemsize)
        whole = np.frombuffer(stream.read(), dtype).reshape(shape, order="F" if columns_first else "C")
        return np.array(cut(whole, kept, where))
    part = full(kept, shape)
    step = int(np.prod(shape[1:])) * dtype.itemsize
    array = np.empty(lengths(part), dtype)
    for k in range(part[0].stop):
        frame = stream.read(step)
        if len(frame) < step:
            raise EOFError("cut short")
        if k >= part[0].start:
            array[k - part[0].start] = np.frombuffer(frame, dtype).reshape(shape[1:])[part[1:]]
    return array.reshape(lengths(kept))
