"""Detectors: photon counts of an intensity, with gaps, a flat field, background and saturation."""

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
    """Exposure and detector: what turns an intensity into counts.

    Attributes
    ----------
    max_counts, total_counts
        Exposure, one of the two: expected counts of the crystal in the brightest voxel, or in all voxels.
    background
        Expected counts that every voxel has in addition.
    flat
        Relative response of each pixel, float32 `(row, column)`, of mean 1; None is a uniform response.
    mask
        Pixels that measure nothing, bool `(row, column)`, True in gaps and bad pixels.
    saturation
        Largest number of counts that a voxel holds; higher counts are clipped.
    keep_saturated
        Whether clipped voxels are left unmasked.
    detector
        Name of the detector, which the file records.
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
            which = "both are" if given else "neither is"
            raise InputError(f"exposure: give either max-counts or total-counts; {which} given")
        if not 0 < given[0] <= _MOST_COUNTS:
            raise InputError(f"exposure: counts must be positive and at most 1e15, not {given[0]}")
        if not 0 <= self.background <= _MOST_COUNTS:
            raise InputError(f"background: must be from 0 to 1e15 counts in a voxel, not {self.background}")
        if self.saturation is not None and not self.saturation > 0:
            raise InputError(f"saturation: must be a positive number of counts, not {self.saturation}")


def exposure_scale(intensity: NDArray[np.floating], readout: Readout) -> float:
    """Compute the counts per unit of intensity that an exposure asks for.

    Parameters
    ----------
    intensity
        Intensity of the crystal in any unit, float `(rocking, row, column)`.
    readout
        The exposure.

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
        raise InputError(
            "exposure: the intensity is nowhere positive and cannot be scaled to counts; another crystal or "
            "reflection would do"
        )
    return counts / whole


def record(
    expectation: Image, readout: Readout, generator: np.random.Generator
) -> tuple[NDArray[np.float32], Mask]:
    """Draw the Poisson counts of an expectation, and the mask of the voxels that are not measured.

    Parameters
    ----------
    expectation
        Expected counts of a perfect detector, background included, float32 `(rocking, row, column)`.
    readout
        The detector. Its flat field multiplies the expectation before photons are counted; the counts are not
        corrected for it.
    generator
        Source of the photons.

    Returns
    -------
    counts
        float32, same shape; exact to 2²⁴ and rounded to a relative 6e-8 above; 0 where masked.
    mask
        bool, same shape.

    Raises
    ------
    InputError
        The flat field or the mask is not of the shape of a frame.
    """
    for name, image in (("flat field", readout.flat), ("mask", readout.mask)):
        if image is not None and image.shape != expectation.shape[-2:]:
            raise InputError(
                f"{name}: has shape {image.shape}, but the frames have {expectation.shape[-2:]}; one of that "
                "shape would do"
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
    """Compute the relative response of the pixels of a detector from a white field.

    Parameters
    ----------
    whitefield
        Counts under even illumination, `(row, column)`.
    smooth
        Standard deviation in pixels of the Gaussian whose average is the illumination, which is divided out.

    Returns
    -------
    response
        float32, same shape, of mean 1 over the good pixels; above 1 in hot pixels and 0 in dead ones.
    bad
        Pixels that are not to be used, bool, same shape, see `sayre.detectors.masks.from_whitefield`.

    Raises
    ------
    InputError
        The white field is not 2D, or no pixel of it is positive.
    """
    bad = from_whitefield(whitefield)
    flat = np.where(np.isfinite(whitefield), whitefield, 0).clip(0).astype(np.float64)
    beam, weight = (gaussian_filter(a, smooth, mode="nearest") for a in (np.where(bad, 0, flat), 1.0 - bad))
    response = np.divide(flat * weight, beam, out=np.zeros_like(flat), where=beam > 0)
    response /= response[~bad].mean()
    return response.astype(np.float32), bad


@lru_cache(maxsize=8)
def white_field(path: Path) -> tuple[NDArray[np.float32], Mask]:
    """Compute the `pixel_response` of a white field in a file; a pixel that holds no count is a bad one.

    Parameters
    ----------
    path
        File that `sayre.files.load` reads.

    Raises
    ------
    InputError
        As `sayre.files.load` and `pixel_response`.
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
    """Return the mask of the module gaps in a region of interest of a built-in detector.

    Parameters
    ----------
    name
        Name of the detector, as `sayre.detectors.detector` takes it.
    shape
        Rows and columns of the region.
    corner
        First row and column of the region on the detector. By default they are drawn among those where a gap
        crosses the region, if the detector has gaps.
    generator
        Source of the corner.
    margin
        Pixels that are masked on both sides of every gap as well.

    Returns
    -------
    bool of `shape`.

    Raises
    ------
    InputError
        The detector is not known, or the region leaves it.
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
    """Return the rows and columns of a detector that a region of interest covers.

    Parameters
    ----------
    name, shape, corner, generator, margin
        As `module_gaps` takes them.

    Raises
    ------
    InputError
        The detector is not known, or the region leaves it.
    """
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
    """Return the rows and columns of a region inside an image.

    Parameters
    ----------
    what
        Opening words of the message.
    whole
        Rows and columns of the image.
    shape
        Rows and columns of the region.
    corner
        First row and column of the region; by default they are drawn.
    generator
        Source of the corner.

    Raises
    ------
    InputError
        The region is empty or leaves the image.
    """
    room = (whole[0] - shape[0], whole[1] - shape[1])
    if min(shape) < 1:
        raise InputError(
            f"{what}: a region of {shape[0]}×{shape[1]} pixels is empty; 1 or more along each axis would do"
        )
    if min(room) < 0:
        raise InputError(
            f"{what}: has {whole[0]}×{whole[1]} pixels, fewer than the {shape[0]}×{shape[1]} of a frame; "
            "smaller frames would do"
        )
    if corner is None:
        if generator is None:
            raise ValueError("corner or generator must be given")
        corner = int(generator.integers(room[0] + 1)), int(generator.integers(room[1] + 1))
    if not (0 <= corner[0] <= room[0] and 0 <= corner[1] <= room[1]):
        raise InputError(
            f"{what}: a region of {shape[0]}×{shape[1]} pixels must begin within rows 0 to {room[0]} and "
            f"columns 0 to {room[1]}, not at {corner}"
        )
    rows, columns = corner
    return slice(rows, rows + shape[0]), slice(columns, columns + shape[1])
