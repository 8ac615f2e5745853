"""Conditional mean of the fringes given the measured voxels, for any mask, by conjugate gradients.

With the prior covariance `S` (diagonal in Fourier space but for the inversion symmetry) and the measured
data `residual = contrast · g + noise`, the conditional mean solves

    (S⁻¹ + B) g = contrast · residual / noise,    B = contrast² / noise on measured voxels, else 0.

The preconditioner is the same operator with B replaced by a constant b, `(S⁻¹ + b)⁻¹ = (1 − (1 + b S)⁻¹)/b`.
Carrying `S⁻¹ p` along with each direction p avoids ever applying S⁻¹: one FFT pair an iteration.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.inpaint.wiener.spectrum import MARGIN, MISFIT, Fringes, Local, padded

Log = NDArray[np.float32]

ITERATIONS = 100
TOLERANCE = 1e-3


def conditional_mean(local: Local, fringes: Fringes, *, step: Callable[[], None] | None = None) -> Log:
    """Expected `log(1 + N)` of every voxel, measured or not."""
    shape, symmetry = _grid(local.envelope.shape, fringes)
    noise = local.noise + np.float32(MISFIT)
    inside = tuple(slice(0, n) for n in local.envelope.shape)
    weight, data = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    weight[inside] = local.measured * local.contrast**2 / noise
    data[inside] = local.measured * local.contrast * local.residual / noise
    if not np.any(data) or fringes.variance <= 0:
        return local.envelope
    typical = float(np.vdot(weight, weight) / weight.sum())
    damp = _damping(fringes, symmetry, shape, typical)
    g = _solve(weight, data, damp, typical, step or (lambda: None))
    return local.envelope + local.contrast * g[inside]


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
    fringes: Fringes, symmetry: float, shape: tuple[int, ...], typical: float
) -> Callable[[Log], Log]:
    """`(1 + b S)⁻¹`: one factor for the symmetric, one for the antisymmetric part of the field."""
    power = typical * fringes.spectrum(shape)
    even, odd = 1 / (1 + power * (1 + symmetry)), 1 / (1 + power * (1 - symmetry))
    del power
    mean, half = (even + odd) / 2, (even - odd) / 2
    phases: list[NDArray[np.complex64]] = []
    for axis, (n, c) in enumerate(zip(shape, fringes.twice_centre, strict=True)):
        k = np.arange(n // 2 + 1 if axis == len(shape) - 1 else n)
        ramp = np.exp(-2j * np.pi * ((k * c) % n) / n).astype(np.complex64)
        phases.append(ramp.reshape([-1 if i == axis else 1 for i in range(len(shape))]))

    def damp(field: Log) -> Log:
        f = scipy.fft.rfftn(field, workers=-1)
        if symmetry:
            inverted = f.conj()
            for phase in phases:
                inverted *= phase
            inverted *= half
            f *= mean
            f += inverted
        else:
            f *= mean
        result: Log = scipy.fft.irfftn(f, shape, workers=-1, overwrite_x=True)
        return result

    return damp


def _solve(
    weight: Log, data: Log, damp: Callable[[Log], Log], typical: float, step: Callable[[], None]
) -> Log:
    g, direction, prior = (np.zeros_like(data) for _ in range(3))
    rest = data
    before = first = 0.0
    for _ in range(ITERATIONS):
        damped = damp(rest)
        move = (rest - damped) / np.float32(typical)
        now = float(np.vdot(rest, move))
        first = first or now
        if now <= TOLERANCE**2 * first:
            break
        ratio = np.float32(now / before) if before else np.float32(0)
        direction *= ratio
        direction += move
        prior *= ratio
        prior += damped
        image = weight * direction
        image += prior
        length = np.float32(now / float(np.vdot(direction, image)))
        g += length * direction
        image *= length
        rest = rest - image
        before = now
        step()
    return g
