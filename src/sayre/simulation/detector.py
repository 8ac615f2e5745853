"""From scattered intensity to what a real detector records of it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sayre import files
from sayre.detectors import detector
from sayre.detectors.masks import from_whitefield
from sayre.errors import InputError, SayreWarning

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Corner = tuple[int, int]
Region = tuple[slice, slice]

_MOST_COUNTS = 1e15


@dataclass(frozen=True, kw_only=True, eq=False)
class Readout:
    """What a detector makes of an intensity.

    Attributes
    ----------
    max_counts, total_counts
        Exposure, one of the two: expected counts of the crystal in the brightest voxel, or in all.
    background
        Expected counts in every voxel on top of it.
    flat
        Relative response of each pixel, float32 `(row, column)`, 1 is the mean; None is a uniform one.
    mask
        Pixels that measure nothing, bool `(row, column)`, True in gaps and bad pixels.
    saturation
        Counts a voxel holds at most; higher ones are clipped.
    keep_saturated
        Leave clipped voxels among the measured ones; by default they are masked.
    detector
        Its name, for the record.
    """

    max_counts: float | None = None
    total_counts: float | None = None
    background: float = 0.0
    flat: Image | None = None
    mask: Mask | None = None
    saturation: float | None = None
    keep_saturated: bool = False
    detector: str | None = None

    def __post_init__(self) -> None:
        given = [c for c in (self.max_counts, self.total_counts) if c is not None]
        if len(given) != 1:
            raise InputError("exposure: give either max-counts or total-counts")
        if not 0 < given[0] <= _MOST_COUNTS:
            raise InputError(f"exposure: counts must be positive and at most 1e15, found {given[0]}")
        if not 0 <= self.background <= _MOST_COUNTS:
            raise InputError(f"background: must be 0 or more counts a voxel, found {self.background}")
        if self.saturation is not None and not self.saturation > 0:
            raise InputError(f"saturation: must be a positive number of counts, found {self.saturation}")


def exposure_scale(intensity: NDArray[np.floating], readout: Readout) -> float:
    """Counts per unit of intensity.

    Raises
    ------
    InputError
        The intensity is nowhere positive.
    """
    if readout.max_counts is not None:
        counts, whole = readout.max_counts, float(intensity.max())
    else:
        counts, whole = readout.total_counts or 0.0, float(intensity.sum(dtype=np.float64))
    if not (math.isfinite(whole) and whole > 0):
        raise InputError("exposure: the intensity is nowhere positive; there is nothing to scale to counts")
    return counts / whole


def record(
    expectation: Image, readout: Readout, generator: np.random.Generator
) -> tuple[NDArray[np.float32], Mask]:
    """Poisson counts of an expectation and what was not measured of them.

    Parameters
    ----------
    expectation
        Expected counts of a perfect detector, background included, `(rocking, row, column)`.
    readout
        Its flat field multiplies the expectation before photons are counted; no correction follows.
    generator
        Source of the photons.

    Returns
    -------
    counts
        float32, same shape; exact to 2²⁴, rounded to 6e-8 above; 0 where masked.
    mask
        bool, same shape.

    Raises
    ------
    InputError
        A flat field or mask that does not fit the frames.
    """
    for name, image in (("flat field", readout.flat), ("mask", readout.mask)):
        if image is not None and image.shape != expectation.shape[-2:]:
            raise InputError(
                f"{name}: has shape {image.shape}, the frames {expectation.shape[-2:]}; they must agree"
            )
    expected = expectation if readout.flat is None else expectation * readout.flat
    counts = generator.poisson(expected).astype(np.float32)
    mask = np.zeros(counts.shape, np.bool_)
    if readout.mask is not None:
        mask |= readout.mask
    if readout.saturation is not None:
        if not readout.keep_saturated:
            mask |= counts > readout.saturation
        np.minimum(counts, np.float32(readout.saturation), out=counts)
    counts[mask] = 0
    return counts, mask


def pixel_response(
    whitefield: NDArray[np.floating], *, smooth: float = 12.0
) -> tuple[NDArray[np.float32], Mask]:
    """Response of pixels measured by a white field, and which of them are bad.

    Parameters
    ----------
    whitefield
        Counts under even illumination, 2D. What varies slowly, over many `smooth` pixels (the standard
        deviation of a Gaussian), is taken as the beam and divided out.

    Returns
    -------
    response
        float32, same shape, of mean 1 over good pixels; hot ones are above, dead ones 0.
    bad
        bool, same shape, see `sayre.detectors.masks.from_whitefield`.

    Raises
    ------
    InputError
        Not 2D, or without one positive pixel.
    """
    bad = from_whitefield(whitefield)
    flat = np.where(np.isfinite(whitefield), whitefield, 0).clip(0).astype(np.float64)
    beam, seen = (gaussian_filter(a, smooth, mode="nearest") for a in (np.where(bad, 0, flat), 1.0 - bad))
    response = np.divide(flat * seen, beam, out=np.zeros_like(flat), where=beam > 0)
    response /= response[~bad].mean()
    return response.astype(np.float32), bad


@lru_cache(maxsize=8)
def white_field(path: Path) -> tuple[NDArray[np.float32], Mask]:
    """`pixel_response` of a file that `sayre.files.load` reads; what is no count is a bad pixel.

    Raises
    ------
    InputError
        As `load` and `pixel_response`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SayreWarning)  # an average of frames holds no integers
        return pixel_response(files.load(path).intensity)


def module_gaps(
    name: str,
    shape: Corner,
    *,
    corner: Corner | None = None,
    generator: np.random.Generator | None = None,
    margin: int = 0,
) -> Mask:
    """Mask of the module gaps of a built-in detector as a region of interest sees them.

    Parameters
    ----------
    name
        As `sayre.detectors.detector` takes it.
    shape
        Rows and columns of the region.
    corner
        Its first row and column on the detector; by default drawn from `generator`, among those places from
        which a gap is seen where the detector has one.
    margin
        Pixels to mask on both sides of every gap as well.

    Returns
    -------
    bool of `shape`.

    Raises
    ------
    InputError
        Unknown detector, or a region that leaves it.
    """
    where = gap_region(name, shape, corner=corner, generator=generator, margin=margin)
    return detector(name).mask(margin=margin)[where].copy()


def gap_region(
    name: str,
    shape: Corner,
    *,
    corner: Corner | None = None,
    generator: np.random.Generator | None = None,
    margin: int = 0,
) -> Region:
    """Rows and columns of the detector that `module_gaps` of the same arguments shows."""
    known = detector(name)
    whole = known.mask(margin=margin)
    while True:
        where = region(known.name, known.shape, shape, corner, generator)
        part = whole[where]
        if corner is not None or not whole.any() or (part.any() and not part.all()):
            return where


def region(
    what: str,
    whole: Corner,
    shape: Corner,
    corner: Corner | None = None,
    generator: np.random.Generator | None = None,
) -> Region:
    """Rows and columns of a region of `shape` inside `whole`, from `corner` on or at random.

    Raises
    ------
    InputError
        A region that is not inside; `what` opens the message.
    """
    room = (whole[0] - shape[0], whole[1] - shape[1])
    if min(shape) < 1:
        raise InputError(f"{what}: a region of {shape[0]}×{shape[1]} pixels holds none")
    if min(room) < 0:
        raise InputError(
            f"{what}: has {whole[0]}×{whole[1]} pixels, fewer than the {shape[0]}×{shape[1]} wanted"
        )
    if corner is None:
        if generator is None:
            raise ValueError("corner or generator must be given")
        corner = int(generator.integers(room[0] + 1)), int(generator.integers(room[1] + 1))
    if not (0 <= corner[0] <= room[0] and 0 <= corner[1] <= room[1]):
        raise InputError(f"{what}: a region from {corner} must begin within 0…{room[0]}, 0…{room[1]}")
    rows, columns = corner
    return slice(rows, rows + shape[0]), slice(columns, columns + shape[1])
