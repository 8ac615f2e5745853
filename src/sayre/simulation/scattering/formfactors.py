"""Atomic form factors of the elements that Sayre can simulate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.errors import InputError

# Scales a, exponents b (Å²) and offset c of neutral atoms.
_COEFFICIENTS: dict[str, tuple[tuple[float, ...], tuple[float, ...], float]] = {
    "Ag": (
        (6.073874, 17.155437, 4.173344, 0.852238, 17.988686),
        (0.055333, 7.896512, 28.443739, 110.376106, 0.716809),
        0.756603,
    ),
    "Al": (
        (4.730796, 2.313951, 1.54198, 1.117564, 3.154754),
        (3.628931, 43.051167, 0.09596, 108.932388, 1.555918),
        0.139509,
    ),
    "Au": (
        (16.77739, 19.317156, 32.979683, 5.595453, 10.576854),
        (0.122737, 8.62157, 1.256902, 38.00882, 0.000601),
        -6.279078,
    ),
    "Cu": (
        (14.014192, 4.784577, 5.056806, 1.457971, 6.932996),
        (3.73828, 0.003744, 13.034982, 72.554794, 0.265666),
        -3.254477,
    ),
    "Fe": (
        (12.311098, 1.876623, 3.066177, 2.070451, 6.975185),
        (5.009415, 0.014461, 18.74304, 82.767876, 0.346506),
        -0.304931,
    ),
    "Ni": (
        (13.521865, 6.947285, 3.866028, 2.1359, 4.284731),
        (4.077277, 0.286763, 14.622634, 71.96608, 0.004437),
        -2.762697,
    ),
    "Pd": (
        (6.121511, 4.784063, 16.631683, 4.318258, 13.246773),
        (0.062549, 0.784031, 8.751391, 34.489983, 0.784031),
        0.883099,
    ),
    "Pt": (
        (31.273891, 18.44544, 17.063745, 5.555933, 1.57527),
        (1.316992, 8.797154, 0.124741, 40.177994, 1.316997),
        4.050394,
    ),
    "W": (
        (31.5079, 15.682498, 37.960129, 4.885509, 16.792112),
        (1.629485, 9.446448, 0.000898, 59.980675, 0.160798),
        -32.864574,
    ),
}


def form_factor(element: str, q: ArrayLike) -> NDArray[np.float64]:
    """Compute the atomic form factor of a neutral atom, without anomalous terms.

    It is `Σ aᵢ exp(−bᵢ (q/4π)²) + c` with five terms, which holds to q = 75 1/Å (Waasmaier and Kirfel, Acta
    Cryst. A51, 416, 1995).

    Parameters
    ----------
    element
        Symbol of the element.
    q
        Length of the scattering vector with the factor 2π, 1/Å; any shape.

    Returns
    -------
    float64 of the shape of `q`, in electrons.

    Raises
    ------
    InputError
        The element is not tabulated.
    """
    if element not in _COEFFICIENTS:
        raise InputError(
            f"form factor: {element!r} is not tabulated; it must be one of {', '.join(_COEFFICIENTS)}"
        )
    scales, exponents, offset = _COEFFICIENTS[element]
    s2 = (np.asarray(q, np.float64) / (4 * np.pi)) ** 2
    total = np.full(s2.shape, offset)
    for a, b in zip(scales, exponents, strict=True):
        total += a * np.exp(-b * s2)
    return total
