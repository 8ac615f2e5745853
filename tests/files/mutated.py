"""Reads damaged copies of small files: `python mutated.py FOLDER CASES SEED`.

Bytes of a file of each format are changed or cut out. It prints what was neither read nor refused in one
line, and exits with the number of such cases. Files of MATLAB are left out: SciPy, which reads older ones,
ends the process on some that are damaged.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import tifffile

import sayre
from sayre.crystal.geometry_file import read_geometry
from sayre.errors import InputError, printable
from sayre.files.atoms import load_particle

ATOMS = """3
Properties=species:S:1:pos:R:3 lattice_constant=4 made="{\\"a\\": 1}"
Au 0 0 0
Au 1 1 1
Au 2 2 0
"""
GEOMETRY = """energy = 9000.0
distance = 1.0
pixel_size = [5e-5, 5e-5]
rocking_step = 0.01
"""


def made(folder):
    """Small files of each format, and what reads them."""
    counts = np.random.default_rng(0).poisson(5, (3, 8, 8)).astype(np.uint16)
    mask = np.zeros(counts.shape, bool)
    mask[:, 3] = True
    for ending in ("npz", "cxi", "h5", "tif"):
        sayre.save(folder / f"a.{ending}", sayre.data.Pattern.from_counts(counts, mask))
        yield folder / f"a.{ending}", sayre.load
    np.save(folder / "a.npy", counts)
    tifffile.imwrite(folder / "b.tif", counts, compression="zlib")
    with h5py.File(folder / "b.h5", "w") as file:
        file.create_dataset("entry/data", data=counts, chunks=(1, 8, 8), compression="gzip")
        file["entry/link"] = h5py.SoftLink("/entry")
    for name in ("a.npy", "b.tif", "b.h5"):
        yield folder / name, sayre.load
    np.savez(folder / "o.npz", object=np.ones((4, 4, 4), np.complex64), support=np.ones((4, 4, 4), bool))
    yield folder / "o.npz", sayre.load_crystal
    (folder / "a.xyz").write_text(ATOMS)
    yield folder / "a.xyz", load_particle
    (folder / "g.toml").write_text(GEOMETRY)
    yield folder / "g.toml", read_geometry


def mutated(data, rng):
    """Bytes with some of them changed, a part cut out or repeated, or the end lost."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place, length = rng.integers(len(data)), int(rng.integers(1, 17))
        match rng.integers(5):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place : place + length] = bytes([rng.choice([0, 255, 1, 128])]) * length
            case 2:
                data[place : place + length] = rng.bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                del data[max(int(place), 1) :]
        if not data:
            return b"x"
    return bytes(data)


def main(folder, cases, seed):
    """Read damaged copies, and return how many were neither read nor refused."""
    warnings.simplefilter("ignore")
    logging.disable()
    rng, failed = np.random.default_rng(seed), 0
    files = [(path, path.read_bytes(), reader) for path, reader in made(folder)]
    for number in range(cases):
        path, data, reader = files[number % len(files)]
        case = folder / f"case-{path.name}"
        case.write_bytes(mutated(data, rng))
        try:
            reader(case)
        except InputError as error:
            if case.name not in str(error) or len(printable(str(error)).splitlines()) != 1:
                print(f"{case.name} {number}: {error}")
                failed += 1
        except BaseException as error:
            print(f"{case.name} {number}: {type(error).__name__} {error}")
            failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), 99))
