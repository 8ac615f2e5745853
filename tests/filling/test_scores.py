"""Scores of fillings against sums by hand and against what is known of Poisson counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import poisson

from sayre.data import FilledPattern, Grid, Pattern
from sayre.filling.coverage import covered_by_class, pooled
from sayre.filling.scores import Score, score, summarise
from sayre.numerics import metrics
from sayre.numerics.poisson import error_of_root


@pytest.fixture
def field():
    """A dark field that a rod of 20 counts crosses, and a gap across both."""
    truth = np.full((12, 24, 24), 0.05, np.float32)
    truth[:, :, 11:13] = 20
    mask = np.zeros(truth.shape, bool)
    mask[:, 9:15] = True
    return truth, mask


def filled_with(values, truth, mask, sigma=0.1):
    counts = np.where(mask, np.float32(0), truth)
    pattern = Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0, 1.0, 1.0)))
    return FilledPattern(
        pattern=pattern,
        intensity=np.where(mask, values, counts).astype(np.float32),
        sigma=np.where(mask, np.float32(sigma), np.float32(0)),
        method="wiener",
    )


@pytest.mark.parametrize("mean", [0.01, 0.3, 1.2, 7.0, 60.0, 399.0, 401.0])
def test_error_of_the_root_is_the_sum_over_all_counts(mean):
    counts = np.arange(1500)
    exact = (poisson.pmf(counts, mean) * (np.sqrt(counts) - np.sqrt(mean)) ** 2).sum()
    assert error_of_root(np.array(mean)) == pytest.approx(exact, rel=3e-3)


def test_ceiling_of_the_correlation_is_that_of_the_expectation():
    generator = np.random.default_rng(1)
    mean = generator.gamma(2.0, 3.0, 200_000)
    counts = generator.poisson(mean)
    assert metrics.pearson_ceiling(counts) == pytest.approx(np.corrcoef(mean, counts)[0, 1], abs=4e-3)
    assert np.isnan(metrics.pearson_ceiling(np.ones(5)))


def test_a_lost_rod_is_seen_by_the_scores_of_bright_voxels(field):
    truth, mask = field
    whole, lost = filled_with(truth, truth, mask), filled_with(np.full_like(truth, 0.05), truth, mask)
    line = np.where(truth > 1, truth * 0.8, truth * 3)
    best, worst = (score(f, mask, truth=truth, linear=line) for f in (whole, lost))
    assert (best.ratio, best.bright_ratio, best.root_error) == pytest.approx((0, 0, 0), abs=1e-9)
    assert (best.sum_ratio, best.bright_sum) == pytest.approx((1, 1))
    assert worst.bright_sum == pytest.approx(0.05 / 20)
    assert worst.sum_ratio == pytest.approx(24 * 0.05 / (22 * 0.05 + 2 * 20), rel=1e-4)
    assert worst.bright_ratio == pytest.approx((np.log(1.05 / 21) / np.log(17 / 21)) ** 2, rel=1e-4)
    assert worst.root_error == pytest.approx((np.sqrt(20) - np.sqrt(0.05)) ** 2 / 12, rel=1e-4)


def test_the_true_expectation_reaches_every_ceiling(field):
    truth, mask = field
    truth = np.repeat(truth, 10, axis=0)
    mask = np.repeat(mask, 10, axis=0)
    counts = np.random.default_rng(2).poisson(truth).astype(np.float32)
    filled = filled_with(truth, counts, mask, sigma=0.001)
    found = score(filled, mask, counts=counts, linear=truth * 2)
    assert found.log_error == pytest.approx(found.floor, rel=0.05)
    assert found.root_error == pytest.approx(found.root_floor, rel=0.05)
    assert found.pearson_linear == pytest.approx(found.ceiling, abs=0.01)
    assert found.bright_ratio == pytest.approx(found.bright_floor, rel=0.15)
    assert {(c.low, c.near) for c in found.classes} >= {(0.0, False), (20.0, False)}
    for one in found.classes:
        room = 4 / np.sqrt(one.voxels)
        assert one.covered_1 == pytest.approx(0.683, abs=0.5 * room)
        assert one.covered_2 == pytest.approx(0.954, abs=0.25 * room)


def test_classes_count_every_voxel_once_and_pool():
    z = np.array([0.5, 1.5, 2.5, -0.5, 0.0])
    filled, far = np.array([0.1, 0.1, 0.1, 30.0, 300.0]), np.array([1.0, 2.0, 30.0, 5.0, 30.0])
    rows = covered_by_class(z, filled, far)
    assert [(r.near, r.low, r.voxels) for r in rows] == [
        (True, 0.0, 2),
        (True, 20.0, 1),
        (False, 0.0, 1),
        (False, 100.0, 1),
    ]
    assert (rows[0].covered_1, rows[0].covered_2) == (0.5, 1.0)
    assert (rows[2].covered_1, rows[2].covered_2) == (0.0, 0.0)
    halves = covered_by_class(z[:2], filled[:2], far[:2]), covered_by_class(z[2:], filled[2:], far[2:])
    assert pooled(halves) == rows


def test_means_leave_out_what_is_not_known():
    one = Score(
        method="wiener",
        width=3,
        pearson_log=1,
        pearson_linear=1,
        log_error=0.2,
        ratio=0.5,
        floor=0,
        covered_1=0.6,
        covered_2=0.9,
        seconds=1,
    )
    mean = summarise([one, replace(one, bright_ratio=0.3, ratio=0.7)])[0]
    assert (mean.ratio, mean.bright_ratio) == pytest.approx((0.6, 0.3))
    assert np.isnan(mean.bright_sum)


def test_scores_of_scaled_counts_know_their_noise():
    """Four photons a count: the true expectation reaches the floor, and its error holds."""
    truth = np.random.default_rng(0).uniform(2, 40, (20, 40, 40)).astype(np.float32)
    counts = (np.random.default_rng(1).poisson(4 * truth) / 4).astype(np.float32)
    mask = np.zeros(truth.shape, bool)
    mask[:, 15:21] = True
    found = score(filled_with(truth, counts, mask, sigma=1e-3), mask, counts=counts, linear=truth * 2)
    assert found.log_error == pytest.approx(found.floor, rel=0.1)
    assert found.root_error == pytest.approx(found.root_floor, rel=0.1)
    assert found.pearson_linear == pytest.approx(found.ceiling, abs=0.02)
    assert (found.covered_1, found.covered_2) == pytest.approx((0.683, 0.954), abs=0.03)
