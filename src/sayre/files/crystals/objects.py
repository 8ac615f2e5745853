"""Crystals in files: `.npz`, `.cxi` and, for writing, `.vti`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sayre.data import Crystal, Manifest
from sayre.data.json_text import to_json
from sayre.errors import InputError, understood, warn
from sayre.files.atomic import check_place, replacing
from sayre.files.crystals.reading import ARRAYS, FRAME, read_object
from sayre.files.patterns import npz
from sayre.files.patterns.contents import integers, positive

__all__ = ["crystal_path_check", "load_crystal", "save_crystal"]

ENDINGS = (".npz", ".cxi", ".vti")
THRESHOLD = 0.25
"""Of the largest amplitude, above which a file without a support has its crystal."""


def load_crystal(path: str | Path, *, convention: str = "auto") -> Crystal:
    """Read an object that Sayre, PyNX, cdiutils, cohere or another program reconstructed.

    Parameters
    ----------
    path
        `.npz`: `object` or `obj`, else the only complex array; `support`, `voxel_size`, `displacement`,
        `strain`, `metrics` as Sayre writes them (`file.npz::name` names another object, of which the file
        has support and frame), or the properties that cdiutils writes. `.cxi`, `.h5`: PyNX's layout
        (`file.cxi::/path/to/object` names another), the first of several modes, and cdiutils' results.
        `.npy`: the object, with the support beside cohere's `image.npy`.
    convention
        Of the Fourier transform and the axes: `auto`, `sayre`, `conjugate` or `cohere`, see
        `sayre.files.crystals.reading.read_object`.

    Raises
    ------
    InputError
        The file cannot be read, or holds no complex object.

    Warns
    -----
    SayreWarning
        No support in the file: it is taken where the amplitude exceeds a quarter of the largest.
    """
    found = read_object(path, convention)
    with understood(path):
        return crystal_of(Path(str(path).partition("::")[0]), found)


def save_crystal(path: str | Path, crystal: Crystal, manifest: Manifest, *, force: bool = False) -> None:
    """Write a crystal; the ending says how, and the file appears whole or not at all.

    Parameters
    ----------
    path
        `.npz`: `object`, `support`, `voxel_size` (nm), `displacement` (Å), `strain`, `metrics` and
        `manifest` (JSON text), `axes`, `hkl`, `g` (1/Å); what is unknown is absent. `.cxi`: PyNX's
        layout of an object. `.vti`: image data for ParaView.
    force
        Overwrite an existing file.

    Raises
    ------
    InputError
        As `crystal_path_check`, a 2D crystal in a `.vti`, or the disk is full.
    """
    path = crystal_path_check(path, force=force)
    crystal = crystal.numpy()
    with replacing(path, force=force) as file:
        match path.suffix.lower():
            case ".cxi":
                from sayre.files.crystals import cxi

                cxi.write(file, crystal, manifest)
            case ".vti":
                from sayre.files.crystals import vti

                vti.write(file, crystal, manifest)
            case _:
                _write_npz(file, crystal, manifest)


def crystal_path_check(path: str | Path, force: bool = False) -> Path:
    """Check, before any work, that `save_crystal` will be able to write at `path`.

    Parameters
    ----------
    path
        Where `save_crystal` is to write.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        Unknown ending, a missing or read-only folder, an existing file without `force`.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        found = f"unknown ending {path.suffix}" if path.suffix else "no ending"
        raise InputError(f"{path}: {found} for a crystal; {', '.join(ENDINGS)} would do")
    check_place(path, force=force)
    return path


def _write_npz(file: BinaryIO, crystal: Crystal, manifest: Manifest) -> None:
    entries: dict[str, Any] = {"object": crystal.object, "support": crystal.support}
    for name in (*ARRAYS, *FRAME):
        value = getattr(crystal, name)
        if value is not None:
            entries[name] = value
    entries["metrics"] = to_json(crystal.metrics)
    npz.write_entries(file, entries | {"manifest": manifest.to_json()})


def crystal_of(path: Path, found: Mapping[str, Any]) -> Crystal:
    """Return a crystal of what a file holds.

    Parameters
    ----------
    path
        Of the file, for messages.
    found
        As `sayre.files.crystals.reading.read_object` returns it.
    """
    obj = np.asarray(found["object"])
    if obj.dtype.kind != "c" or obj.ndim not in (2, 3):
        raise InputError(f"{path}: the object must be complex and 2D or 3D, found {obj.dtype} {obj.shape}")
    obj = obj.astype(np.complex64)
    size, hkl = positive(found.get("voxel_size"), obj.ndim), integers(found.get("hkl"), 3)
    g, axes = positive(found.get("g"), 1), found.get("axes")
    counts = integers(found.get("counts_shape"), obj.ndim)
    return Crystal(
        object=obj,
        support=_support(path, found.get("support"), obj),
        voxel_size=size,
        axes=None if axes is None else np.asarray(axes, np.float64),
        hkl=(hkl[0], hkl[1], hkl[2]) if hkl else None,
        g=g[0] if g else None,
        **{name: np.asarray(found[name], np.float32) for name in ARRAYS if name in found},
        metrics=_metrics(path, found.get("metrics")),
        counts_shape=None if counts is None or counts == obj.shape else counts,
    )


def _support(path: Path, support: Any, obj: NDArray[np.complex64]) -> NDArray[np.bool_]:
    if support is not None:
        array = np.asarray(support)
        if array.shape != obj.shape or array.dtype.kind not in "buif":
            raise InputError(f"{path}: a support of {array.dtype} {array.shape} for an object of {obj.shape}")
        return np.asarray(array != 0)
    amplitude = np.abs(obj)
    warn(f"{path.name}: no support; taken where the amplitude exceeds {THRESHOLD:.0%} of the largest")
    return np.asarray(amplitude > THRESHOLD * amplitude.max())


def _metrics(path: Path, text: Any) -> dict[str, Any]:
    value = text.item() if isinstance(text, np.ndarray) and text.size == 1 else text
    if value is None:
        return {}
    try:
        metrics = json.loads(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: metrics must be JSON text ({error})") from None
    return metrics if isinstance(metrics, dict) else {"metrics": metrics}
