"""What measured patterns have that simulated ones lack: background, blur, another grain, gaps.

Cheap enough for every training step of networks that must not take any of it for the crystal.
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
    """Shares of patterns that have each, and how much; drawn log-uniformly but `blur`.

    `background` is in counts a voxel; `blur` the full width at half maximum in voxels of a Gaussian
    point-spread function, of each axis its own; `grain` the height of another grain's peak over that of the
    crystal, anywhere in the array; `gaps` of 2 to 7 voxels across one or two axes.
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
    """Photon counts of a centred expectation, disturbed; gaps are masked and zero."""
    seen = np.asarray(expectation, np.float32)
    if generator.random() < disturbances.with_grain:
        height = np.exp(generator.uniform(*np.log(disturbances.grain)))
        turned = seen.transpose(generator.permutation(seen.ndim)) if len(set(seen.shape)) == 1 else seen
        shift = [int(generator.integers(n // 8, n - n // 8)) for n in seen.shape]
        seen = seen + np.float32(height) * np.roll(turned, shift, range(seen.ndim))
    if generator.random() < disturbances.with_blur:
        seen = blurred(seen, generator.uniform(*disturbances.blur, seen.ndim))
    if generator.random() < disturbances.with_background:
        seen = seen + np.float32(np.exp(generator.uniform(*np.log(disturbances.background))))
    counts = generator.poisson(seen).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    if generator.random() < disturbances.with_gaps:
        axes = tuple(int(a) for a in generator.permutation(counts.ndim)[: generator.integers(1, 3)])
        widths = [int(w) for w in generator.integers(2, 8, len(axes))]
        ends = [counts.shape[axis] - width - 2 for axis, width in zip(axes, widths, strict=True)]
        starts = [int(generator.integers(2, end)) for end in ends]
        mask = masks.cross(counts.shape, axes=axes, starts=starts, widths=widths)
    return Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def blurred(expectation: Floats, fwhm: NDArray[np.floating]) -> Floats:
    """Convolved with a Gaussian of so many voxels full width at half maximum along each axis."""
    lines = [scipy.fft.fftfreq(n) for n in expectation.shape[:-1]] + [
        scipy.fft.rfftfreq(expectation.shape[-1])
    ]
    sigmas = np.asarray(fwhm) / (2 * np.sqrt(2 * np.log(2)))
    spectrum = scipy.fft.rfftn(expectation)
    for axis, (line, sigma) in enumerate(zip(lines, sigmas, strict=True)):
        damping = np.exp(-2 * (np.pi * sigma * line) ** 2).astype(np.float32)
        spectrum *= damping.reshape([-1 if i == axis else 1 for i in range(expectation.ndim)])
    return np.asarray(np.maximum(scipy.fft.irfftn(spectrum, expectation.shape), 0), np.float32)
