from __future__ import annotations

import numpy as np
import pytest

from sayre.data import Particle


def test_length_and_round_trip():
    positions = np.random.default_rng(0).normal(size=(7, 3))
    particle = Particle(positions=positions, species="Pt", lattice_constant=3.92)
    assert len(particle) == 7
    back = particle.to("cpu").numpy()
    np.testing.assert_array_equal(back.positions, positions)
    assert back.positions.dtype == np.float64
    assert (back.species, back.lattice_constant) == ("Pt", 3.92)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 2), (2, 3, 3)])
def test_positions_must_be_a_list_of_atoms(shape):
    with pytest.raises(ValueError, match="atoms, 3"):
        Particle(positions=np.zeros(shape), species="Pt", lattice_constant=3.92)
