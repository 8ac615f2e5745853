"""What the pages on detector gaps and on networks state is true."""

from __future__ import annotations

import numpy as np
import pytest
from concept_pages import stated

from pictures import gaps, learning
from sayre.numerics.metrics import log_error_ratio


@pytest.mark.parametrize(("width", "ratio"), [(3, 3.0), (6, 5.0), (9, 8.0)])
def test_the_limit_of_a_gap_is_that_of_conditioning_on_its_surroundings(width, ratio):
    """Against the conditional variance of a field of that covariance, measured on 300 voxels either side."""
    places = np.arange(600 + width)
    gap = (places >= 300) & (places < 300 + width)
    lags = np.subtract.outer(places, places)
    covariance = np.sinc(2 * lags / ratio)
    rim = covariance[np.ix_(~gap, ~gap)] + np.eye(600) / gaps.COUNTS
    across = covariance[np.ix_(~gap, gap)]
    left = covariance[np.ix_(gap, gap)] - across.T @ np.linalg.solve(rim, across)
    assert gaps.unexplained(width, ratio, gaps.COUNTS) == pytest.approx(np.trace(left) / width, rel=0.05)


def test_numbers_of_the_limit():
    said = [
        stated("gaps", words) / 100
        for words in ("Of a gap of 6 voxels", "open at an oversampling of 3,", "22 % at 5, and")
    ]
    assert [gaps.unexplained(6, ratio, gaps.COUNTS) for ratio in gaps.RATIOS] == pytest.approx(said, abs=6e-3)


def test_strain_weakens_the_symmetry():
    mean = dict(zip(gaps.RANGES, gaps.symmetries().mean(1), strict=True))
    assert mean[0.0] == pytest.approx(stated("gaps", "correlates with the fringes at"), abs=0.02)
    assert mean[1.0] == pytest.approx(stated("gaps", "at 1 rad of phase range at"), abs=0.02)
    assert max(mean[3.0], mean[4.0], mean[6.0], mean[8.0]) < 0.22


def test_the_gap_of_the_figure():
    found = gaps.filled_line()
    ratio = log_error_ratio(
        found.wiener.intensity[found.gap], found.truth[found.gap], found.linear.intensity[found.gap]
    )
    assert ratio == pytest.approx(stated("gaps", "the squared error of log counts is"), abs=0.01)


@pytest.mark.slow
def test_what_the_stated_error_covers():
    away = [row for row in gaps.calibration().classes if not row.near]
    (near,) = [row for row in gaps.calibration().classes if row.near and row.voxels >= 50]
    shares = [100 * row.covered_1 for row in away]
    assert min(shares) == pytest.approx(stated("gaps", "away from the peak,"), abs=1)
    assert max(shares) == pytest.approx(stated("gaps", "away from the peak, 67 to"), abs=1)
    double = [100 * row.covered_2 for row in away]
    assert min(double) == pytest.approx(stated("gaps", "lie within 1σ and"), abs=1)
    assert max(double) == pytest.approx(stated("gaps", "lie within 1σ and 94 to"), abs=1)
    assert 100 * near.covered_1 == pytest.approx(stated("gaps", "Near the peak it is"), abs=1)
    assert 100 * near.covered_2 == pytest.approx(stated("gaps", "Near the peak it is 69 and"), abs=1)


def test_how_far_networks_reach():
    found = learning.reaches()
    changed = np.argwhere(found["five convolutions"] > 0)
    assert (np.ptp(changed, axis=0) == 10).all()
    near = (slice(59, 70), slice(59, 70))
    for name, words in (("U-Net", "effect is concentrated,"), ("MSD-Net", "the MSD-Net's spread out,")):
        effect = found[name] ** 2
        assert (effect > 0).mean() > 0.9
        assert 100 * effect[near].sum() / effect.sum() == pytest.approx(stated("networks", words), abs=3)


def test_what_losses_prefer():
    """A cosine moved by a phase φ has a squared error 2(1 − cos φ) times that of its mean."""
    flat, moved, weak = learning.candidates()[2]
    found = learning.losses()
    assert found["mse"][moved] / found["mse"][flat] == pytest.approx(
        2 * (1 - np.cos(2 * np.pi / 5)), rel=0.02
    )
    assert found["mse"][weak] / found["mse"][flat] == pytest.approx(4 / 9, rel=1e-3)
    assert found["mae"][moved] > found["mae"][flat]
    assert found["ssim"][moved] < found["ssim"][flat]
    assert found["combined"][moved] < found["combined"][flat]
    assert all(values[weak] == min(values.values()) for values in found.values())


def test_a_sigmoid_is_dead_far_out():
    z = np.array([-10.0, 0.0])
    s = 1 / (1 + np.exp(-z))
    assert learning.slope(z) == pytest.approx(np.abs(2 * (s - learning.MEAN) * s * (1 - s)))
    assert learning.slope(z)[0] < 1e-3 * learning.slope(z)[1]
    assert np.log(learning.MEAN / (1 - learning.MEAN)) == pytest.approx(
        -stated("networks", "here −"), abs=5e-3
    )
