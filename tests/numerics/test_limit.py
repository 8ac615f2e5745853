"""The limit of a gap against Gaussian fields that are conditioned by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.numerics.limit import BandLimit, left_open, share_left_open


def conditioned(covariance, gap, mean):
    """Share of the variance of a field of unit contrast in a gap that counts of a mean outside leave open."""
    known = covariance[np.ix_(~gap, ~gap)] + np.eye((~gap).sum()) / mean
    across = covariance[np.ix_(gap, ~gap)]
    left = covariance[np.ix_(gap, gap)] - across @ np.linalg.solve(known, across.T)
    return np.trace(left) / np.trace(covariance[np.ix_(gap, gap)])


def test_a_line_is_left_as_open_as_a_gaussian_field():
    n, width, ratio, mean = 240, 6, 5.0, 100.0
    band, lag = 1 / ratio, np.arange(n)
    gap = np.zeros(n, bool)
    gap[n // 2 : n // 2 + width] = True
    wanted = conditioned(np.sinc(2 * band * (lag[:, None] - lag)), gap, mean)
    found = share_left_open(width, band, np.array([1.0, mean]) / (2 * band))
    assert found[1] == pytest.approx(wanted, rel=0.05)
    assert found[0] > found[1]


@pytest.mark.parametrize(("shape", "rel"), [((40, 40), 0.05), ((10, 10, 20), 0.1)])
def test_a_gap_in_two_and_three_dimensions_is_left_as_open(shape, rel):
    """On a periodic array, whose frequencies inside a disc or a ball have one power."""
    ratio, width, mean = 3.0, 4, 30.0
    frequencies = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")
    power = (sum(f**2 for f in frequencies) < ratio**-2).astype(float)
    kernel = np.fft.ifftn(power).real
    kernel /= kernel.flat[0]
    places = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape))
    apart = tuple((a[:, None] - a) % n for a, n in zip(places, shape, strict=True))
    gap = (places[-1] >= 8) & (places[-1] < 8 + width)
    wanted = conditioned(kernel[apart], gap, mean)
    found = left_open(width, ratio, mean, dimensions=len(shape))
    assert found == pytest.approx(wanted, rel=rel)
    assert left_open(width, 2 * ratio, mean, dimensions=len(shape)) < found / 2


def test_scores_follow_from_the_share():
    """Fringes of one period, which smoothing takes away whole: of these the share is left open."""
    expected = np.tile(1e5 * np.exp(0.3 * np.cos(np.pi * np.arange(60) / 2)), (60, 1))
    limit = BandLimit(expected, 4.0)
    gap = np.s_[20:40, 24:32]
    share = float(left_open(8, 4.0, expected.mean(), dimensions=2))
    assert limit.log_error(gap, 8) == pytest.approx(share * 0.3**2 / 2, rel=0.02)
    assert limit.pearson(gap, 8) == pytest.approx(np.sqrt(1 - share), rel=0.02)
    assert np.isnan(BandLimit(np.full((20, 20), 7.0), 3.0).pearson(np.s_[5:9], 4))


def test_without_counts_all_fringes_are_left_open():
    dark = 1e-3 * (1 + np.random.default_rng(0).random((40, 40)))
    assert BandLimit(dark, 3.0).pearson(np.s_[10:30, 10:20], 10) < 0.3
