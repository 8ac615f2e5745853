"""Results of cdiutils' pipeline: `S*_structural_properties.npz` and `S*_postprocessed_data.cxi` (0.2.1).

They are on cubes of the sample frame, that of the laboratory at zero angles. cdiutils states the phase of
`exp(+i G·u)`, and G in components along the array axes, in the `.npz` alone; the `.cxi` has the spacing of
the planes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

NEEDED = {"amplitude", "phase", "support", "voxel_size"}
NAMES = (*sorted(NEEDED), "g_vector", "dspacing", "hkl")

AXES = {"cxi": np.eye(3)[::-1], "xu": np.eye(3)[[2, 0, 1]]}
"""Where the array axes point, by convention: (z, y, x) of CXI, or (beam, left, up) of xrayutilities."""


def of_properties(arrays: Mapping[str, Any], convention: str = "cxi") -> dict[str, Any]:
    """Return the object and its frame by the names of an npz of Sayre.

    Parameters
    ----------
    arrays
        `amplitude`, `phase` (rad), `support`, `voxel_size` (nm) and, where known, `g_vector` (1/Å),
        `dspacing` (Å) and `hkl`.
    convention
        Of the array axes, a name of `AXES`.
    """
    axes = AXES.get(convention.lower(), AXES["cxi"])
    found: dict[str, Any] = {
        "object": np.asarray(arrays["amplitude"]) * np.exp(-1j * np.asarray(arrays["phase"])),
        "support": np.nan_to_num(arrays["support"]) > 0,
        "voxel_size": np.asarray(arrays["voxel_size"], np.float64),
        "axes": axes.copy(),
        "in_sample": True,
    }
    if "g_vector" in arrays:
        found["g_vector"] = axes.T @ np.asarray(arrays["g_vector"], np.float64)
        found["g"] = float(np.linalg.norm(found["g_vector"]))
    elif "dspacing" in arrays:
        found["g"] = float(2 * np.pi / np.nanmean(arrays["dspacing"]))
    return found if arrays.get("hkl") is None else {**found, "hkl": arrays["hkl"]}
