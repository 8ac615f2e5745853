"""Where the surface of a crystal is, by the histogram of the amplitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sayre.errors import InputError, warn

BINS = 200
SMOOTHING = 3.0
"""Of the histogram, bins."""
WIDTHS = 2.0
"""Widths of the bulk's peak below it that the surface should not reach."""


@dataclass(frozen=True, kw_only=True)
class Isosurface:
    """An amplitude, relative to the largest, above which a voxel is of the crystal, and what it follows from.

    Attributes
    ----------
    threshold
        Relative to the largest amplitude.
    bulk, width
        The mode of the bulk's amplitudes and their standard deviation above it, relative to the largest.
    centres, density
        The histogram, in which every voxel weighs as much as it scatters: `(BINS,)` each.
    largest
        Amplitude that all are relative to.
    chosen
        Whether the histogram chose the threshold.
    """

    threshold: float
    bulk: float
    width: float
    centres: NDArray[np.float64]
    density: NDArray[np.float64]
    largest: float
    chosen: bool


def isosurface(amplitude: NDArray[np.floating], threshold: float | None = None) -> Isosurface:
    """Choose the amplitude of the surface: half of that of the bulk.

    A surface that is blurred by a symmetric point spread, that of the resolution or of a window, passes half
    of the bulk's amplitude where it was, whatever the width of the blur. The amplitude of the bulk is the
    mode of the histogram weighted by the squared amplitude, so that the voxels around the crystal do not
    count.

    Parameters
    ----------
    amplitude
        Of any dimension.
    threshold
        Relative to the largest amplitude; None lets the histogram choose.

    Raises
    ------
    InputError
        Nothing but zeros.

    Warns
    -----
    SayreWarning
        The bulk's amplitudes scatter so widely that the surface that was chosen cuts into the bulk.
    """
    largest = float(amplitude.max(initial=0))
    if not largest > 0:
        raise InputError("object: all amplitudes are 0; the reconstruction failed")
    values = np.asarray(amplitude[amplitude > 0], np.float64) / largest
    counts, edges = np.histogram(values, BINS, (0, 1), weights=values**2)
    density = ndimage.gaussian_filter1d(counts / counts.sum() * BINS, SMOOTHING, mode="constant")
    centres = (edges[1:] + edges[:-1]) / 2
    mode = int(density.argmax())
    above = np.flatnonzero(density[mode:] < density[mode] / 2)
    half = float(centres[mode + above[0]] - centres[mode]) if len(above) else 1 - float(centres[mode])
    width = half / np.sqrt(2 * np.log(2))
    chosen = threshold is None
    level = float(centres[mode]) / 2 if threshold is None else threshold
    if chosen and level > centres[mode] - WIDTHS * width:
        warn(
            f"object: amplitudes of the bulk scatter by {width / centres[mode]:.0%}, so that half of their "
            "mode cuts into the bulk; look at the histogram and state `isosurface=`"
        )
    return Isosurface(
        threshold=level,
        bulk=float(centres[mode]),
        width=float(width),
        centres=centres,
        density=density,
        largest=largest,
        chosen=chosen,
    )


def support_of(amplitude: NDArray[np.floating], surface: Isosurface) -> tuple[NDArray[np.bool_], int]:
    """Return the largest part above the surface, its holes filled, and the voxels of the other parts.

    Parameters
    ----------
    amplitude
        Of any dimension.
    surface
        As `isosurface` returns it.
    """
    above = amplitude > surface.threshold * surface.largest
    parts, count = ndimage.label(above, np.ones((3,) * amplitude.ndim))
    if count == 0:
        raise InputError(
            f"object: no amplitude is above {surface.threshold:.2f} of the largest; `isosurface=` lower"
        )
    sizes = np.bincount(parts.ravel())[1:]
    support = np.asarray(ndimage.binary_fill_holes(parts == 1 + sizes.argmax()), np.bool_)
    return support, int(sizes.sum() - sizes.max())
