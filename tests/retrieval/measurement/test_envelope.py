"""What is expected where nothing was measured, in patterns whose mean is known."""

import numpy as np
import pytest

from sayre.retrieval.choice.margin import with_margin
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.measurement.envelope import LEAST, WEIGHT, unmeasured_rate


def bounds_of(counts, mask, filled=None):
    lower = np.where(mask, 0, np.sqrt(counts)).astype(np.float32)
    upper = np.where(mask, np.inf, np.sqrt(counts)).astype(np.float32)
    if filled is not None:
        lower[filled], upper[filled] = 1, 2
    counts = np.where(mask, 0, counts).astype(np.float32)
    return Bounds(lower=lower, upper=upper, counts=counts, weight=(~mask).astype(np.uint8))


@pytest.fixture
def gap():
    mask = np.zeros((20, 24, 22), bool)
    mask[:, 10:14] = True
    return mask


def test_the_counts_around_a_gap_are_expected_in_it(gap):
    rate = unmeasured_rate(bounds_of(np.full(gap.shape, 7.0), gap))
    np.testing.assert_allclose(rate[gap], WEIGHT / 7, rtol=1e-4)
    assert not rate[~gap].any()


def test_bright_surroundings_promise_more_than_dark_ones(gap):
    counts = np.ones(gap.shape)
    counts[:, :, :11] = 100
    rate = unmeasured_rate(bounds_of(counts, gap))
    assert rate[10, 12, 2] == pytest.approx(WEIGHT / 100, rel=0.05)
    assert rate[10, 12, 20] == pytest.approx(WEIGHT, rel=0.2)


def test_dark_surroundings_promise_little_but_not_nothing(gap):
    np.testing.assert_allclose(unmeasured_rate(bounds_of(np.zeros(gap.shape), gap))[gap], WEIGHT / LEAST)


def test_nothing_is_said_of_filled_voxels_a_margin_and_free_ones(gap):
    assert not unmeasured_rate(bounds_of(np.ones(gap.shape), gap, filled=gap)).any()
    assert not unmeasured_rate(with_margin(bounds_of(np.ones(gap.shape), gap & False))).any()
    bounds = bounds_of(np.ones(gap.shape), gap & False)
    bounds.weight[3, 4, 5], bounds.lower[3, 4, 5], bounds.upper[3, 4, 5] = 2, 0, np.inf
    assert not unmeasured_rate(bounds).any()
    assert not unmeasured_rate(bounds_of(np.ones(gap.shape), gap | True)).any()
