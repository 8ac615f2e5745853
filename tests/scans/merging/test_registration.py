"""Registration of two scans: shifts and scales of simulated ones are found within their errors."""

from __future__ import annotations

import numpy as np
import pytest
from merge_samples import SIDE, expected, planes
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.scans.merging.kernels import slopes_of, summed, weights_of
from sayre.scans.merging.moving import moved
from sayre.scans.merging.overlap import whole_shift
from sayre.scans.merging.register import register


@pytest.mark.parametrize("points", [2, 4, 6, 8])
def test_lagrange_weights_are_exact_for_polynomials(points: int) -> None:
    at = np.arange(points) - (points // 2 - 1)
    for power in range(points):
        assert weights_of(0.3, points) @ at**power == pytest.approx(0.3**power)
    ahead, behind = weights_of(0.3 + 1e-5, points), weights_of(0.3 - 1e-5, points)
    np.testing.assert_allclose(slopes_of(0.3, points), (ahead - behind) / 2e-5, atol=1e-8)


def test_sums_of_runs_are_those_of_a_loop() -> None:
    values, weights = np.random.default_rng(0).normal(size=(9, 5)), np.array([0.5, -1.0, 2.0, 0.25])
    wanted = np.array([[values[i : i + 4, j] @ weights for j in range(5)] for i in range(6)])
    np.testing.assert_allclose(summed(values, [weights, None]), wanted)


def test_counts_are_moved_by_whole_voxels_bit_for_bit() -> None:
    counts = np.random.default_rng(0).poisson(3.0, (8, 9)).astype(np.float32)
    there = moved(counts, counts < 5, (2, -1), (7, 9))
    wanted, known = np.zeros((7, 9)), np.zeros((7, 9), bool)
    wanted[:6, 1:], known[:6, 1:] = counts[2:, :-1], counts[2:, :-1] < 5
    np.testing.assert_array_equal(there.counts, wanted * known)
    np.testing.assert_array_equal(there.measured, known)
    assert not there.interpolation.any()


def wave(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Smooth counts at any rows."""
    return np.asarray(50 + 20 * np.sin(rows / 2.5)[:, None] * np.cos(np.arange(30) / 3))


def test_resampled_counts_and_their_variance() -> None:
    smooth = wave(np.arange(40))
    known = np.ones(smooth.shape, bool)
    known[20, 15] = False
    there = moved(smooth, known, (0.4, 0.0), smooth.shape)
    np.testing.assert_allclose(
        there.counts[there.measured], wave(np.arange(40) + 0.4)[there.measured], atol=2e-3
    )
    assert not there.measured[16:24, 15].any()  # all runs of eight voxels that hold the one not measured
    assert there.measured[[15, 24, 20], [15, 15, 14]].all()
    generator = np.random.default_rng(1)
    drawn = [moved(generator.poisson(smooth), known, (0.4, 0.0), smooth.shape) for _ in range(300)]
    found = np.var([one.counts for one in drawn], axis=0)[there.measured]
    assert np.mean(found / there.variance[there.measured]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 9, -11), (0, 0, 14)])
def test_whole_shift_is_not_that_of_the_gaps(shift: tuple[int, int, int]) -> None:
    generator = np.random.default_rng(0)
    a, b = (
        Pattern.from_counts(generator.poisson(expected(s, most=300)).astype(np.float32), planes(22))
        for s in ((0, 0, 0), shift)
    )
    assert whole_shift(a, b) == shift


def test_large_scans_are_registered_by_coarse_ones() -> None:
    rows, columns = np.meshgrid(np.arange(150), np.arange(170), indexing="ij")

    def peak(row: float, column: float) -> Pattern:
        distance = np.hypot(rows - row, columns - column)
        counts = 1e4 * np.exp(-distance / 4) * (1 + np.cos(distance))
        return Pattern.from_counts(np.rint(counts).astype(np.float32), (rows % 50 < 4))

    assert whole_shift(peak(70, 80), peak(93, 61)) == (23, -19)


@pytest.mark.parametrize(
    ("shift", "most", "worst"),
    [((0.5, 0.5, -0.5), 1e5, 0.02), ((0.25, 9.3, 0.0), 1e5, 0.05), ((-0.1, 0.45, 8.8), 1e4, 0.05)],
)
def test_fractions_of_a_voxel_and_the_scale_are_found_within_their_errors(
    shift: tuple[float, float, float], most: float, worst: float
) -> None:
    generator = np.random.default_rng(3)
    mask = planes(25)
    mask[:, *generator.integers(0, SIDE, (2, 5))] = True  # dead pixels
    scores, away = [], []
    for _ in range(3):
        a = Pattern.from_counts(generator.poisson(0.6 * expected(most=most)).astype(np.float32), mask)
        b = Pattern.from_counts(generator.poisson(0.4 * expected(shift, most=most)).astype(np.float32), mask)
        found = register(a, b)
        away.append(np.subtract(found.shift, shift))
        scores += [*(away[-1] / found.error), (found.scale - 2 / 3) / found.scale_error]
    assert np.abs(np.mean(away, axis=0)).max() < worst
    assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 2
