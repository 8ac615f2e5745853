"""What a file states is compared with what it holds and with the memory, before anything is allocated."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import tifffile
from scipy.io import savemat

import sayre
from sayre.errors import InputError
from sayre.files.atoms import load_particle
from sayre.files.masks import own_mask
from sayre.files.patterns import mat_levels
from sayre.networks import registry
from sayre.numerics import memory

FREE = 2**24
HUGE = (64, 2048, 2048)
"""2**28 numbers."""


@pytest.fixture(autouse=True)
def little(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: FREE)


def header(shape, kind="<f4"):
    stream = io.BytesIO()
    about = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(stream, about)
    return stream.getvalue()


def npy(path):
    with open(path, "wb") as file:
        file.write(header(HUGE))
        file.truncate(file.tell() + 4 * 2**28)  # takes no place on the disk


def hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("entry_1/data_1/data", HUGE, "f4", chunks=(1, 64, 64))


def matlab_7_3(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("data", HUGE, "f4", chunks=(1, 64, 64))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124))


def matlab_7(path):
    """The beginning of an array that states more numbers than follow."""
    small = io.BytesIO()
    savemat(small, {"data": np.zeros((8, 8, 8), np.float32)}, do_compression=True)
    inner = zlib.decompress(small.getvalue()[136:])
    inner = struct.pack("<II", 14, 2**30 + 48) + inner[8:].replace(
        struct.pack("<3i", 8, 8, 8), struct.pack("<3i", 8, 8, 2**22)
    )
    packed = zlib.compress(inner.ljust(2**13))
    path.write_bytes(small.getvalue()[:128] + struct.pack("<II", 15, len(packed)) + packed)


def tiff(path):
    tifffile.imwrite(path, np.zeros((4, 8, 8), np.uint16), photometric="minisblack", compression="zlib")
    with tifffile.TiffFile(path) as file:
        places = [(t.valueoffset, t.dtype) for page in file.pages for t in map(page.tags.get, (256, 257))]
    with open(path, "r+b") as file:
        for place, kind in places:
            file.seek(place)
            file.write(struct.pack("<H" if kind == 3 else "<I", 2**15))


@pytest.mark.parametrize(
    ("make", "ending"),
    [
        (npy, "npy"),
        (hdf5, "h5"),
        (hdf5, "cxi"),
        (matlab_7_3, "mat"),
        (matlab_7, "mat"),
        (tiff, "tif"),
    ],
)
def test_counts_and_masks_beyond_the_memory_are_refused(make, ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    make(path)
    counts = np.ones((4, 8, 8), np.float32)
    with pytest.raises(InputError, match=rf"a\.{ending}.* needs .* GiB of memory, 0.0 GiB are free"):
        sayre.load(path)
    with pytest.raises(InputError, match=rf"a\.{ending}.* needs .* GiB of memory, 0.0 GiB are free"):
        own_mask(str(path), counts, np.zeros(counts.shape, bool), None)


@pytest.mark.parametrize("name", ["intensity", "mask", "object"])
def test_arrays_of_an_npz_hold_what_they_state_and_fit_in_the_memory(name, tmp_path):
    """What is stated is allocated before it is read; a deflated array of zeros is small on the disk."""
    short, large = tmp_path / "short.npz", tmp_path / "large.npz"
    kind = {"mask": "|b1", "object": "<c8"}.get(name, "<f4")
    counts = np.ones((4, 8, 8), np.float32)
    with zipfile.ZipFile(short, "w") as file:
        file.writestr(f"{name}.npy", header((4, 1024, 1024), kind) + bytes(1000))
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as file, file.open(f"{name}.npy", "w") as entry:
        entry.write(header((65 // np.dtype(kind).itemsize + 1, 2**10, 2**10), kind))
        for _ in range(65 + np.dtype(kind).itemsize):
            entry.write(bytes(2**20))
    read = {
        "object": sayre.load_crystal,
        "mask": lambda path: own_mask(str(path), counts, np.zeros(counts.shape, bool), None),
    }.get(name, sayre.load)
    with pytest.raises(
        InputError, match=rf"short\.npz: {name}: cannot be read.*bytes for an array of 4×1024"
    ):
        read(short)
    with pytest.raises(InputError, match=rf"large\.npz.*{name} needs .* GiB of memory, 0\.0 GiB are free"):
        read(large)


def test_a_compressed_array_of_matlab_inflates_to_what_it_states():
    zeros = zlib.compress(struct.pack("<II", 14, 2**20) + bytes(2**24))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    with pytest.raises(ValueError, match="an array without flags"):
        mat_levels.arrays_of(head + struct.pack("<II", 15, len(zeros)) + zeros)
    file = io.BytesIO()
    savemat(file, {"data": np.arange(64.0).reshape(4, 4, 4)}, do_compression=True)
    whole = file.getvalue()
    inner = zlib.decompress(whole[136:])
    for changed, said in (
        (inner + bytes(2**24), "longer than it states"),
        (inner[:-8], "cut short"),
        (inner.replace(struct.pack("<3i", 4, 4, 4), struct.pack("<3i", 4, 4, 2**30)), "numbers"),
    ):
        packed = zlib.compress(changed)
        with pytest.raises(ValueError, match=said):
            mat_levels.arrays_of(whole[:128] + struct.pack("<II", 15, len(packed)) + packed)
    assert mat_levels.arrays_of(whole)["data"].tolist() == np.arange(64.0).reshape(4, 4, 4).tolist()


@pytest.mark.parametrize("ending", ["xyz", "data", "mat", "toml", "spec", "fio"])
def test_a_file_larger_than_the_memory_is_not_read_whole(ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"#F id01\n#S 1 ascan\n#C " + b" " * 2**14 if ending == "spec" else b"1\n")
    os.truncate(path, FREE)
    from sayre.cli import main
    from sayre.simulation.dataset import DatasetConfig

    read = {
        "xyz": load_particle,
        "data": load_particle,
        "toml": DatasetConfig.from_toml,
    }.get(ending, lambda name: sayre.load(f"{name}::1" if ending == "spec" else name))
    with pytest.raises(InputError, match=rf"a\.{ending}: reading 0.0 GiB needs .* GiB of memory"):
        read(path)
    assert main(["phase", "none.npz", "-o", "a.npz", "--geometry", str(path)]) == 2


def test_a_device_without_an_end_is_not_read_for_ever(monkeypatch):
    monkeypatch.setattr(memory, "_UNKNOWN", 1000)
    with pytest.raises(InputError, match="/dev/zero: has no end"):
        memory.whole(memory.Path("/dev/zero"))


def test_a_text_of_a_pipe_is_read(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, "é\r\n".encode())
    os.close(writing)
    assert memory.whole_text(memory.Path(f"/dev/fd/{reading}")) == "é\n"
    os.close(reading)


def test_the_shape_of_a_tensor_of_weights_is_checked(tmp_path):
    import torch

    path = tmp_path / "a.safetensors"
    registry.write(path, {"a": torch.ones(4, 4)}, {"network": "shape"}, levels=31)
    whole = path.read_bytes()
    assert whole.count(b"[4, 4]") == 1
    assert registry.read(path)[0]["a"].tolist() == torch.ones(4, 4).tolist()
    size = int.from_bytes(whole[:8], "little")
    text = whole[8 : 8 + size].replace(b"[4, 4]", b"[1000000, 1000000]").rstrip()
    path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size :])
    with pytest.raises(InputError, match=r"a\.safetensors: a tensor needs .* GiB of memory"):
        registry.read(path)
