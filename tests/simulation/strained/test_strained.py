import numpy as np
import pytest

from sayre.simulation.strained.testset import CLASSES, SIDES, strained_crystal


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_same_crystal_for_everyone(dimensions):
    for strain, (low, high) in CLASSES.items():
        first, again, other = (strained_crystal(dimensions, strain, index) for index in (3, 3, 4))
        assert first.counts.shape == (SIDES[dimensions],) * dimensions
        np.testing.assert_array_equal(first.counts, again.counts)
        assert (first.counts != other.counts).any()
        assert low <= first.crystal.phase_range <= high
        expected = np.abs(first.crystal.amplitude) ** 2
        assert first.counts.sum() == pytest.approx(expected.sum(), rel=5 / float(expected.sum()) ** 0.5)
