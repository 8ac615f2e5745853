"""VTK XML image data (`.vti`), as ParaView opens it.

The last array axis is VTK's x, so an array whose axes are (z, y, x) has VTK's axes in the laboratory. Lengths
are in nm, or in voxels where the voxel size is not known.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal, Manifest
from sayre.data.json_text import to_json
from sayre.errors import InputError, warn

_TYPES = {"f4": "Float32", "u1": "UInt8"}
_BLOCK = 1 << 20


def write(file: BinaryIO, crystal: Crystal, manifest: Manifest) -> None:
    """Write amplitude, phase (rad), displacement (Å), strain and support; 0 where the crystal is not.

    Every array has its unit as the name of its component, and the field data hold `units`, `metrics` and
    `manifest` as JSON text. Arrays are zlib-compressed base64.

    Parameters
    ----------
    file
        Open for writing, binary.
    crystal
        3D.
    manifest
        What made it.

    Raises
    ------
    InputError
        A 2D crystal.

    Warns
    -----
    SayreWarning
        Oblique axes, which image data cannot have: written as if they were at right angles.
    """
    if crystal.object.ndim != 3:
        raise InputError("crystal: .vti is for 3D crystals; .npz or .cxi holds 2D ones")
    arrays = dict(_arrays(crystal))
    size = crystal.voxel_size or (1.0, 1.0, 1.0)
    length = "nm" if crystal.voxel_size else "voxels"
    extent = " ".join(f"0 {n - 1}" for n in reversed(crystal.shape))
    origin = " ".join(
        repr(-(n // 2) * s) for n, s in zip(reversed(crystal.shape), reversed(size), strict=True)
    )
    spacing = " ".join(repr(s) for s in reversed(size))
    units = {name: unit for name, (_, unit) in arrays.items()} | {"length": length}
    lines = [
        '<?xml version="1.0"?>',
        '<VTKFile type="ImageData" version="2.2" byte_order="LittleEndian" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor">',
        f'<ImageData WholeExtent="{extent}" Origin="{origin}" Spacing="{spacing}" '
        f'Direction="{_direction(crystal)}">',
        "<FieldData>",
        *(
            _text(name, value)
            for name, value in {
                "units": json.dumps(units, ensure_ascii=False),
                "metrics": to_json(crystal.metrics),
                "manifest": manifest.to_json(),
            }.items()
        ),
        "</FieldData>",
        f'<Piece Extent="{extent}">',
        '<PointData Scalars="amplitude">',
    ]
    file.write("\n".join(lines).encode() + b"\n")
    for name, (array, unit) in arrays.items():
        _write_array(file, name, array, unit)
    file.write(b"</PointData>\n</Piece>\n</ImageData>\n</VTKFile>\n")


def _arrays(crystal: Crystal) -> Iterator[tuple[str, tuple[NDArray[Any], str]]]:
    """Arrays by name, with their unit."""
    yield "amplitude", (crystal.amplitude, "sqrt(counts)")
    yield "phase", (np.where(crystal.support, crystal.phase, 0), "rad")
    if crystal.displacement is not None:
        yield "displacement", (np.nan_to_num(crystal.displacement), "angstrom")
    if crystal.strain is not None:
        yield "strain", (np.nan_to_num(crystal.strain), "1")
    yield "support", (crystal.support.astype(np.uint8), "1")


def _direction(crystal: Crystal) -> str:
    """Columns are the directions of VTK's x, y, z."""
    axes = np.eye(3)
    if crystal.axes is not None:
        if crystal.orthogonal:
            axes = crystal.axes[::-1].T
        else:
            warn(
                "crystal: .vti has no oblique axes; written as if they were at right angles, "
                "the laboratory frame has none"
            )
    return " ".join(repr(float(x)) for x in axes.ravel())


def _text(name: str, value: str) -> str:
    """A VTK string array of one string: its bytes and a 0, as numbers."""
    codes = " ".join(str(byte) for byte in value.encode() + b"\0")
    return f'<DataArray type="String" Name="{name}" NumberOfTuples="1" format="ascii">{codes}</DataArray>'


def _write_array(file: BinaryIO, name: str, array: NDArray[Any], unit: str) -> None:
    """One array: base64 of the block sizes, then of the zlib blocks."""
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    raw = data.tobytes()
    blocks = [zlib.compress(raw[start : start + _BLOCK], 4) for start in range(0, len(raw), _BLOCK)]
    header = np.array([len(blocks), _BLOCK, len(raw) % _BLOCK, *map(len, blocks)], "<u8")
    file.write(
        f'<DataArray type="{_TYPES[data.dtype.str[1:]]}" Name="{name}" NumberOfComponents="1" '
        f'ComponentName0={quoteattr(unit)} format="binary">\n'.encode()
    )
    file.write(base64.b64encode(header.tobytes()) + base64.b64encode(b"".join(blocks)))
    file.write(b"\n</DataArray>\n")
