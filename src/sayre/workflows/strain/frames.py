"""How large the voxels of an object are, and where G points: by its file, or by the geometry of the scan."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.conversion import Frame, known_frame
from sayre.crystal.scan import Scan
from sayre.data import Grid
from sayre.data.option import SettingError
from sayre.errors import InputError, warn
from sayre.workflows.strain.objects import StoredObject
from sayre.workflows.strain.settings import AnalysisSettings

FILLED = 2 / 3
"""Of every axis of the array: no object that was phased fills as much, one that was cropped does."""


def known_scan(stored: StoredObject, scan: Scan) -> Scan:
    """Return the scan with what the file of the object tells, as far as it was not given.

    Parameters
    ----------
    stored
        The object.
    scan
        What the user knows.

    Raises
    ------
    InputError
        A geometry in part: no counts are there to complete it.
    """
    if scan.partial is not None:
        raise InputError(f"geometry: {', '.join(scan.partial.missing)}: missing, and an object states none")
    own = stored.scan or Scan()
    along = scan.along if scan.along is not None else own.along
    return replace(
        scan,
        geometry=scan.geometry or own.geometry,
        hkl=scan.hkl or own.hkl or stored.hkl,
        lattice_constant=scan.lattice_constant or own.lattice_constant,
        along=None if scan.geometry or own.geometry else along,
    )


def frame_of(stored: StoredObject, settings: AnalysisSettings, scan: Scan) -> Frame:
    """Return voxels and reflection of an object, as far as they are known.

    Parameters
    ----------
    stored
        The object.
    settings
        With the shape of the counts, where it was given.
    scan
        As `known_scan` returns it.

    Raises
    ------
    InputError
        As `sayre.crystal.conversion.known_frame`; counts that PyNX binned, with a geometry that does not say
        so.
    """
    shape = settings.shape or stored.counts_shape or stored.object.shape
    if len(shape) != stored.object.ndim or any(
        n < m for n, m in zip(shape, stored.object.shape, strict=True)
    ):
        raise InputError(
            f"{stored.name}: an object of {stored.object.shape} is no part of counts of {shape}; `shape=`"
        )
    if stored.axes is not None and stored.voxel_size is not None:
        return _stated_frame(stored, stored.axes, stored.voxel_size, scan)
    if scan.geometry is not None:
        _require_binning(stored, scan)
        return known_frame(shape, scan)
    frame = known_frame(shape, scan, _grid(stored, shape))
    return frame if frame.modulus is not None else frame._replace(modulus=stored.g)


def _stated_frame(
    stored: StoredObject, axes: NDArray[np.float64], size: tuple[float, ...], scan: Scan
) -> Frame:
    """The frame that a file states; that of the sample as it lies in the laboratory, if that is known."""
    if scan.frame == "sample" and (scan.geometry is None or not scan.geometry.sample):
        raise SettingError("frame", "sample needs the circles of the sample; add `sample` to the geometry")
    if (scan.voxel_size is not None or scan.frame == "sample") and scan.geometry is None:
        raise SettingError("voxel_size", "cubes of another size need a geometry; `geometry=`")
    g = None if scan.geometry is None else scan.geometry.g()
    if stored.in_sample:
        g = stored.g_vector
        if scan.geometry is not None and scan.geometry.sample:
            turn = scan.geometry.sample_axes()
            axes, g = axes @ turn, (scan.geometry.g() if g is None else g @ turn)
        else:
            warn(
                f"{stored.name}: the object is in the frame of the sample, and no geometry states the "
                "circles of the sample: the axes of the output are those of the sample"
            )
    modulus = stored.g if g is None else float(np.linalg.norm(g))
    return Frame(np.array(size)[:, None] * axes, g, modulus, axes)


def require_whole(
    stored: StoredObject, settings: AnalysisSettings, support: NDArray[np.bool_], frame: Frame
) -> None:
    """Refuse an object that was cropped from counts of an unknown shape: its voxels would come out too large.

    Parameters
    ----------
    stored
        The object.
    settings
        With the shape of the counts, where it was given.
    support
        bool, of its shape.
    frame
        Without voxels nothing can come out wrong.

    Raises
    ------
    InputError
        The support fills more than `FILLED` of every axis, and nothing states the shape of the counts.
    """
    stated = settings.shape is not None or stored.counts_shape is not None or stored.axes is not None
    if stated or stored.ours or frame.basis is None:
        return
    occupied = [
        int(support.any(axis=tuple(i for i in range(support.ndim) if i != axis)).sum())
        for axis in range(support.ndim)
    ]
    if all(n > FILLED * m for n, m in zip(occupied, support.shape, strict=True)):
        raise InputError(
            f"{stored.name}: the crystal fills {' × '.join(map(str, occupied))} of "
            f"{' × '.join(map(str, support.shape))} voxels, as after cropping, and the file does not state "
            "the shape of the counts that were phased, which the voxel size depends on; `shape=`"
        )


def _grid(stored: StoredObject, shape: tuple[int, ...]) -> Grid | None:
    """The steps in q of the counts, by the voxel size that the file states."""
    if stored.voxel_size is None:
        return None
    steps = tuple(2 * np.pi / (10 * size * n) for size, n in zip(stored.voxel_size, shape, strict=True))
    return Grid(step=steps, unit="1/angstrom")


def _require_binning(stored: StoredObject, scan: Scan) -> None:
    """PyNX may have summed voxels before it phased them; only the geometry can say so here."""
    numbers = [int(n) for n in re.findall(r"\d+", stored.rebinned or "")]
    if not numbers or max(numbers) == 1 or scan.geometry is None:
        return
    binning = (*numbers, *(numbers[-1:] * 3))[:3]
    if tuple(scan.geometry.binning) == (1, 1, 1):
        raise InputError(
            f"{stored.name}: PyNX phased counts rebinned by {', '.join(map(str, binning))} (frames, rows, "
            f"columns), and the geometry states no binning; write binning = {list(binning)} into it"
        )
