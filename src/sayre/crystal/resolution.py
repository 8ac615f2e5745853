"""How fine a reconstruction can be trusted: phase retrieval transfer function and Fourier shell correlation.

Shells are of equal width in |q|, measured with 2π: a curve's `resolution` is the full period 2π/q at which it
falls below its threshold, in the unit of the object's voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import InputError
from sayre.numerics.fourier import to_detector

Object = NDArray[np.complexfloating]
Criterion = Literal["half-bit", "1/7", "1/2"]

ONE_OVER_E = float(np.exp(-1))
FEWEST_INDEPENDENT = 4
"""Independent voxels of a shell below which the half-bit criterion says nothing."""
FEWEST_UNSEEN = 12
"""Unseen voxels of a shell whose correlation is known."""


@dataclass(frozen=True, kw_only=True)
class ShellCurve:
    """A quality by shells of |q|, `(shells,)` each.

    Attributes
    ----------
    q
        Mean |q| of the shell's voxels: rad per voxel, or 1/nm where the voxels of the object are known.
    value, threshold
        The curve and what it is to exceed; NaN in shells without a voxel. A threshold of 1 (half-bit of
        fewer than four independent voxels) says nothing, and the resolution passes over it.
    voxels
        How many voxels a shell averages.
    unit
        Of the resolution.
    """

    q: NDArray[np.float64]
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]
    voxels: NDArray[np.int64]
    unit: Literal["nm", "voxels"]

    @property
    def resolution(self) -> float:
        """Period 2π/q where the curve first falls below the threshold, by linear interpolation.

        That of the last shell where it never does: the detector ends before the resolution does. NaN where
        the first shell is below.
        """
        q, margin = self._margin()
        below = np.flatnonzero(margin < 0)
        if len(q) == 0 or (len(below) and below[0] == 0):
            return float("nan")
        if len(below) == 0:
            return float(2 * np.pi / q[-1])
        last = below[0] - 1
        share = margin[last] / (margin[last] - margin[last + 1])
        return float(2 * np.pi / (q[last] + share * (q[last + 1] - q[last])))

    @property
    def limited_by_detector(self) -> bool:
        """Whether the curve stays above its threshold to the last shell."""
        return bool((self._margin()[1] >= 0).all())

    def _margin(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Value less threshold of the shells that have voxels, a period and a threshold that can be met."""
        known = np.isfinite(self.value) & (self.threshold < 1 - 1e-9) & (self.q > 0)
        return self.q[known], (self.value - self.threshold)[known]


def prtf(
    objects: Sequence[Object], pattern: Pattern, *, voxel_basis: NDArray[np.float64] | None = None
) -> ShellCurve:
    """Phase retrieval transfer function of aligned solutions, against 1/e.

    `√(Σ|F|² / ΣI)` over the measured voxels of a shell, F the Fourier transform of the mean of the solutions,
    I the counts: 1 where all agree, `1/√n` where n solutions have random phases. The usual mean of `|F|/√I`
    (Chapman et al., J. Opt. Soc. Am. A 23, 1179, 2006) grows without bound where counts are few; a ratio of
    sums of intensities does not, since the counts' mean is the intensity.

    Parameters
    ----------
    objects
        Complex, centred, of the pattern's shape, scaled so that `|fftn|²` are counts, aligned with each
        other (`sayre.retrieval.choice.align.align`); or one, their mean or first mode.
    pattern
        The counts; masked voxels are left out.
    voxel_basis
        nm, `(ndim, ndim)`, rows are the steps from voxel to voxel of the object.

    Raises
    ------
    InputError
        Shapes differ.
    """
    for obj in objects:
        if obj.shape != pattern.shape:
            raise InputError(f"prtf: an object of {obj.shape} for counts of {pattern.shape}; they must agree")
    calculated = np.abs(to_detector(mean(objects))) ** 2
    radius, shell = _shells(pattern.shape, voxel_basis)
    measured = ~pattern.mask
    found = _summed(shell, measured, calculated)
    counts = _summed(shell, measured, pattern.intensity)
    number = _summed(shell, measured, np.ones(pattern.shape)).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(counts > 0, np.sqrt(found / counts), np.nan)
    return _curve(radius, shell, measured, value, np.full(len(value), ONE_OVER_E), number, voxel_basis)


def mean(objects: Sequence[Object]) -> Object:
    """Of objects aligned with each other, added up one by one."""
    total = np.array(objects[0])
    for obj in objects[1:]:
        total += obj
    return total / len(objects)


def fsc(
    first: Object,
    second: Object,
    *,
    criterion: Criterion = "half-bit",
    support_fraction: float = 1.0,
    voxel_basis: NDArray[np.float64] | None = None,
) -> ShellCurve:
    """Fourier shell correlation of two aligned objects.

    `Re Σ F₁* F₂ / √(Σ|F₁|² Σ|F₂|²)` over each shell (Harauz and van Heel, Optik 73, 146, 1986).

    Parameters
    ----------
    first, second
        Complex, centred, of one shape, aligned with each other: two halves of the data, or two independent
        runs (which share their noise, so that the FSC is then of the phasing alone).
    criterion
        `half-bit` (van Heel and Schatz, J. Struct. Biol. 151, 250, 2005), or a fixed `1/7` (usual for
        halves of the data) or `1/2`.
    support_fraction
        Of the array that the support fills: a shell of an oversampled pattern has so much fewer
        independent voxels, which the half-bit threshold depends on.
    voxel_basis
        As for `prtf`.

    Raises
    ------
    InputError
        Shapes differ, unknown criterion, or a fraction outside (0, 1].
    """
    if first.shape != second.shape:
        raise InputError(f"fsc: objects of {first.shape} and {second.shape}; they must agree")
    if not 0 < support_fraction <= 1:
        raise InputError(f"fsc: the support fills a fraction above 0, to 1, found {support_fraction}")
    a, b = to_detector(first), to_detector(second)
    radius, shell = _shells(first.shape, voxel_basis)
    every = np.ones(first.shape, bool)
    cross = _summed(shell, every, (a.conj() * b).real)
    norm = np.sqrt(_summed(shell, every, np.abs(a) ** 2) * _summed(shell, every, np.abs(b) ** 2))
    number = _summed(shell, every, np.ones(first.shape)).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(norm > 0, cross / norm, np.nan)
    threshold = _threshold(criterion, number * support_fraction)
    return _curve(radius, shell, every, value, threshold, number, voxel_basis)


def unseen(
    counts: NDArray[np.floating],
    expected: NDArray[np.floating],
    free: NDArray[np.bool_],
    *,
    voxel_basis: NDArray[np.float64] | None = None,
) -> ShellCurve:
    """Correlation of counts that phasing never saw with what the object lets expect there, against 1/2.

    Roots of both, whose photon noise is alike everywhere, over the free voxels of a shell. Wrong details of
    the object predict such counts no better than their mean, and so does photon noise: unlike PRTF and FSC,
    which compare what was made of the same counts, this one falls where the counts end to tell of the object.

    Parameters
    ----------
    counts, expected
        Measured counts, and their expectation, of one shape.
    free
        bool, same shape: voxels that were measured and not used.
    voxel_basis
        As for `prtf`.

    Raises
    ------
    InputError
        Shapes differ.
    """
    if not counts.shape == expected.shape == free.shape:
        raise InputError(
            f"unseen: counts of {counts.shape}, {expected.shape} expected, {free.shape} free; they must agree"
        )
    radius, shell = _shells(counts.shape, voxel_basis)
    first, second = (np.sqrt(np.maximum(values, 0).astype(np.float64)) for values in (counts, expected))
    number = _summed(shell, free, np.ones(counts.shape)).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [_summed(shell, free, values) / number for values in (first, second)]
        a, b = (values - mean[shell] for values, mean in zip((first, second), means, strict=True))
        norm = np.sqrt(_summed(shell, free, a**2) * _summed(shell, free, b**2))
        value = np.where((number >= FEWEST_UNSEEN) & (norm > 0), _summed(shell, free, a * b) / norm, np.nan)
    return _curve(radius, shell, free, value, np.full(len(value), 0.5), number, voxel_basis)


def finest_periods(
    shape: tuple[int, ...], voxel_basis: NDArray[np.float64] | None = None
) -> tuple[float, ...]:
    """Finest period 2π/q that was measured along each axis of the counts: that of their last voxel.

    Parameters
    ----------
    shape
        Of the counts.
    voxel_basis
        As for `prtf`; without it periods are in voxels.
    """
    inverse = np.linalg.inv(np.eye(len(shape)) if voxel_basis is None else voxel_basis)
    # q = Σ phase_k g_k / 2π with g_k the columns of the inverse, phase π at the last voxel.
    return tuple(2 / float(np.linalg.norm(inverse[:, axis])) for axis in range(len(shape)))


def _threshold(criterion: str, independent: NDArray[np.floating]) -> NDArray[np.float64]:
    fixed = {"1/7": 1 / 7, "1/2": 0.5}
    if criterion in fixed:
        return np.full(len(independent), fixed[criterion])
    if criterion != "half-bit":
        raise InputError(f"criterion: {criterion!r} is not known; half-bit, 1/7 or 1/2")
    root = 1 / np.sqrt(np.maximum(independent, 1))
    told = independent >= FEWEST_INDEPENDENT
    return np.where(told, (0.2071 + 1.9102 * root) / (1.2071 + 0.9102 * root), 1.0)


def _shells(
    shape: tuple[int, ...], voxel_basis: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """|q| of every voxel, and the number of its shell; −1 in the corners beyond the last whole shell.

    As many shells as the shortest axis has frequencies, to the smallest |q| of any face of the array.
    """
    basis = np.eye(len(shape)) if voxel_basis is None else np.asarray(voxel_basis, float)
    axes = np.meshgrid(*(2 * np.pi * (np.arange(n) - n // 2) / n for n in shape), indexing="ij", sparse=True)
    # Phases per voxel to q: q·a_k = phase_k for the rows a_k of the basis.
    inverse = np.linalg.inv(basis)
    squared = np.zeros(shape)
    for row in inverse:
        component = sum((weight * axis for weight, axis in zip(row, axes, strict=True)), np.zeros(()))
        squared += component**2
    radius = np.sqrt(squared)
    edge = min(np.pi / float(np.linalg.norm(a)) for a in basis)
    count = min(shape) // 2
    shell = np.rint(radius / edge * count).astype(np.intp)
    shell[shell > count] = -1
    return radius, shell


def _summed(
    shell: NDArray[np.intp], where: NDArray[np.bool_], values: NDArray[np.floating]
) -> NDArray[np.float64]:
    inside = where & (shell >= 0)
    return np.asarray(np.bincount(shell[inside], values[inside], int(shell.max()) + 1), np.float64)


def _curve(
    radius: NDArray[np.float64],
    shell: NDArray[np.intp],
    where: NDArray[np.bool_],
    value: NDArray[np.float64],
    threshold: NDArray[np.float64],
    number: NDArray[np.int64],
    voxel_basis: NDArray[np.float64] | None,
) -> ShellCurve:
    q = _summed(shell, where, radius) / np.maximum(number, 1)
    return ShellCurve(
        q=q,
        value=value,
        threshold=threshold,
        voxels=number,
        unit="voxels" if voxel_basis is None else "nm",
    )
