"""What HDF5 would not survive, or would read as zeros, is refused before it is read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from sayre.errors import InputError
from sayre.files import load
from sayre.files.safety.heaps import require_heaps
from sayre.files.safety.sound import value
from sayre.numerics import memory

SHAPE = (4, 8, 8)


def made_of(file, place, source, name="."):
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[...] = h5py.VirtualSource(name, source, SHAPE)
    file.create_virtual_dataset(place, layout)


@pytest.mark.parametrize("sources", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "/d/../a"}])
def test_virtual_datasets_that_are_made_of_themselves(tmp_path, sources):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("d")
        for place, source in sources.items():
            made_of(file, place, source.replace("/d/..", ""))
    for place in sources:
        with pytest.raises(InputError, match="made of itself"):
            load(f"{tmp_path / 'a.h5'}::/{place}")


def test_virtual_datasets_that_are_made_of_themselves_by_another_file(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            made_of(file, "data", "data", f"{other}.h5")
    with pytest.raises(InputError, match="made of itself"):
        load(tmp_path / "a.h5")


def test_virtual_datasets_of_virtual_datasets_are_read(tmp_path):
    counts = np.arange(256).reshape(SHAPE)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["c"] = counts
        made_of(file, "b", "c")
        made_of(file, "a", "b")
    np.testing.assert_array_equal(load(f"{tmp_path / 'a.h5'}::/a").intensity, counts)


@pytest.mark.parametrize("fields", [None, [("a", "f8"), ("b", h5py.vlen_dtype("u1"))]])
def test_lists_of_different_lengths(tmp_path, fields):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", (), np.dtype(fields or h5py.vlen_dtype("u1")))
        with pytest.raises(InputError, match=r"a\.h5::/a: holds lists of different lengths"):
            value(dataset)


def test_texts_and_references_are_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["text"], file["number"] = "peak", 2.0
        file["both"] = np.array(
            [("peak", file["number"].ref)], [("a", h5py.string_dtype()), ("b", h5py.ref_dtype)]
        )
        assert value(file["text"]) == b"peak"
        text, found = value(file["both"])[0]
        assert (text, file[found][()]) == (b"peak", 2.0)


def test_a_shape_beyond_the_memory(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (4, 8192, 8192), "u2", chunks=True)
    monkeypatch.setattr(memory, "available", lambda: 2**29)
    with pytest.raises(InputError, match=r"a\.h5::/data needs 1\.0 GiB of memory, 0\.5 GiB are free"):
        load(tmp_path / "a.h5")


def test_a_heap_of_texts_that_does_not_end(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ones(SHAPE)
        file["data"].attrs["units"] = "a text in the heap"
    require_heaps(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL") + 16
    length = 16 + -(-int.from_bytes(data[at + 8 : at + 16], "little") // 8) * 8
    free = at + length
    assert data[free : free + 2] == b"\0\0"  # the object of the space that is left
    data[free + 8 : free + 16] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(InputError, match="a heap of texts in it does not end"):
        load(path)
