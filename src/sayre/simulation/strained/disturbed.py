"""Disturbances of measured patterns: background, blur, another grain and gaps.

They are fast enough for every step of a training, in which a network learns that they are not the crystal.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sayre.data import Grid, Pattern
from sayre.detectors import masks

Floats = NDArray[np.float32]
Share = Annotated[float, Field(ge=0, le=1)]


class Disturbances(BaseModel):
    """Shares of the patterns that have each disturbance, and its range.

    Attributes
    ----------
    with_background, with_blur, with_grain, with_gaps
        Shares of the patterns with a background, a blur, another grain, and gaps of 2 to 7 voxels across one
        or two axes.
    background
        Range of the counts in a voxel, log-uniform.
    blur
        Range of the full width at half maximum of a Gaussian point spread in voxels, drawn for each axis.
    grain
        Range of the height of the other grain's peak over that of the crystal, log-uniform; the peak lies
        anywhere in the array.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    with_background: Share = 0.5
    background: tuple[float, float] = (1e-3, 3.0)
    with_blur: Share = 0.4
    blur: tuple[float, float] = (0.0, 1.2)
    with_grain: Share = 0.25
    grain: tuple[float, float] = (1e-4, 3e-2)
    with_gaps: Share = 0.3


def disturbed(
    expectation: NDArray[np.floating], disturbances: Disturbances, generator: np.random.Generator
) -> Pattern:
    """Disturb the expected counts of a crystal, and draw photon counts.

    Parameters
    ----------
    expectation
        Expected counts of the crystal, float `(n, …)` in 2D or 3D, with the peak in the centre.
    disturbances
        Shares and ranges to draw from.
    generator
        Source of every random number.

    Returns
    -------
    Pattern
        Its gaps are masked and hold 0.
    """
    expected = np.asarray(expectation, np.float32)
    axes_count, shape = expected.ndim, expected.shape
    if generator.random() < disturbances.with_grain:
        height = np.exp(generator.uniform(*np.log(disturbances.grain)))
        turned = expected.transpose(generator.permutation(axes_count)) if len(set(shape)) == 1 else expected
        shift = [int(generator.integers(n // 8, n - n // 8)) for n in shape]
        expected = expected + np.float32(height) * np.roll(turned, shift, range(axes_count))
    if generator.random() < disturbances.with_blur:
        expected = blurred(expected, generator.uniform(*disturbances.blur, axes_count))
    if generator.random() < disturbances.with_background:
        expected = expected + np.float32(np.exp(generator.uniform(*np.log(disturbances.background))))
    counts = generator.poisson(expected).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    if generator.random() < disturbances.with_gaps:
        axes = tuple(int(a) for a in generator.permutation(counts.ndim)[: generator.integers(1, 3)])
        widths = [int(w) for w in generator.integers(2, 8, len(axes))]
        ends = [counts.shape[axis] - width - 2 for axis, width in zip(axes, widths, strict=True)]
        starts = [int(generator.integers(2, end)) for end in ends]
        mask = masks.cross(counts.shape, axes=axes, starts=starts, widths=widths)
    return Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def blurred(expectation: Floats, fwhm: NDArray[np.floating]) -> Floats:
    """Convolve a periodic array with a Gaussian.

    Parameters
    ----------
    expectation
        float32, any shape and unit.
    fwhm
        Full width at half maximum along each axis in voxels, float `(dimensions,)`.

    Returns
    -------
    float32, same shape, nowhere negative.
    """
    lines = [scipy.fft.fftfreq(n) for n in expectation.shape[:-1]] + [
        scipy.fft.rfftfreq(expectation.shape[-1])
    ]
    sigmas = np.asarray(fwhm) / (2 * np.sqrt(2 * np.log(2)))
    spectrum = scipy.fft.rfftn(expectation)
    for axis, (line, sigma) in enumerate(zip(lines, sigmas, strict=True)):
        damping = np.exp(-2 * (np.pi * sigma * line) ** 2).astype(np.float32)
        spectrum *= damping.reshape([-1 if i == axis else 1 for i in range(expectation.ndim)])
    return np.asarray(np.maximum(scipy.fft.irfftn(spectrum, expectation.shape), 0), np.float32)
