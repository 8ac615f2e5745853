"""Hypothesis strategies shared by the tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sayre.data import Pattern


def shapes(min_dims: int = 2, max_dims: int = 3, max_side: int = 9) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of small patterns."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=1, max_side=max_side)


def masks(min_dims: int = 2, max_dims: int = 3, max_side: int = 9) -> st.SearchStrategy[NDArray[np.bool_]]:
    """Arbitrary masks, from empty to full."""
    return hnp.arrays(np.bool_, shapes(min_dims, max_dims, max_side))


@st.composite
def slab_masks(draw: st.DrawFn, dims: int = 3, side: int = 24, parts: int = 3) -> NDArray[np.bool_]:
    """Masks made of slabs across the whole array, as module gaps are."""
    mask = np.zeros((side,) * dims, np.bool_)
    for _ in range(draw(st.integers(1, parts))):
        axis, width = draw(st.integers(0, dims - 1)), draw(st.integers(1, 4))
        start = draw(st.integers(0, side - width))
        np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


@st.composite
def patterns(draw: st.DrawFn, min_dims: int = 2, max_dims: int = 3, max_side: int = 9) -> Pattern:
    """Valid patterns with integer counts, at least one voxel of them measured."""
    mask = draw(masks(min_dims, max_dims, max_side).filter(lambda m: not m.all()))
    counts = draw(hnp.arrays(np.float32, mask.shape, elements=st.integers(0, 2**20).map(float)))
    return Pattern.from_counts(counts, mask)
