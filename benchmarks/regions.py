"""Memory and time of opening a region of a scan of many large frames, in files of an EIGER master.

    python benchmarks/regions.py --frames 10000 --side 2048 --region 64 256 256 [--folder DIR]

The frames are compressed, as the detector writes them, and sparse but around a peak; a hundred frames a file.
The region is opened by a process of its own, whose largest memory is compared with what it has before, once a
small region was opened and everything is imported.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

BLOCK = 100

READ = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
import h5py, hdf5plugin, numpy
import sayre
sayre.load(sys.argv[1], roi=sys.argv[3])  # a small region, so that everything is imported
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
pattern = sayre.load(sys.argv[1], roi=sys.argv[2])
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "bytes": 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before),
    "shape": pattern.shape, "counts": float(pattern.intensity.sum(dtype=float)),
}))
"""


def write(folder: Path, frames: int, side: int, near: int) -> Path:
    """Write a master and the files of its frames; those that are far from the peak are one and the same."""
    generator = np.random.default_rng(0)
    dark = generator.poisson(0.001, (side, side)).astype(np.uint32)
    offsets = np.arange(side) - side // 2
    distance = (offsets[:, None] ** 2 + offsets**2).astype(np.float32)
    master, packed = folder / "scan_master.h5", hdf5plugin.Bitshuffle(cname="lz4")
    with h5py.File(master, "w") as file:
        for number, start in enumerate(range(0, frames, BLOCK), 1):
            name = f"scan_data_{number:06d}.h5"
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
            with h5py.File(folder / name, "w") as block:
                shape = (min(BLOCK, frames - start), side, side)
                data = block.create_dataset(
                    "entry/data/data",
                    shape,
                    np.uint32,
                    chunks=(1, side, side),
                    **packed,
                )
                stored = None
                for k in range(shape[0]):
                    far = abs(start + k - frames // 2)
                    if far > near and stored is not None:
                        data.id.write_direct_chunk((k, 0, 0), stored)
                        continue
                    data[k] = dark + generator.poisson(1e4 * np.exp(-(distance / 400 + far**2 / 200))).astype(
                        np.uint32
                    )
                    if far > near:
                        block.flush()
                        stored = data.id.read_direct_chunk((k, 0, 0))[1]
        detector = file.create_group("entry/instrument/detector")
        detector["detectorSpecific/nimages"] = frames
        detector["detectorSpecific/pixel_mask"] = np.zeros((side, side), np.uint32)
    return master


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--region", type=int, nargs=3, default=(64, 256, 256))
    parser.add_argument("--folder", type=Path, help="where the files are written; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, started = Path(name), time.perf_counter()
        master = write(folder, options.frames, options.side, options.region[0])
        wrote = time.perf_counter() - started
        size = sum(path.stat().st_size for path in folder.iterdir())
        whole = (options.frames, options.side, options.side)
        starts = [n // 2 - m // 2 for n, m in zip(whole, options.region, strict=True)]
        roi = ",".join(f"{a}:{a + m}" for a, m in zip(starts, options.region, strict=True))
        small = ",".join(f"{a}:{a + min(m, 8)}" for a, m in zip(starts, options.region, strict=True))
        command = [sys.executable, "-c", READ, str(master), roi, small]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    region = 4 * int(np.prod(options.region))
    print("dataset, GiB of counts | files, MiB | region, MiB | seconds | peak memory, MiB | over the region")
    print(
        f"{'×'.join(map(str, whole))}, {4 * np.prod(whole, dtype=float) / 2**30:.0f} | {size / 2**20:.0f} | "
        f"{'×'.join(map(str, options.region))}, {region / 2**20:.0f} | {found['seconds']:.2f} | "
        f"{found['bytes'] / 2**20:.0f} | {found['bytes'] / region:.1f}"
    )
    assert tuple(found["shape"]) == tuple(options.region)
    print(f"(written in {wrote:.0f} s; {found['counts']:.4g} counts)")


if __name__ == "__main__":
    main()
