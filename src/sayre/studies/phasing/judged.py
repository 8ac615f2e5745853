"""How near the truth a phased crystal is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.numerics.fourier import to_detector, to_object
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import Phased
from sayre.training.published.losses import coherent_average

Objects = NDArray[np.complex64]
INSIDE = 0.3
"""Amplitude, relative to the largest, from which on a voxel is inside the crystal."""


class Score(NamedTuple):
    """A result beside the truth, and what it says of itself.

    Attributes
    ----------
    correlation
        Complex correlation of the aligned object with the true one.
    wca
        Weighted coherent average of the phases in reciprocal space, whose loss the published network has.
    strain
        Root mean square of the wrong phase steps between neighbours, rad a voxel.
    residual, agreement
        R, and the median correlation of the averaged starts.
    starts
        Starts that were made.
    seconds
        Processor time.
    """

    correlation: float
    wca: float
    strain: float
    residual: float
    agreement: float
    starts: int
    seconds: float


def judge(found: Phased, amplitude: Objects, seconds: float) -> Score:
    """Compare a result with the truth.

    Parameters
    ----------
    found
        The result.
    amplitude
        The true scattered amplitude, of the shape of the counts.
    seconds
        Processor time that it took.
    """
    amplitude = part_of(found, amplitude)
    truth = np.asarray(to_object(amplitude), np.complex64)
    ours = align(found.object, truth)
    return Score(
        correlation=correlation(ours, truth),
        wca=coherence(ours, amplitude),
        strain=gradient_error(ours, truth),
        residual=found.residual,
        agreement=found.agreement,
        starts=len(found.runs),
        seconds=seconds,
    )


def part_of(found: Phased, amplitude: Objects) -> Objects:
    """Cut the part that was phased out of an array of the shape of the counts.

    Parameters
    ----------
    found
        The result.
    amplitude
        The array.
    """
    box = (slice(first, first + n) for first, n in zip(found.origin, found.object.shape, strict=True))
    return amplitude[tuple(box)]


def coherence(ours: Objects, amplitude: Objects) -> float:
    """Return the weighted coherent average of the phases of an object and of an amplitude.

    Parameters
    ----------
    ours
        The object, aligned with the true one.
    amplitude
        The true scattered amplitude.
    """
    field = to_detector(ours)
    arrays = (np.angle(field), np.angle(amplitude), np.log1p(np.abs(amplitude) ** 2))
    return float(coherent_average(*(torch.from_numpy(np.asarray(a, np.float32)[None]) for a in arrays))[0])


def gradient_error(ours: Objects, truth: Objects) -> float:
    """Return the root mean square, over pairs of neighbours in the crystal, of the wrong phase step.

    In rad a voxel; divided by |G| times the voxel it is that of strain.

    Parameters
    ----------
    ours, truth
        Aligned objects.
    """
    inside = np.abs(truth) > INSIDE * np.abs(truth).max()
    errors = []
    for axis in range(truth.ndim):
        step, true_step = (x * np.roll(x, 1, axis).conj() for x in (ours, truth))
        pairs = inside & np.roll(inside, 1, axis)
        errors.append(np.angle(step * true_step.conj())[pairs] ** 2)
    return float(np.sqrt(np.mean(np.concatenate(errors))))
