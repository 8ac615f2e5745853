"""Conditional mean of the fringes given the measured voxels, for any mask, by conjugate gradients.

With the prior covariance `S` (diagonal in Fourier space but for the inversion symmetry) and the measured
data `residual = contrast · g + noise`, the conditional mean solves

    (S⁻¹ + B) g = contrast · residual / noise,    B = contrast² / noise on measured voxels, else 0.

The preconditioner is the same operator with B replaced by a constant b, `(S⁻¹ + b)⁻¹ = (1 − (1 + b S)⁻¹)/b`.
Carrying `S⁻¹ p` along with each direction p avoids ever applying S⁻¹: one FFT pair an iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.filling.wiener.spectrum import MARGIN, MISFIT, Fringes, Local, padded
from sayre.numerics.slabs import Sweep, sweeps

Log = NDArray[np.float32]

ITERATIONS = 100
TOLERANCE = 6e-4
"""Of the residual; the middle of a gap converges last, and a looser one leaves it at the envelope."""


class Solution(NamedTuple):
    """Fringes `g` on the periodic grid, and `S⁻¹ g`."""

    g: Log
    prior: Log


def conditional_mean(local: Local, fringes: Fringes) -> Log:
    """Expected `log(1 + N)` of every voxel, measured or not.

    Parameters
    ----------
    local
        Envelope, contrast, noise and measured residual.
    fringes
        Covariance and symmetry of the fringes.
    """
    return mean_of(local, solve(local, fringes))


def mean_of(local: Local, solution: Solution | None) -> Log:
    """Expected `log(1 + N)` that a solution stands for; the envelope without one.

    Parameters
    ----------
    local
        Envelope and contrast.
    solution
        Fringes; None is no fringes.
    """
    if solution is None:
        return local.envelope
    inside = tuple(slice(0, n) for n in local.envelope.shape)
    return np.asarray(local.envelope + local.contrast * solution.g[inside])


def solve(
    local: Local,
    fringes: Fringes,
    *,
    start: Solution | None = None,
    step: Callable[[], None] | None = None,
) -> Solution | None:
    """Fringes given the measured voxels, None where there are none; `start` is that of a similar mask.

    Parameters
    ----------
    local
        Envelope, contrast, noise and measured residual.
    fringes
        Covariance and symmetry of the fringes.
    start
        Solution for a similar mask, to begin with.
    step
        Called after every iteration.
    """
    shape, symmetry = _grid(local.envelope.shape, fringes)
    noise = local.noise + np.float32(MISFIT)
    inside = tuple(slice(0, n) for n in local.envelope.shape)
    weight, data = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    weight[inside] = local.measured * local.contrast**2 / noise
    data[inside] = local.measured * local.contrast * local.residual / noise
    if not np.any(data) or fringes.variance <= 0:
        return None
    typical = float(np.vdot(weight, weight) / weight.sum())
    if start is not None and start.g.shape != shape:
        start = None
    with sweeps(shape) as sweep:
        damp = _damping(fringes, symmetry, shape, typical, sweep)
        return _solve(weight, data, damp, typical, start, step or (lambda: None), sweep)


def _grid(size: tuple[int, ...], fringes: Fringes) -> tuple[tuple[int, ...], float]:
    """Periodic shape on which an inverted position outside the array meets no voxel; else no symmetry."""
    reach = [
        max(c + 1, 2 * n - 1 - c) - n if fringes.symmetry > 0 else 0
        for c, n in zip(fringes.twice_centre, size, strict=True)
    ]
    if any(r > max(MARGIN, n // 4) for r, n in zip(reach, size, strict=True)):
        return padded(size), 0.0
    return padded(size, tuple(max(MARGIN, r) for r in reach)), fringes.symmetry


def _damping(
    fringes: Fringes, symmetry: float, shape: tuple[int, ...], typical: float, sweep: Sweep
) -> Callable[[Log], Log]:
    """`(1 + b S)⁻¹`: one factor for the symmetric, one for the antisymmetric part of the field.

    About the centre of inversion the transform of the one is real, that of the other imaginary.
    """
    power = typical * fringes.spectrum(shape)
    even, odd = 1 / (1 + power * (1 + symmetry)), 1 / (1 + power * (1 - symmetry))
    del power
    to_centre = np.ones(1, np.complex64)
    for axis, (n, c) in enumerate(zip(shape, fringes.twice_centre, strict=True)):
        k = np.arange(n // 2 + 1 if axis == len(shape) - 1 else n)
        ramp = np.exp(1j * np.pi * ((k * c) % (2 * n)) / n).astype(np.complex64)
        to_centre = to_centre[..., None] * ramp
    to_centre = to_centre[0]

    def damp(field: Log) -> Log:
        f: NDArray[np.complex64] = scipy.fft.rfftn(field, workers=-1)

        def factors(slab: slice) -> float:
            part = f[slab]
            if symmetry:
                part *= to_centre[slab]
                part.real *= even[slab]
                part.imag *= odd[slab]
                part *= to_centre[slab].conj()
            else:
                part *= even[slab]
            return 0.0

        sweep(factors)
        result: Log = scipy.fft.irfftn(f, shape, workers=-1, overwrite_x=True)
        return result

    return damp


def _solve(
    weight: Log,
    data: Log,
    damp: Callable[[Log], Log],
    typical: float,
    start: Solution | None,
    step: Callable[[], None],
    sweep: Sweep,
) -> Solution:
    """Conjugate gradients; `sought` is `S⁻¹ g`."""
    direction, prior, image = (np.zeros_like(data) for _ in range(3))
    g, sought = (np.zeros_like(data), np.zeros_like(data)) if start is None else start
    rest, before, first = data.copy(), 0.0, 0.0
    if start is not None:
        first = float(np.vdot(data, data - damp(data))) / typical
        g, sought = g.copy(), sought.copy()
        rest -= sought
        rest -= weight * g
    for _ in range(ITERATIONS):
        damped = damp(rest)
        now = sweep(partial(_along_move, rest, damped)) / typical
        first = first or now
        if now <= TOLERANCE**2 * first:
            break
        ratio = np.float32(now / before) if before else np.float32(0)
        bend = sweep(partial(_turn, direction, prior, image, weight, rest, damped, ratio, typical))
        length = np.float32(now / bend)
        sweep(partial(_go, (g, sought, rest), (direction, prior, image), (length, length, -length)))
        before = now
        step()
    return Solution(g, sought)


def _along_move(rest: Log, damped: Log, slab: slice) -> float:
    """Product of the residual with what the preconditioner makes of it, times `typical`."""
    return float(np.vdot(rest[slab], rest[slab] - damped[slab]))


def _turn(
    direction: Log,
    prior: Log,
    image: Log,
    weight: Log,
    rest: Log,
    damped: Log,
    ratio: np.float32,
    typical: float,
    slab: slice,
) -> float:
    """Set direction, `S⁻¹` of it and its image in place, and return the product of direction and image."""
    towards, inverse, made = direction[slab], prior[slab], image[slab]
    towards *= ratio
    towards += (rest[slab] - damped[slab]) * np.float32(1 / typical)
    inverse *= ratio
    inverse += damped[slab]
    np.multiply(weight[slab], towards, out=made)
    made += inverse
    return float(np.vdot(towards, made))


def _go(targets: tuple[Log, ...], along: tuple[Log, ...], by: tuple[np.float32, ...], slab: slice) -> float:
    """Add so much of one array to the other, for each of them, in place."""
    for target, one, length in zip(targets, along, by, strict=True):
        target[slab] += one[slab] * length
    return 0.0
