"""Arrays larger than the detector, on which an object is sampled more finely.

A crystal with facets scatters beyond the edges of any detector. A field that is cut off there belongs to no
object with a sharp surface: the object rings through the whole array, no support contains it, and iterations
give the phases of the outermost fringes the same error in every start. On an array with a margin in
which nothing was measured, the object is sampled more finely and ends at its surface again.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.retrieval.engine.bounds import Bounds, Prior

Objects = NDArray[np.complex64]

MARGIN = 1.25
"""Length of the array with a margin in units of the length of the measured one, on each axis."""


def with_margin(bounds: Bounds, margin: float = MARGIN) -> Bounds:
    """Return the bounds on a larger array, without bounds where nothing was measured.

    Parameters
    ----------
    bounds
        Bounds on the measured array.
    margin
        Least length of the new array in units of the old one, on each axis.
    """
    shape = bounds.counts.shape
    sizes = [scipy.fft.next_fast_len(int(np.ceil(margin * n))) for n in shape]
    around = [_padding(n, size) for n, size in zip(shape, sizes, strict=True)]
    prior = bounds.prior
    if prior is not None:
        prior = Prior(level=np.pad(prior.level, around), precision=np.pad(prior.precision, around))
    return Bounds(
        lower=np.pad(bounds.lower, around),
        upper=np.pad(bounds.upper, around, constant_values=np.inf),
        counts=np.pad(bounds.counts, around),
        weight=np.pad(bounds.weight, around),
        prior=prior,
    )


def resampled(obj: Objects, shape: tuple[int, ...]) -> Objects:
    """Resample a centred object to another shape, more finely or coarsely, by padding or cutting its field.

    The remaining field does not change, so that the amplitudes of an object on fewer voxels are larger.

    Parameters
    ----------
    obj
        complex64, centred.
    shape
        Shape of the result.
    """
    if obj.shape == shape:
        return obj
    field = scipy.fft.fftn(np.fft.ifftshift(obj), workers=-1, overwrite_x=True)
    new = np.zeros(shape, np.complex64)
    kept = [min(n, size) for n, size in zip(obj.shape, shape, strict=True)]
    for part in product(*((slice(n - n // 2), slice(-(n // 2), None)) for n in kept)):
        new[part] = field[part]
    del field
    return np.fft.fftshift(scipy.fft.ifftn(new, workers=-1, overwrite_x=True))


def cut_back(wide: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the measured part of an array with a margin, which `with_margin` has put around it.

    Parameters
    ----------
    wide
        Centred array with a margin.
    shape
        Shape of the measured array.
    """
    before = [_padding(n, size)[0] for n, size in zip(shape, wide.shape, strict=True)]
    return wide[tuple(slice(b, b + n) for b, n in zip(before, shape, strict=True))]


def _padding(n: int, size: int) -> tuple[int, int]:
    """Return the voxels before and after an axis of `n` voxels in one of `size` with the same centre."""
    before = size // 2 - n // 2
    return before, size - n - before
