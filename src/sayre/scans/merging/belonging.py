"""Whether scans belong together, as far as their files tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sayre.crystal.geometry_file import stated_in
from sayre.crystal.stated import StatedGeometry
from sayre.data import Pattern
from sayre.errors import InputError, printable, warn

SAME = {"energy": 1e-3, "distance": 2e-3, "pixel_size": 1e-3, "rocking_step": 5e-3}
"""Relative differences that leave voxels a hundred from the peak within half a voxel."""
UNITS = {"energy": " eV", "distance": " m", "pixel_size": " m", "rocking_step": "°", "angles of the arm": "°"}
LEAST = 8
"""Voxels along an axis below which a shift along it cannot be found."""
ARM = 0.3
"""Degrees by which the arm of the detector may move: a hundred pixels aside that is half a voxel in q."""


def labels(patterns: Sequence[Pattern]) -> list[str]:
    """Return a name for each pattern; those that share one are numbered."""
    names = [printable(pattern.name) for pattern in patterns]
    return [
        name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, start=1)
    ]


def require_one_peak(patterns: Sequence[Pattern]) -> None:
    """Refuse scans that cannot be of one peak on one grid.

    Parameters
    ----------
    patterns
        Two or more.

    Raises
    ------
    InputError
        Fewer than two, an axis of few voxels, another number of axes, the same counts twice, or what files
        state of geometry, steps and corrections differs.

    Warns
    -----
    SayreWarning
        The arm of the detector moved.
    """
    if len(patterns) < 2:
        raise InputError(f"merge: found {len(patterns)} scan; two or more are merged")
    names, first = labels(patterns), patterns[0]
    for number, (pattern, name) in enumerate(zip(patterns, names, strict=True)):
        if min(pattern.shape) < LEAST:
            raise InputError(
                f"{name}: is of shape {pattern.shape}; {LEAST} voxels an axis are needed to register it"
            )
        for other, known in zip(patterns[:number], names, strict=False):
            if pattern.shape == other.shape and np.array_equal(pattern.intensity, other.intensity):
                raise InputError(f"{name}: holds the very counts of {known}; merge each scan once")
        if number:
            _require_alike(first, pattern, names[0], name)


def other_order(shape: tuple[int, ...], reference: tuple[int, ...]) -> str:
    """Return the words for a scan whose axes seem to be in another order than those of the reference.

    Parameters
    ----------
    shape
        Of the scan.
    reference
        Shape of the scan that it is compared with.
    """
    if shape == reference or sorted(shape) != sorted(reference):
        return ""
    return f" (its shape is {shape}, the other's {reference}: are their axes in one order?)"


def _require_alike(first: Pattern, pattern: Pattern, ours: str, theirs: str) -> None:
    a, b = first.meta, pattern.meta
    if len(first.shape) != len(pattern.shape):
        raise InputError(
            f"{theirs}: is of shape {pattern.shape}, {ours} of {first.shape}; merge 2D with 2D, 3D with 3D"
        )
    pairs: list[tuple[str, object, object]] = [
        ("energy", a.energy, b.energy),
        ("distance", a.distance, b.distance),
        ("pixel_size", a.pixel_size, b.pixel_size),
        ("reflection", a.hkl, b.hkl),
        ("binning", a.binning, b.binning),
        ("detector", a.detector, b.detector),
    ]
    if first.grid.unit == pattern.grid.unit:
        pairs.append(("grid step", first.grid.step, pattern.grid.step))
    for key, x, y in pairs:
        if x is not None and y is not None and not _alike(key, x, y):
            _refuse(theirs, key, y, ours, x)
    if (a.divided_by is None) != (b.divided_by is None):
        done = [name for name, meta in ((ours, a), (theirs, b)) if meta.divided_by is not None]
        raise InputError(
            f"{theirs}: counts of {done[0]} were divided by a white field and those of the other were not; "
            "read both alike (`flat=`)"
        )
    if a.geometry is not None and b.geometry is not None:
        _compare(stated_in(a.geometry, ours), stated_in(b.geometry, theirs), ours, theirs)


def _compare(a: StatedGeometry, b: StatedGeometry, ours: str, theirs: str) -> None:
    for key in ("energy", "distance", "pixel_size", "rocking_step"):
        x, y = a.values.get(key), b.values.get(key)
        if x is not None and y is not None and not _alike(key, x, y):
            _refuse(theirs, key, y, ours, x)
    arms = [np.array(angles, float) for angles in (a.arm_angles(), b.arm_angles()) if angles is not None]
    if len(arms) == 2 and arms[0].shape == arms[1].shape:
        turn = float(np.abs(arms[1] - arms[0]).max())
        if turn > ARM:
            _refuse(theirs, "angles of the arm", arms[1].tolist(), ours, arms[0].tolist())
        elif turn > 0:
            warn(
                f"{theirs}: its arm stands {turn:.3g}° from that of {ours}, on whose grid the counts are put"
            )
    for difference in a.differences(b):
        if not difference.startswith(("the angles of the arm", "the place of the peak", "the rocking step")):
            raise InputError(f"{theirs}: {difference} as {ours}; scans of one peak on one grid are merged")


def _alike(key: str, x: object, y: object) -> bool:
    if isinstance(x, str) or isinstance(y, str):
        return x == y
    first, second = np.asarray(x, float), np.asarray(y, float)
    near = SAME.get(key, 1e-3)
    return first.shape == second.shape and bool(np.all(np.abs(first - second) <= near * np.abs(first)))


def _refuse(theirs: str, key: str, y: object, ours: str, x: object) -> None:
    raise InputError(
        f"{theirs}: {key.replace('_', ' ')} is {y}{UNITS.get(key, '')}, that of {ours} {x}"
        f"{UNITS.get(key, '')}; scans of one peak on one grid are merged"
    )
