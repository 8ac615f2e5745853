"""Relative noise on the counts that the tests phase: no outcome may hang on the last bits of a transform.

Iterative phase retrieval is chaotic: what one processor rounds otherwise than another grows in some hundred
iterations to another object. `pytest --noise 1e-6` stands for any other processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

level = 0.0
"""Standard deviation relative to the counts; set by `--noise`."""
seed = 0
"""Of the noise; set by `--noise-seed`."""


def counts_of_test(counts: NDArray[np.floating]) -> NDArray[np.floating]:
    """Counts for phasing, of the same dtype: those given, or with noise where pytest was told `--noise`."""
    if not level:
        return counts
    factors = 1 + level * np.random.default_rng([seed, counts.size]).standard_normal(counts.shape)
    return (counts * factors).astype(counts.dtype if counts.dtype.kind == "f" else np.float32)
