"""Objects as their files hold them, and the mean of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.scan import Scan
from sayre.data.option import SettingError
from sayre.errors import InputError, warn
from sayre.files.crystals.objects import crystal_of
from sayre.files.crystals.reading import read_object
from sayre.workflows.jobs.job import build


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredObject:
    """An object and what its file tells of it; None is unknown.

    Attributes
    ----------
    name
        Of the file.
    object, support
        complex64 and bool, centred, in Sayre's convention.
    voxel_size, axes
        nm, and unit vectors of the array axes as rows.
    g, g_vector
        1/Å: |G|, and G in the frame of the axes.
    in_sample
        Whether the axes are those of the sample at zero angles.
    hkl
        Reflection.
    counts_shape
        Of the counts that were phased, where the object was cropped.
    rebinned
        What PyNX states of the binning of the counts.
    scan
        That of the job of Sayre that made the file.
    ours
        Whether Sayre made the file.
    metrics
        What the file tells of the reconstruction.
    """

    name: str
    object: NDArray[np.complex64]
    support: NDArray[np.bool_] | None = None
    voxel_size: tuple[float, ...] | None = None
    axes: NDArray[np.float64] | None = None
    g: float | None = None
    g_vector: NDArray[np.float64] | None = None
    in_sample: bool = False
    hkl: tuple[int, int, int] | None = None
    counts_shape: tuple[int, ...] | None = None
    rebinned: str | None = None
    scan: Scan | None = None
    ours: bool = False
    metrics: Mapping[str, Any] = field(default_factory=dict)


def load_stored(path: str, convention: str = "auto") -> StoredObject:
    """Read an object.

    Parameters
    ----------
    path, convention
        As `sayre.files.crystals.reading.read_object` takes them.

    Raises
    ------
    InputError
        As `sayre.load_crystal`.
    """
    found = read_object(path, convention)
    file = Path(path.partition("::")[0])
    supported = found.get("support") is not None
    if not supported:
        found = {**found, "support": np.ones(np.shape(found["object"]), np.bool_)}
    crystal = crystal_of(file, found)
    manifest = _manifest(found.get("manifest"))
    return StoredObject(
        name=file.name,
        object=crystal.object,
        support=crystal.support if supported else None,
        voxel_size=crystal.voxel_size,
        axes=crystal.axes,
        g=crystal.g,
        g_vector=found.get("g_vector"),
        in_sample=bool(found.get("in_sample", False)),
        hkl=crystal.hkl,
        counts_shape=crystal.counts_shape,
        rebinned=None if found.get("rebinned") is None else str(found["rebinned"]),
        scan=_scan(manifest.get("config")),
        ours=bool(manifest),
        metrics={key: value for key, value in crystal.metrics.items() if key != "analysis"},
    )


def averaged(objects: Sequence[StoredObject], least: float) -> StoredObject:
    """Mean of objects of the same counts, aligned on the first: shift, global phase and twin.

    Each counts as much as the others, whatever the scale of its amplitudes.

    Parameters
    ----------
    objects
        The first one is what the others are aligned on.
    least
        Correlation with the first below which an object is left out.

    Raises
    ------
    InputError
        Objects of different shapes, or all but the first left out.

    Warns
    -----
    SayreWarning
        Which objects were left out.
    """
    from sayre.retrieval.choice.align import align, correlation

    first = objects[0]
    if len(objects) == 1:
        return first
    total = first.object / np.linalg.norm(first.object)
    agreement, left_out = {first.name: 1.0}, []
    for number, other in enumerate(objects[1:], 2):
        if other.object.shape != first.object.shape:
            raise InputError(
                f"{other.name}: object {number} of {len(objects)} has {other.object.shape} voxels, the "
                f"first, {first.name}, has {first.object.shape}; only objects of one shape are averaged"
            )
        moved = align(other.object, first.object)
        agreement[other.name] = correlation(moved, first.object)
        if agreement[other.name] < least:
            left_out.append(f"{other.name} ({agreement[other.name]:.2f})")
        else:
            total = total + moved / np.linalg.norm(moved)
    if len(left_out) == len(objects) - 1:
        raise SettingError(
            "least_correlation",
            f"no object correlates by {least:g} with {first.name}: {', '.join(left_out)}; put one first that "
            "agrees with others",
        )
    if left_out:
        warn(
            f"objects: left out of the average, by their correlation with {first.name}: {', '.join(left_out)}"
        )
    count = len(objects) - len(left_out)
    mean = total / count * np.linalg.norm(first.object)
    metrics = {**first.metrics, "averaged": agreement}
    return replace(first, object=mean.astype(np.complex64), metrics=metrics)


def _manifest(text: Any) -> dict[str, Any]:
    """The manifest that Sayre wrote with a result; empty where there is none."""
    value = text.item() if isinstance(text, np.ndarray) and text.size == 1 else text
    try:
        found = json.loads(value) if value is not None else {}
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _scan(config: Any) -> Scan | None:
    """The scan of the job that a manifest tells of."""
    if not isinstance(config, Mapping):
        return None
    scan = build(Scan, config)
    binning = config.get("binning")
    return scan if binning is None else scan.binned((int(binning[0]), int(binning[1]), int(binning[2])))
