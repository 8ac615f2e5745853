"""What many starts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.retrieval.choice.align import align, correlation

Objects = NDArray[np.complex64]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """Orthogonal modes of aligned objects.

    Attributes
    ----------
    modes
        complex64 `(modes, *shape)`, the strongest first, each with the norm of its part in the objects.
    weights
        Fractions of the objects' total power, falling, sum at most 1.
    agreement
        Median complex correlation of the others with the first object. NaN for a single one.
    scatter
        Relative error ‖a − b‖/‖a‖ expected between the first mode and that of as many other starts: between
        those of two halves of the objects, over √2. NaN for a single one.
    """

    modes: NDArray[np.complex64]
    weights: NDArray[np.float64]
    agreement: float
    scatter: float


def find_modes(objects: Sequence[Objects], count: int = 3) -> Modes:
    """Modes by singular values of objects that lie on the first of them.

    Notes
    -----
    Favre-Nicolin, Leake and Chushkin, Sci. Rep. 10, 2664 (2020): the first mode of the best reconstructions
    is their average but for what differs between them, and its weight says how much that is. They are the
    eigenvectors of the Gram matrix, so that beside the objects only the modes are as large as one.
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
    if len(objects) < 2:
        return float("nan")
    halves = (slice(half, None, 2) for half in (0, 1))
    first, second = (_modes(objects[half], gram[half, half], 1)[0][0] for half in halves)
    return float(np.sqrt(1 - min(correlation(align(second, first, twins=False), first), 1.0)))


def _modes(
    objects: Sequence[Objects], gram: NDArray[np.complexfloating], count: int
) -> tuple[Objects, NDArray[np.float64]]:
    """The first modes, each turned in phase to lie on the first object, and their weights."""
    values, vectors = np.linalg.eigh(gram)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1].T[:count]
    turn = vectors.conj() @ gram[:, 0]
    vectors = vectors * (turn / np.maximum(np.abs(turn), 1e-30))[:, None] / np.sqrt(len(objects))
    modes = np.zeros((len(vectors), *objects[0].shape), np.complex64)
    for mode, vector in zip(modes, vectors.astype(np.complex64), strict=True):
        for factor, obj in zip(vector, objects, strict=True):
            mode += factor * obj
    return modes, values[:count] / max(float(values.sum()), 1e-30)
