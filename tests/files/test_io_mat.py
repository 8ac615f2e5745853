"""Files of MATLAB: frames are last there, and first here."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from sayre.errors import InputError, SayreWarning
from sayre.files import load, output_path_check
from sayre.files.patterns import mat_levels

COUNTS = np.random.default_rng(0).poisson(3, (5, 9, 11)).astype(np.uint16)
"""(frame, row, column)."""
MASK = np.arange(99).reshape(9, 11) == 7


def old(path, arrays):
    savemat(path, arrays)


def new(path, arrays):
    """Version 7.3: HDF5 with the axes in reverse."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.asarray(array).T
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("write", [old, new])
def test_stacks_masks_and_facts(tmp_path, write):
    path = tmp_path / "a.mat"
    write(path, {"peak": np.moveaxis(COUNTS, 0, -1), "mask": MASK.astype(np.uint8), "energy": [[9000.0]]})
    with pytest.warns(SayreWarning, match=r"peak \(9, 11, 5\) is \(row, column, frame\)"):
        pattern = load(path)
    assert np.array_equal(pattern.mask, np.broadcast_to(MASK, COUNTS.shape))
    assert np.array_equal(pattern.intensity, np.where(MASK, 0, COUNTS))
    assert pattern.meta.energy == 9000
    assert np.array_equal(load(tmp_path / "a.mat::mask").intensity, MASK)


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_which_variable(tmp_path):
    path, stack = tmp_path / "a.mat", np.moveaxis(COUNTS, 0, -1)
    savemat(path, {"a": stack, "b": stack})
    with pytest.raises(InputError, match=r"holds a \(9, 11, 5\), b .*; name the counts as a\.mat::NAME"):
        load(path)
    assert np.array_equal(load(f"{path}::b").intensity, COUNTS)
    with pytest.raises(InputError, match="no array c; it holds a, b"):
        load(f"{path}::c")
    np.save(tmp_path / "a.npy", COUNTS)
    savemat(tmp_path / "mask.mat", {"bad": MASK})
    assert np.array_equal(load(tmp_path / "a.npy", mask=tmp_path / "mask.mat").mask[2], MASK)


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}])
def test_numbers_are_those_that_scipy_reads(tmp_path, options):
    """Of every type, in either order of bytes; what is no array of real numbers is passed over."""
    path, rng = tmp_path / "a.mat", np.random.default_rng(0)
    kinds = "f8 f4 i4 i2 u2 u1" if "format" in options else "f8 f4 i1 u1 i2 u2 i4 u4 i8 u8"
    shape = (3, 4) if "format" in options else (3, 4, 2)
    arrays = {f"of_{kind}": rng.integers(0, 100, shape).astype(kind) for kind in kinds.split()}
    arrays |= {"one": np.float64(7), "text": "words", "complex": np.ones((2, 2), complex)}
    if "format" not in options:
        arrays |= {"cell": np.array([1, "a"], object), "struct": {"a": 1}, "empty": np.zeros((0, 3))}
    savemat(path, arrays, **options)
    with open(path, "rb") as file:
        found, known = mat_levels.arrays_of(file.read()), loadmat(path)
    numbers = {name for name, a in known.items() if isinstance(a, np.ndarray) and a.dtype.kind in "buif"}
    assert found.keys() == numbers
    for name, array in found.items():
        assert array.dtype == known[name].dtype
        np.testing.assert_array_equal(array, known[name])


def test_big_endian_numbers_and_logical_ones():
    """Written by hand after MathWorks' description of the format."""

    def element(kind, body):
        return struct.pack(">II", kind, len(body)) + body + bytes(-len(body) % 8)

    flags, shape = struct.pack(">II", 0x200 | 9, 0), struct.pack(">ii", 2, 3)
    body = (
        element(6, flags) + element(5, shape) + element(1, b"bad") + element(4, struct.pack(">6H", *range(6)))
    )
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 256) + b"MI"
    found = mat_levels.arrays_of(head + element(14, body))
    np.testing.assert_array_equal(found["bad"], [[False, True, True], [True, True, True]])
    assert found["bad"].dtype == bool


@pytest.mark.parametrize("content", [b"MATLAB 7.3 MAT-file" + b" " * 600, b"MATLAB 5.0 MAT-file" * 40])
def test_damaged(tmp_path, content):
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mat: not a file of MATLAB, or cut short"):
        load(path)


def test_is_not_written(tmp_path):
    with pytest.raises(InputError, match=r"unknown ending \.mat"):
        output_path_check(tmp_path / "a.mat")
