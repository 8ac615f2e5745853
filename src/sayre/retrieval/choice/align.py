"""Alignment of objects that fit the same counts: global phase, translation and conjugate twin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Objects = NDArray[np.complex64]


def twin(x: Objects) -> Objects:
    """Return the conjugate twin, inverted through index `n // 2`, which has the same intensities."""
    flipped = np.flip(x.conj())
    return np.roll(flipped, [1 - n % 2 for n in x.shape], range(x.ndim))


def correlation(a: Objects, b: Objects) -> float:
    """Compute the complex correlation `|Σ a* b| / √(Σ|a|² Σ|b|²)` of two objects, without aligning them.

    It is 1 where they agree up to a global phase and scale.

    Parameters
    ----------
    a, b
        Complex, of one shape.
    """
    norm = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.abs(np.vdot(a, b))) / norm if norm > 0 else 0.0


def align(moving: Objects, fixed: Objects, *, upsampling: int = 20, twins: bool = True) -> Objects:
    """Align an object on another: shift it by fractions of a voxel, invert it, and rotate its phase.

    Parameters
    ----------
    moving, fixed
        complex64 of one shape, centred.
    upsampling
        Shifts are computed to 1/`upsampling` voxel.
    twins
        Whether the conjugate twin of `moving` is tried too.

    Notes
    -----
    The shift is the peak of the cross-correlation, refined by matrix Fourier transforms around it
    (Guizar-Sicairos, Thurman and Fienup, Opt. Lett. 33, 156, 2008): first on quarter voxels up to two voxels
    away, since the best whole voxel need not be next to the peak where strain makes it sharp, then on the
    fine grid.
    """
    field = scipy.fft.fftn(fixed, workers=-1)
    best = _shifted(moving, fixed, field, upsampling)
    if twins:
        other = _shifted(twin(moving), fixed, field, upsampling)
        best = max(best, other, key=lambda moved: correlation(moved, fixed))
    return best


def aligned(objects: Iterable[Objects]) -> list[Objects]:
    """Align objects on the first of them, requesting them one by one."""
    done: list[Objects] = []
    for obj in objects:
        done.append(align(obj, done[0]) if done else obj)
    return done


def _shifted(moving: Objects, fixed: Objects, field: Objects, upsampling: int) -> Objects:
    """Shift an object and rotate its phase to agree with `fixed`, whose Fourier transform is `field`."""
    a = scipy.fft.fftn(moving, workers=-1)
    product = field * a.conj()
    surface = np.abs(scipy.fft.ifftn(product, workers=-1))
    size = np.array(surface.shape)
    peak = np.array(np.unravel_index(int(surface.argmax()), surface.shape), float)
    del surface
    shift = np.where(peak > size / 2, peak - size, peak)
    if upsampling > 1:
        shift = _refined(product, shift, np.arange(-8, 9) / 4)
        quarter = -(-upsampling // 4)
        shift = _refined(product, shift, np.arange(-quarter, quarter + 1) / upsampling)
    del product
    for axis, (s, n) in enumerate(zip(shift, size, strict=True)):
        ramp = np.exp(-2j * np.pi * s * scipy.fft.fftfreq(n)).astype(np.complex64)
        a *= ramp.reshape([-1 if i == axis else 1 for i in range(a.ndim)])
    moved = scipy.fft.ifftn(a, workers=-1, overwrite_x=True)
    turn = np.vdot(moved, fixed)
    moved *= np.complex64(turn / max(abs(turn), 1e-30))
    return np.asarray(moved, np.complex64)


def _refined(
    product: NDArray[np.complex64], shift: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the peak of the cross-correlation among `shift` + `offsets` along every axis, in voxels."""
    value: NDArray[np.complexfloating] = product
    for s, n in zip(shift, product.shape, strict=True):
        kernel = np.exp(2j * np.pi * np.outer(scipy.fft.fftfreq(n), s + offsets)).astype(np.complex64)
        value = np.tensordot(value, kernel, (0, 0))
    best = np.unravel_index(int(np.abs(value).argmax()), value.shape)
    return np.asarray(shift + offsets[list(best)])
