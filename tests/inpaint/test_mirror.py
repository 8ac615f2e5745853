from __future__ import annotations

import numpy as np
import pytest

from sayre.inpaint.mirror import inversion_centre, with_mirror
from sayre.simulate import photons
from sayre.simulate.simulate import Population, random_expectation


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


def test_mirror_by_brute_force():
    rng = np.random.default_rng(0)
    values, mask = rng.random((5, 6, 7), np.float32), rng.random((5, 6, 7)) > 0.7
    centre = (2.5, 1.0, 3.0)
    volume = with_mirror(values, mask, centre)
    for index in np.ndindex(*values.shape):
        there = tuple(int(2 * c) - i for c, i in zip(centre, index, strict=True))
        inside = all(0 <= t < n for t, n in zip(there, values.shape, strict=True))
        if inside and not mask[there]:
            assert volume.mirror[index] == values[there]
            assert not volume.mirror_mask[index]
        else:
            assert volume.mirror[index] == 0
            assert volume.mirror_mask[index]
