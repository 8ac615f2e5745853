"""Complex objects from the files of Sayre and of other programs, in Sayre's conventions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sayre.errors import InputError, understood, warn
from sayre.files.crystals import cdiutils
from sayre.files.formats import split_path
from sayre.files.patterns import npz
from sayre.files.safety.apart import tried_apart

Found = dict[str, Any]
"""What a file holds by the names of an npz, and `g_vector` (1/Å, in the frame of the axes), `counts_shape`,
`rebinned` and, where the axes are those of the sample, `in_sample`."""

ENDINGS = (".npz", ".npy", ".cxi", ".h5", ".hdf5")
CONVENTIONS = ("auto", "sayre", "conjugate", "cohere")
OBJECTS = ("object", "obj")
ARRAYS = ("displacement", "strain")
FRAME = ("voxel_size", "axes", "hkl", "g", "counts_shape")
FACTS = (*FRAME, "metrics", "manifest")

_COHERE = ("support.npy", "errors.npy", "reciprocal.npy")
"""Files beside `image.npy` in a folder of results of cohere."""


@tried_apart
def read_object(path: str | Path, convention: str = "auto") -> Found:
    """Read an object and what its file tells of it.

    Parameters
    ----------
    path
        As `sayre.load_crystal` takes it.
    convention
        `sayre`: the Fourier transform of NumPy, as PyNX and cdiutils have it; `conjugate`: the opposite sign;
        `cohere`: that and the axes in reverse, as cohere has them of TIFF stacks. `auto` knows cohere by the
        names of its files.

    Raises
    ------
    InputError
        The file cannot be read, or holds no complex object; `image.npy`, without the files that cohere writes
        beside it, where no convention is given.

    Warns
    -----
    SayreWarning
        The convention is that of cohere, by the names of the files.
    """
    file, inside = split_path(path)
    ending = file.suffix.lower()
    if convention not in CONVENTIONS:
        raise InputError(f"convention: found {convention!r}; one of {', '.join(CONVENTIONS)}")
    if ending not in ENDINGS:
        raise InputError(
            f"{file}: an object is read from {', '.join(ENDINGS)}, not from {ending or 'no ending'}"
        )
    if not file.is_file():
        raise InputError(f"{file}: {'is a folder; name a file in it' if file.is_dir() else 'no such file'}")
    with understood(path):
        if ending == ".npz":
            found = _read_npz(file, inside or None)
        elif ending == ".npy":
            found, convention = _read_npy(file, convention)
        else:
            from sayre.files.crystals import cxi

            found = cxi.read(file, inside or None)
    return _converted(found, convention)


def _converted(found: Found, convention: str) -> Found:
    """The object and its support in Sayre's convention."""
    if convention in ("auto", "sayre"):
        return found
    arrays: Found = {name: np.asarray(found[name]) for name in ("object", "support") if name in found}
    arrays["object"] = arrays["object"].conj()
    if convention == "cohere":
        arrays = {name: array.T for name, array in arrays.items()}
    return {**found, **arrays}


def _read_npy(path: Path, convention: str) -> tuple[Found, str]:
    found: Found = {"object": npz.read_npy(path)}
    beside = [name for name in _COHERE if (path.parent / name).is_file()]
    if path.name == "image.npy" and convention == "auto":
        if not beside:
            raise InputError(
                f"{path}: is named as cohere names its objects, which are conjugate and have their axes in "
                "reverse, but no support.npy is beside it; state `convention='cohere'` or "
                "`convention='sayre'`"
            )
        warn(
            f"image.npy: beside {', '.join(beside)}, so an object of cohere: conjugated, axes put in reverse "
            "order; `convention=` states otherwise"
        )
        convention = "cohere"
    if path.name == "image.npy" and "support.npy" in beside:
        found["support"] = npz.read_npy(path.parent / "support.npy")
    return found, convention


def _read_npz(path: Path, inside: str | None) -> Found:
    headers = npz.headers_of(path)
    if inside is None and set(headers) >= {*cdiutils.NEEDED, "g_vector"}:
        return cdiutils.of_properties(npz.read_arrays(path, [n for n in cdiutils.NAMES if n in headers]))
    usual = next((name for name in OBJECTS if name in headers), None)
    place = usual if inside is None else npz.named(path, headers, inside)
    if place is None:
        names = [
            name for name, (shape, dtype) in headers.items() if dtype.kind == "c" and len(shape) in (2, 3)
        ]
        if len(names) != 1:
            choose = f", or choose one as {path.name}::{names[0]}" if names else ""
            raise InputError(
                f"{path}: holds {npz.listed(headers)}; the object must be complex, named object{choose}"
            )
        place = names[0]
    others = ("support", *ARRAYS, *FACTS) if inside is None or place == usual else ("support", *FRAME)
    wanted = [name for name in others if name in headers]
    if "fft_size" in headers and "counts_shape" not in headers:  # as bcdi names it
        wanted.append("fft_size")
    found = npz.read_arrays(path, [place, *wanted])
    if "fft_size" in found:
        found["counts_shape"] = found.pop("fft_size")
    return {"object": found.pop(place)} | found
