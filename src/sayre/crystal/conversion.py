"""From the object that phase retrieval found to a crystal in the laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.geometry import Geometry, check_reflection, cubic_modulus
from sayre.crystal.orthogonalise import LABORATORY, Cubes, voxel_basis
from sayre.crystal.ramp import remove_ramp
from sayre.crystal.scan import Scan
from sayre.crystal.strain import displacement, strain
from sayre.crystal.unwrap import unwrap
from sayre.data import Crystal, Grid
from sayre.data.option import SettingError
from sayre.errors import InputError, warn

Object = NDArray[np.complex64]
Support = NDArray[np.bool_]


class Frame(NamedTuple):
    """What is known of the voxels and the reflection; None is unknown.

    `basis` are the steps from voxel to voxel in nm (rows), `g` is the scattering vector in 1/Å in the same
    frame and `modulus` its length; `axes` are the directions of the array axes in the laboratory.
    """

    basis: NDArray[np.float64] | None = None
    g: NDArray[np.float64] | None = None
    modulus: float | None = None
    axes: NDArray[np.float64] | None = None


def to_crystal(
    obj: Object,
    support: Support,
    *,
    scan: Scan | None = None,
    grid: Grid | None = None,
    frame: Frame | None = None,
    counts_shape: tuple[int, ...] | None = None,
    orthogonal: bool = True,
    metrics: Mapping[str, Any] | None = None,
) -> Crystal:
    """Remove ramp and offset, go to the laboratory where the geometry is known, take displacement and strain.

    Parameters
    ----------
    obj, support
        complex64 and bool, centred; of the pattern's shape, or cropped.
    scan
        Geometry, reflection and voxel size, as far as they are known.
    grid
        Without a geometry: steps of the pattern in 1/Å, their axes taken at right angles.
    frame
        Voxels and reflection, where they are known otherwise than by scan and grid.
    counts_shape
        Of the pattern, where the object was cropped: it gives the size of the voxels.
    orthogonal
        False leaves the object on the oblique voxels of the detector.
    metrics
        Kept with the crystal; `peak_offset`, `vortex_lines`, `cut_voxels` are added.

    Returns
    -------
    Crystal
        With displacement where |G| is known, and strain where also its direction and the voxels are. The
        strain is taken on the old voxels from wrapped phase gradients and then interpolated.

    Raises
    ------
    InputError
        An empty support; a geometry that spans no volume; voxels that are too small; an axis there is not.

    Warns
    -----
    SayreWarning
        |G| of geometry and lattice differ; displacement or strain cannot be had; the displacement has cuts.
    """
    if not support.any():
        raise InputError(
            "crystal: the support is empty: the reconstruction failed; another `threshold=` or `recipe=`"
        )
    scan = scan or Scan()
    counts_shape = counts_shape or obj.shape
    frame = frame or known_frame(counts_shape, scan, grid)
    if scan.geometry is not None and frame.modulus and scan.hkl and scan.lattice_constant:
        check_reflection(frame.modulus, scan.hkl, scan.lattice_constant)

    obj, peak = remove_ramp(np.where(support, obj, 0).astype(np.complex64), support)
    peak *= np.array(counts_shape) / obj.shape
    obj, support = centred(obj, support)
    strained = None
    if frame.basis is not None and frame.g is not None:
        strained = strain(np.angle(obj), support, frame.g, frame.basis)
    sizes, axes = _sizes(frame), frame.axes
    if frame.basis is not None and strained is not None and scan.geometry is not None and orthogonal:
        axes = LABORATORY if scan.frame == "laboratory" else scan.geometry.sample_axes()[::-1]
        cubes = Cubes.around(support, frame.basis, scan.voxel_size, axes=axes)
        obj, support = cubes.object(obj), cubes.support(support)
        obj[~support] = 0
        strained, sizes, axes = cubes.field(strained, support), (cubes.size,) * 3, cubes.axes
    flat = unwrap(np.angle(obj), support)
    found = {"vortex_lines": flat.lines, "cut_voxels": int(flat.cut.sum())}
    _tell(frame.modulus is not None, strained is not None, **found)
    return Crystal(
        object=obj,
        support=support,
        voxel_size=sizes,
        axes=axes,
        hkl=scan.hkl,
        g=frame.modulus,
        displacement=None if frame.modulus is None else displacement(flat.phase, support, frame.modulus),
        strain=strained,
        metrics={**(metrics or {}), "peak_offset": peak.tolist(), **found},
    )


def known_frame(shape: tuple[int, ...], scan: Scan, grid: Grid | None = None) -> Frame:
    """Return voxels and reflection of an object, as far as they are known.

    Parameters
    ----------
    shape
        Of the object, which is that of the pattern.
    scan, grid
        As `to_crystal` takes them.

    Raises
    ------
    InputError
        A geometry for an array that is not 3D or that spans no volume; an axis there is not; a reflection
        that is none.
    """
    if scan.frame == "sample" and (scan.geometry is None or not scan.geometry.sample):
        raise SettingError("frame", "sample needs the circles of the sample; add `sample` to the geometry")
    if scan.geometry is not None:
        return _scanned(scan.geometry, shape)
    if scan.voxel_size is not None:
        raise SettingError("voxel_size", "belongs to the laboratory frame; add a geometry")
    lattice = None
    if scan.hkl is not None and scan.lattice_constant is not None:
        lattice = cubic_modulus(scan.hkl, scan.lattice_constant)
    return _unscanned(grid, shape, lattice, scan.along)


def centred(obj: Object, support: Support) -> tuple[Object, Support]:
    """Both rolled by whole voxels so that the middle of the support's box is at index `n // 2`.

    A support over the border of the array is brought together: the longest run of empty planes, going round,
    is what is put at the border. An axis without an empty plane is left as it is.

    Parameters
    ----------
    obj, support
        complex64 and bool, of one shape.
    """
    for axis, n in enumerate(support.shape):
        occupied = np.flatnonzero(support.any(axis=tuple(i for i in range(support.ndim) if i != axis)))
        gaps = np.diff(np.append(occupied, occupied[0] + n))
        longest = int(gaps.argmax())
        if gaps[longest] == 1:
            continue
        first = occupied[(longest + 1) % len(occupied)]
        length = n - int(gaps[longest]) + 1
        shift = n // 2 - (int(first) + length // 2)
        obj, support = np.roll(obj, shift, axis), np.roll(support, shift, axis)
    return obj, support


def _scanned(geometry: Geometry, shape: tuple[int, ...]) -> Frame:
    if len(shape) != 3:
        raise InputError(
            f"geometry: a rocking scan is 3D, found an object of shape {shape}; leave out `geometry=`"
        )
    g, basis = geometry.g(), voxel_basis(geometry.steps(), shape)
    axes = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    return Frame(basis, g, float(np.linalg.norm(g)), axes)


def _unscanned(grid: Grid | None, shape: tuple[int, ...], lattice: float | None, along: int | None) -> Frame:
    """Array axes at right angles, G of length `lattice` along one of them."""
    if along is not None and along not in range(len(shape)):
        raise SettingError(
            "along", f"axis {along} of an object with {len(shape)} axes; 0 to {len(shape) - 1}"
        )
    basis = None
    if grid is not None and grid.unit == "1/angstrom":
        basis = voxel_basis(np.diag(grid.step), shape)
    g = None if lattice is None or along is None else lattice * np.eye(len(shape))[along]
    return Frame(basis, g, lattice)


def _sizes(frame: Frame) -> tuple[float, ...] | None:
    return None if frame.basis is None else tuple(float(n) for n in np.linalg.norm(frame.basis, axis=1))


def _tell(displaced: bool, strained: bool, *, vortex_lines: int, cut_voxels: int) -> None:
    """Warn of what is missing from a crystal, or cut in it."""
    if not displaced:
        text = (
            "no geometry and no lattice constant: |G| is not known, so no displacement and no strain; "
            "`geometry=`, or `hkl=` and `lattice_constant=`, would do"
        )
    elif not strained:
        text = (
            "no geometry: voxels or direction of G are not known, so no strain; `geometry=`, or `along=` "
            "with counts whose file says their steps in q, would do"
        )
    elif cut_voxels:
        lines = (
            f"{vortex_lines} phase {'vortex' if vortex_lines == 1 else 'vortices'} (dislocations or noise)"
        )
        why = lines if vortex_lines else "the phase turns by 2π around a hole in the support"
        text = (
            f"{why}: the displacement jumps at {cut_voxels} voxels; "
            "the strain, from wrapped gradients, does not"
        )
    else:
        return
    warn(f"crystal: {text}")
