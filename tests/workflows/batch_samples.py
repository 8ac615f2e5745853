"""Small scans for tests of many scans."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sayre.simulation.peak import simulate

OPTIONS = [
    "--recipe",
    "(HIO*20 + SW)**4, ER*20",
    "--refine",
    "none",
    "--lattice-constant",
    "4.08",
    "--along",
    "0",
]
TIMES = ("created", "seconds", "peak_memory_mib")


def write_scan(path: Path, seed: int, *, shape: int = 20) -> Path:
    """Write counts of a small crystal, with their steps in q and their reflection."""
    generator = np.random.default_rng(seed)
    pattern = simulate(
        "cube", atoms=3000 + 800 * seed, shape_px=shape, phase_range=1.0, threads=1, generator=generator
    ).pattern
    np.savez(path, data=pattern.intensity, grid_step=pattern.grid.step, hkl=(1, 1, 1))
    return path


def crystal_of(folder: Path) -> dict[str, bytes]:
    """The crystal in the folder of a scan."""
    with np.load(folder / "object.npz") as file:
        return {name: file[name].tobytes() for name in ("object", "support", "strain")}


def result_of(folder: Path) -> dict[str, object]:
    """What the folder of a scan holds, but for times."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return {**crystal_of(folder), **{name: value for name, value in manifest.items() if name not in TIMES}}
