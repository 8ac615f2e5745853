"""What many starts have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sayre.phasing.choice.align import align, correlation

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
        Median complex correlation of the others with the first object, aligned. NaN for a single one.
    scatter
        Relative error ‖a − b‖/‖a‖ expected between the first mode and that of as many other starts: between
        those of two halves of the objects, over √2. NaN for a single one.
    """

    modes: NDArray[np.complex64]
    weights: NDArray[np.float64]
    agreement: float
    scatter: float


def find_modes(objects: list[Objects], count: int = 3) -> Modes:
    """Modes by singular values of the aligned objects (the first is the reference).

    Notes
    -----
    Favre-Nicolin, Leake and Chushkin, Sci. Rep. 10, 2664 (2020): the first mode of the best reconstructions
    is their average but for what differs between them, and its weight says how much that is.
    """
    aligned = [objects[0], *(align(x, objects[0]) for x in objects[1:])]
    modes, weights = _modes(aligned)
    near = [correlation(x, objects[0]) for x in aligned[1:]]
    return Modes(
        modes=modes[:count],
        weights=weights[:count],
        agreement=float(np.median(near)) if near else float("nan"),
        scatter=_scatter(aligned),
    )


def _scatter(objects: list[Objects]) -> float:
    if len(objects) < 2:
        return float("nan")
    first, second = (_modes(objects[half::2])[0][0] for half in (0, 1))
    return float(np.sqrt(1 - min(correlation(align(second, first), first), 1.0)))


def _modes(objects: list[Objects]) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
    """All modes by the eigenvectors of the objects' Gram matrix."""
    flat = np.stack([x.ravel() for x in objects])
    values, vectors = np.linalg.eigh(flat.conj() @ flat.T)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    modes = vectors.T @ flat / np.sqrt(len(objects))
    turn = np.array([np.vdot(mode, objects[0].ravel()) for mode in modes])
    modes *= (turn / np.maximum(np.abs(turn), 1e-30))[:, None]
    shaped = modes.reshape(-1, *objects[0].shape).astype(np.complex64)
    return shaped, values / max(float(values.sum()), 1e-30)
