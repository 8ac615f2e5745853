"""Ways to damage a file: its bytes, its words, the arrays in it, the structure of an HDF5 file."""

from __future__ import annotations

import io
import re
import zipfile

import h5py
import numpy as np

_WORDS = (
    "nan inf -inf -1 0 1e999 1e38 -1e38 1e-300 999999999999999999999 0.5 true null None '' \"\" [] {} [[ ]] "
    "[1,2] {a=1} ( ) * ** , = # :: / .. \\ \x00 \x1b[31m é 𝛑 %s %n ../../x"
)
WORDS = _WORDS.split(" ")
"""Words that a text may have in place of one of its own."""


def of_bytes(data, rng):
    """Bytes with some of them changed, a part cut out or repeated, or the end lost."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place, length = int(rng.integers(len(data))), int(rng.integers(1, 17))
        match rng.integers(7):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place : place + length] = bytes([rng.choice([0, 255, 1, 128])]) * length
            case 2:
                data[place : place + length] = rng.bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * int(rng.integers(1, 20))
            case 5:
                sizes = (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, len(data))
                width = int(rng.choice([2, 4, 8]))
                number = sizes[rng.integers(len(sizes))] & (1 << 8 * width) - 1
                data[place : place + width] = number.to_bytes(width, "little")
            case 6:
                other = int(rng.integers(len(data)))
                data[place : place + length] = data[other : other + length]
        if not data:
            return b"x"
    return bytes(data)


def cut(data, rng):
    """Bytes without their end."""
    return data[: max(int(rng.integers(len(data))), 1)]


def of_words(data, rng):
    """A text with some of its words replaced, repeated or swapped, and now and then nested deeply."""
    parts = re.split(r"([\s=,()\[\]{}*+\"':;|]+)", data.decode())
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(parts)))
        match rng.integers(5):
            case 0 | 1:
                parts[place] = WORDS[rng.integers(len(WORDS))]
            case 2:
                parts[place] *= int(rng.integers(0, 4))
            case 3:
                other = int(rng.integers(len(parts)))
                parts[place], parts[other] = parts[other], parts[place]
            case 4:
                sign = "[({-0 \n"[rng.integers(7)]
                parts[place] += sign * int(rng.choice([1, 30, 3000]))
    return "".join(parts).encode() or b"x"


def odd_array(rng, like=None):
    """An array that none expects: of another type, shape, size or value."""
    shape = ((), (0,), (1,), (3,), (2, 3), (3, 8, 8), (4, 4, 4), (1, 1, 3, 8, 8), (0, 8, 8))[rng.integers(9)]
    if like is not None and rng.random() < 0.5:
        shape = np.shape(like)
    match rng.integers(8):
        case 0:
            return np.full(shape, [np.nan, np.inf, -1.0, 3e38, 1e308, 1e-6][rng.integers(6)])
        case 1:
            return rng.poisson(5, shape).astype(
                ["u1", "i8", "f2", ">u2", "f4", "?", "u8", "i1"][rng.integers(8)]
            )
        case 2:
            return np.full(shape, "some text")
        case 3:
            return np.full(shape, b"bytes")
        case 4:
            return np.ones(shape, np.complex128)
        case 5:
            return np.zeros(shape, [("a", "f4"), ("b", "i4")])
        case 6:
            return np.full(shape, np.iinfo(np.uint64).max, np.uint64)
        case _:
            return np.asarray(rng.normal(size=shape))


def of_arrays(data, rng):
    """An `.npz` with some arrays replaced, renamed, left out or added."""
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    names = list(arrays)
    for _ in range(rng.integers(1, 3)):
        name = names[rng.integers(len(names))]
        match rng.integers(4):
            case 0:
                arrays.pop(name, None)
            case 1:
                arrays[str(rng.choice(["mask", "data", "x", "object", "flat", "a/b", "\n"]))] = odd_array(rng)
            case _:
                arrays[name] = odd_array(rng, arrays.get(name))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.save(entry, array)
            archive.writestr(f"{name}.npy", entry.getvalue())
    return made.getvalue()


def of_structure(data, rng):
    """An HDF5 file some of whose parts are other things: arrays, groups, links, promises without data."""
    with h5py.File("fuzz", "w", driver="core", backing_store=False) as copy:
        with h5py.File(io.BytesIO(data), "r") as file:
            for name in file:
                file.copy(name, copy, expand_external=False)
            copy.attrs.update(dict(file.attrs))
        places: list[str] = []
        copy.visit(places.append)
        for _ in range(rng.integers(1, 4)):
            if places:
                _changed(copy, places[rng.integers(len(places))], places, rng)
        copy.flush()
        return bytes(copy.id.get_file_image())


def _changed(file, place, places, rng):
    """Put something else at a place in a file."""
    old = file.get(place, getlink=True) and file.get(place)
    known = isinstance(old, h5py.Dataset) and old.size is not None and old.size < 10**6
    like = np.zeros(old.shape) if known else None  # never read: it may be made of itself
    kind = rng.integers(12)
    if old is not None and kind == 0:
        key = next(iter(old.attrs), "units")
        old.attrs[str(rng.choice([key, "signal", "default", "units", "NX_class"]))] = _storable(
            odd_array(rng)
        )
        return
    if file.get(place, getlink=True) is None:
        return
    del file[place]
    other = "/" + places[rng.integers(len(places))]
    match kind:
        case 1:
            file.create_group(place)
        case 2:
            file[place] = h5py.SoftLink(str(rng.choice(["/", "/nowhere", other, "/" + place, "."])))
        case 3:
            name = str(rng.choice(["missing.h5", "", ".", "\n"]))
            file[place] = h5py.ExternalLink(name, str(rng.choice(["/", "x", ""])))
        case 4:
            _virtual(file, place, str(rng.choice([place, other])), (3, 8, 8) if like is None else like.shape)
        case 5:
            file[place] = h5py.Empty("f4")
        case 6:
            file.create_dataset(place, [10**6, 10**5, 10**5][: rng.integers(1, 4)], chunks=True, dtype="u8")
        case 7:
            file.create_dataset(place, [2**40, 2**20][: rng.integers(1, 3)], chunks=True, dtype="f4")
        case 8:
            file[place] = np.dtype("f8")
        case 9:
            file[place] = [] if rng.random() < 0.5 else ["a\nb", "\x1b[31m"]
        case _:
            file[place] = _storable(odd_array(rng, like))


def _storable(array):
    """Texts as HDF5 has them."""
    return array.astype("S9") if array.dtype.kind == "U" else array


def _virtual(file, place, source, shape):
    """A dataset made of another one, or of itself."""
    if not shape:
        return
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource(".", source, shape)
    file.create_virtual_dataset(place, layout)
