from __future__ import annotations

import numpy as np
import pytest

from sayre.filling.network.volume import inversion_centre, mirrored, prepare
from sayre.simulation import photons
from sayre.simulation.peak import Population, random_expectation


@pytest.mark.parametrize("seed", range(4))
def test_centre_of_an_unstrained_crystal_is_found_under_noise_and_a_gap(seed):
    """The true centre is not on the grid; half a voxel is the finest the mirror can use."""
    population = Population(size=64, phase_range=(0, 0), atoms=(20_000, 40_000), oversampling=(2.5, 5))
    rng = np.random.default_rng(seed)
    expectation, centre = random_expectation(population, rng)
    counts = photons.count(expectation * 1e5, rng)
    mask = np.zeros(counts.shape, bool)
    mask[:, 20:26] = True
    found = inversion_centre(np.where(mask, 0, counts).astype(np.float32), mask)
    np.testing.assert_allclose(found, centre, atol=0.3)


@pytest.mark.parametrize("seed", range(6))
def test_a_peak_in_a_corner_is_not_centred_beyond_its_voxels(seed):
    """A point whose only inverted voxel is itself is no centre, though a voxel is always like itself."""
    rng = np.random.default_rng(seed)
    centre = np.array([3, 4, 3])
    x = np.indices((40, 40, 40)) - centre[:, None, None, None]
    rates = 1e5 * np.prod(np.sinc(x / 2.7) ** 2, 0) + 20
    counts = rng.poisson(rates).astype(np.float32)
    assert inversion_centre(counts, np.zeros(counts.shape, bool)) == tuple(centre)


def test_mirror_by_brute_force():
    rng = np.random.default_rng(0)
    values, mask = rng.random((5, 6, 7), np.float32), rng.random((5, 6, 7)) > 0.7
    centre = (2.5, 1.0, 3.0)
    mirror, hidden = mirrored(values, mask, centre)
    for index in np.ndindex(*values.shape):
        there = tuple(int(2 * c) - i for c, i in zip(centre, index, strict=True))
        inside = all(0 <= t < n for t, n in zip(there, values.shape, strict=True))
        if inside and not mask[there]:
            assert mirror[index] == values[there]
            assert not hidden[index]
        else:
            assert mirror[index] == 0
            assert hidden[index]


@pytest.mark.parametrize("baseline", ["linear", "wiener"])
def test_volume_keeps_measured_counts_and_states_errors_in_gaps(baseline):
    rng = np.random.default_rng(0)
    counts = rng.poisson(20, (24, 25, 26)).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 11:14] = True
    volume = prepare(np.where(mask, 0, counts), mask, baseline)
    np.testing.assert_array_equal(volume.filled[~mask], np.log1p(counts)[~mask])
    assert (volume.sigma[mask] > 0).all()
    assert not volume.sigma[~mask].any()
