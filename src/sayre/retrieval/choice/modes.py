"""Orthogonal modes of the objects of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.choice.align import align, correlation

Objects = NDArray[np.complex64]

TRUSTED = 0.9
"""Agreement below which objects are not averaged, and a warning is issued."""


@dataclass(frozen=True, kw_only=True)
class Modes:
    """Orthogonal modes of aligned objects.

    Attributes
    ----------
    modes
        complex64 `(modes, *shape)`, the strongest first, each with the norm of its part in the objects.
    weights
        Fractions of the objects' total power, descending; their sum is at most 1.
    agreement
        Median complex correlation of the other objects with the first one. NaN for a single object.
    scatter
        Relative error ‖a − b‖/‖a‖ to expect between the first mode and that of as many other starts, computed
        between the modes of two halves of the objects and divided by √2. NaN for a single object.
    """

    modes: NDArray[np.complex64]
    weights: NDArray[np.float64]
    agreement: float
    scatter: float


def find_modes(objects: Sequence[Objects], count: int = 3) -> Modes:
    """Compute the modes of objects by singular value decomposition.

    Parameters
    ----------
    objects
        complex64, of one shape, aligned on the first of them.
    count
        Largest number of modes.

    Notes
    -----
    Favre-Nicolin, Leake and Chushkin, Sci. Rep. 10, 2664 (2020): the first mode of the best reconstructions
    is what they have in common, and its weight is the fraction of their power that it explains. The modes
    follow from the eigenvectors of the Gram matrix, so that no array other than the objects and the modes is
    as large as an object.
    """
    gram = np.array([[np.vdot(a, b) for b in objects] for a in objects])
    scatter = _scatter(objects, gram)
    modes, weights = _modes(objects, gram, count)
    norms = np.sqrt(np.maximum(gram.diagonal().real, 1e-30))
    near = (np.abs(gram[0]) / (norms * norms[0]))[1:]
    return Modes(
        modes=modes,
        weights=weights,
        agreement=float(np.median(near)) if len(near) else float("nan"),
        scatter=scatter,
    )


def _scatter(objects: Sequence[Objects], gram: NDArray[np.complexfloating]) -> float:
    """Compute the relative error between the first modes of two halves of the objects, over √2."""
    if len(objects) < 2:
        return float("nan")
    halves = (slice(half, None, 2) for half in (0, 1))
    first, second = (_modes(objects[half], gram[half, half], 1)[0][0] for half in halves)
    return float(np.sqrt(1 - min(correlation(align(second, first, twins=False), first), 1.0)))


def _modes(
    objects: Sequence[Objects], gram: NDArray[np.complexfloating], count: int
) -> tuple[Objects, NDArray[np.float64]]:
    """Compute the first modes, with phases rotated to agree with the first object, and their weights."""
    values, vectors = np.linalg.eigh(gram)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1].T[:count]
    turn = vectors.conj() @ gram[:, 0]
    vectors = vectors * (turn / np.maximum(np.abs(turn), 1e-30))[:, None] / np.sqrt(len(objects))
    modes = np.zeros((len(vectors), *objects[0].shape), np.complex64)
    for mode, vector in zip(modes, vectors.astype(np.complex64), strict=True):
        for factor, obj in zip(vector, objects, strict=True):
            mode += factor * obj
    return modes, values[:count] / max(float(values.sum()), 1e-30)
