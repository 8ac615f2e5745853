"""Arrays of numbers in files of MATLAB before version 7.3: level 5 (`-v6`, `-v7`) and level 4.

SciPy reads these files too, but some damaged ones end the process; here every length is checked against what
is there. Structures, cells, texts, objects, sparse and complex arrays are passed over.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.numerics import memory

Array = NDArray[Any]
Named = tuple[str, Array]
Bytes = bytes | memoryview

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of data elements, the `mi` of MathWorks' description of the format."""
_NUMERIC = range(6, 16)
"""Classes of arrays that hold numbers, the `mx` of the same description: from double to uint64."""
_COMPLEX, _LOGICAL = 0x08, 0x02
_LEVEL_4 = ("f8", "f4", "i4", "i2", "u2", "u1")
_HEAD = 2**12
"""Bytes of an element that hold the type, the shape and the name of an array."""


def arrays_of(data: Bytes) -> dict[str, Array]:
    """Return the arrays of numbers of a file by name, with the axes in the order of MATLAB.

    Raises
    ------
    ValueError
        The file is of no such level, or damaged.
    """
    data = memoryview(data)  # whose parts are no copies
    if len(data) < 20:
        raise ValueError("too short")
    if 0 in data[:4]:
        return dict(_level_4(data))
    if len(data) < 128 or bytes(data[126:128]) not in (b"IM", b"MI"):
        raise ValueError("neither level 4 nor level 5")
    order = "<" if bytes(data[126:128]) == b"IM" else ">"
    return dict(_level_5(data[128:], order))


def _level_5(data: Bytes, order: str) -> Iterator[Named]:
    while data:
        kind, body, data = _element(data, order, padded=False)
        if kind == _COMPRESSED:
            kind, body, _ = _element(_inflated(body, order), order)
        if kind == _MATRIX:
            found = _matrix(body, order)
            if found is not None and found[0]:  # a nameless one is of MATLAB's own
                yield found


def _inflated(packed: Bytes, order: str) -> bytes:
    """A compressed element, once it is known that what it states is an array that fits in the memory."""
    unpacker = zlib.decompressobj()
    try:
        head = unpacker.decompress(packed, _HEAD)
        if len(head) < 8:
            raise ValueError("a compressed array is cut short")
        kind, length = struct.unpack(f"{order}2I", head[:8])
        if kind == _MATRIX and len(head) == _HEAD:
            stated = _stated(memoryview(head)[8:], order)
            if stated is not None and stated > length:
                raise ValueError(f"{length} bytes for {stated} numbers")
        memory.require(3 * length, "a compressed array")
        rest = 8 + length - len(head)
        data = head + (unpacker.decompress(unpacker.unconsumed_tail, rest) if rest > 0 else b"")
        if not unpacker.eof and unpacker.decompress(unpacker.unconsumed_tail, 8):
            raise ValueError("a compressed array is longer than it states")
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpacker.eof:
        raise ValueError("a compressed array is cut short")
    return data


def _stated(body: Bytes, order: str) -> int | None:
    """How many numbers an array of numbers states, by the beginning of its body; None for any other."""
    _, flags, body = _element(body, order)
    if len(flags) != 8:
        raise ValueError("an array without flags")
    if struct.unpack(f"{order}I", flags[:4])[0] & 0xFF not in _NUMERIC:
        return None
    _, shape, _ = _element(body, order)
    return math.prod(int(n) for n in np.frombuffer(shape[: len(shape) // 4 * 4], f"{order}i4"))


def _element(data: Bytes, order: str, *, padded: bool = True) -> tuple[int, memoryview, memoryview]:
    """Type and bytes of the first element, and what follows it."""
    data = memoryview(data)
    if len(data) < 8:
        raise ValueError("an element is cut short")
    (word,) = struct.unpack(f"{order}I", data[:4])
    if word >> 16:  # a small element: length and type in one word, the data in the next
        length, start, size = word >> 16, 4, 8
        if length > 4:
            raise ValueError(f"a small element of {length} bytes")
        word &= 0xFFFF
    else:
        (length,) = struct.unpack(f"{order}I", data[4:8])
        start, size = 8, 8 + (-(-length // 8) * 8 if padded else length)
    if start + length > len(data):
        raise ValueError(f"an element of {length} bytes is cut short")
    return word, data[start : start + length], data[size:]


def _matrix(body: Bytes, order: str) -> Named | None:
    """Name and values of an array; None where it holds no real numbers."""
    _, flags, body = _element(body, order)
    if len(flags) != 8:
        raise ValueError("an array without flags")
    word = struct.unpack(f"{order}I", flags[:4])[0]
    if word & 0xFF not in _NUMERIC or word >> 8 & _COMPLEX:
        return None
    kind, shape, body = _element(body, order)
    if kind != 5 or len(shape) % 4:
        raise ValueError("an array without a shape")
    sides = [int(n) for n in np.frombuffer(shape, f"{order}i4")]
    _, name, body = _element(body, order)
    kind, values, _ = _element(body, order)
    if kind not in _NUMBERS:
        raise ValueError(f"numbers of an unknown type {kind}")
    array = _shaped(values, f"{order}{_NUMBERS[kind]}", sides)
    return bytes(name).decode("latin-1"), array.astype(bool) if word >> 8 & _LOGICAL else array


def _shaped(values: Bytes, dtype: str, sides: list[int]) -> Array:
    numbers = np.frombuffer(values, dtype)
    count = 1
    for side in sides:
        count *= side
    if min(sides, default=-1) < 0 or count != numbers.size:
        raise ValueError(f"{numbers.size} numbers for an array of {'×'.join(map(str, sides))}")
    return numbers.reshape(sides, order="F").astype(numbers.dtype.newbyteorder("="))


def _level_4(data: Bytes) -> Iterator[Named]:
    while data:
        if len(data) < 20:
            raise ValueError("a header is cut short")
        order = "<" if struct.unpack("<I", data[:4])[0] < 5000 else ">"
        kind, rows, columns, imaginary, length = struct.unpack(f"{order}5I", data[:20])
        if kind >= 5000 or imaginary > 1 or not length:
            raise ValueError("neither level 4 nor level 5")
        machine, _, precision, what = kind // 1000, kind // 100 % 10, kind // 10 % 10, kind % 10
        if machine > 1 or precision >= len(_LEVEL_4) or what > 2:
            raise ValueError(f"numbers of an unknown type {kind}")
        dtype = f"{order}{_LEVEL_4[precision]}"
        size = rows * columns * np.dtype(dtype).itemsize
        end = 20 + length + size * (1 + imaginary)
        if end > len(data):
            raise ValueError(f"an array of {rows}×{columns} is cut short")
        if what == 0 and not imaginary:
            name = bytes(data[20 : 20 + length]).rstrip(b"\0").decode("latin-1")
            yield name, _shaped(data[20 + length : 20 + length + size], dtype, [rows, columns])
        data = data[end:]
