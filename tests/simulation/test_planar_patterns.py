"""2D patterns against analytic sums, and their random parts against what they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sayre.simulation.planar import (
    PlanarParticle,
    PlanarPopulation,
    draw_particle,
    draw_pattern,
    draw_patterns,
    expected_counts,
    gap_mask,
)

POPULATION = PlanarPopulation(side=64)


def square(extent=16, n=20):
    polygon = np.zeros((n, n), bool)
    polygon[2 : 2 + extent, 2 : 2 + extent] = True
    return PlanarParticle(
        polygon=polygon, phase=np.zeros((n, n)), modulus=polygon.astype(float), extent=extent
    )


@pytest.mark.parametrize("ratio", [2.5, 4.0, 6.0])
def test_a_square_has_the_pattern_of_a_finite_grating(ratio):
    """|sin(π L q) / sin(π q)|² along each axis, whatever part of the padded array the side takes."""
    counts, exact = expected_counts(square(), ratio, side=32, max_counts=1e5)
    assert exact == ratio
    q = (np.arange(32) - 16) / (16 * ratio)
    q[16] = 1e-12
    line = (np.sin(np.pi * 16 * q) / np.sin(np.pi * q) / 16) ** 2
    np.testing.assert_allclose(counts, 1e5 * np.outer(line, line), rtol=1e-4, atol=1e-2)


def test_a_phase_that_is_a_ramp_moves_the_pattern():
    still = square()
    columns = np.broadcast_to(np.arange(20.0), (20, 20))
    moved = PlanarParticle(
        polygon=still.polygon, modulus=still.modulus, phase=2 * np.pi * 3 / 64 * columns, extent=16
    )
    flat, _ = expected_counts(still, 4.0, side=64, max_counts=1e4)
    shifted, _ = expected_counts(moved, 4.0, side=64, max_counts=1e4)
    np.testing.assert_allclose(shifted, np.roll(flat, 3, axis=1), rtol=1e-3, atol=1e-2)


def test_particles_are_convex_of_their_extent_and_of_the_phase_asked_for():
    population = POPULATION.model_copy(update={"phase_range": (3.0, 3.0), "roughness": (0.0, 0.0)})
    for seed in range(20):
        particle = draw_particle(population, np.random.default_rng(seed))
        inside = np.argwhere(particle.polygon)
        assert particle.extent == 32
        assert abs(np.ptp(inside, axis=0).max() + 1 - 32) <= 2
        assert np.ptp(particle.phase[particle.polygon]) == pytest.approx(3.0)
        a, b = inside[0], inside[-1]
        assert particle.polygon[tuple(np.round((a + b) / 2).astype(int))]
        edges = particle.modulus[particle.polygon & ~(gaussian_filter(particle.modulus, 0) > 0.9)]
        assert ((edges > 0) & (edges <= 0.9)).all()


def test_a_pattern_depends_on_its_index_alone():
    few = draw_patterns(POPULATION, 3, 7, processes=1)
    one = draw_pattern(POPULATION, np.random.default_rng((7, 2)))
    np.testing.assert_array_equal(few.counts[2], one[0])
    np.testing.assert_array_equal(few.expected[2], one[1])


def test_counts_are_poisson_and_parameters_within_their_ranges():
    drawn = draw_patterns(POPULATION, 40, 0, processes=1)
    bright = drawn.expected > 20
    excess = (drawn.counts - drawn.expected)[bright] ** 2 / drawn.expected[bright]
    assert np.mean(excess) == pytest.approx(1, abs=0.05)
    assert ((drawn.oversampling > 1.95) & (drawn.oversampling < 6.05)).all()
    assert ((drawn.max_counts >= 1e4) & (drawn.max_counts <= 1e8)).all()
    np.testing.assert_allclose(drawn.expected.max(axis=(1, 2)), drawn.max_counts, rtol=1e-5)


def test_gaps_are_a_stripe_or_a_cross():
    assert gap_mask(32, 6, 3).sum() == 6 * 32
    assert gap_mask(32, 6, 3)[:, 3:9].all()
    assert gap_mask(32, 6, 3, 10).sum() == 2 * 6 * 32 - 36
