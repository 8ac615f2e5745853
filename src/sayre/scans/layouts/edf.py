"""EDF frames, `.edf` and `.edf.gz`: as many numbers as their header states, or none."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.extras import optional
from sayre.numerics import memory

_HEAD = 2**16
"""Bytes at the beginning of a file in which its header ends."""


def read_frames(files: Sequence[Path]) -> NDArray[Any]:
    """Read frames of one shape as a stack.

    Parameters
    ----------
    files
        Of a frame each.

    Raises
    ------
    InputError
        A file that cannot be read or whose end is missing, frames of several shapes, or more than there is
        memory for.
    """
    fabio: Any = optional("fabio", extra="beamline", task="EDF frames")
    stack = np.empty((0, 0, 0))
    for number, file in enumerate(files):
        try:
            with fabio.open(str(file)) as image:
                size = math.prod(image.shape) * np.dtype(image.dtype).itemsize
                if number == 0:
                    memory.require(2 * size * len(files), f"{file}: {len(files)} frames of its shape")
                elif image.shape != stack.shape[1:]:
                    raise InputError(
                        f"{file}: frame of {image.shape}, the first has {stack.shape[1:]}; all must be alike"
                    )
                _require_whole(file, size, image)
                frame = np.asarray(image.data)
        except InputError:
            raise
        except (OSError, ValueError, KeyError, RuntimeError, AttributeError, EOFError, zlib.error) as error:
            raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())})") from error
        if number == 0:
            stack = np.empty((len(files), *frame.shape), frame.dtype)
        stack = stack.astype(np.promote_types(stack.dtype, frame.dtype), copy=False)
        stack[number] = frame
    return stack


def _require_whole(file: Path, size: int, image: Any) -> None:
    """Refuse a frame that ends before its numbers do: fabio puts zeros in their place."""
    stated = {str(name).upper(): str(value) for name, value in image.header.items()}
    if not stated.get("COMPRESSION", "NO").upper().startswith("NO"):
        size = int(stated.get("SIZE", "0"))
    if "EDF_BINARYFILENAME" in stated:
        raise InputError(f"{file}: its numbers are in another file; EDF that holds them would do")
    opened: Any = gzip.open if file.suffix.lower() == ".gz" else open
    with opened(file, "rb") as stream:
        start = stream.read(_HEAD).find(b"}\n") + 2
        there = stream.seek(0, io.SEEK_END) - start
    if there < size:
        raise InputError(f"{file}: {there} bytes of a frame of {size} are there; copy the file again")
