"""The axes of the array may be turned against the crystal to chosen directions."""

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.simulation.peak import simulate


def expectation(rotate, shape_px=(16, 20, 24), oversampling=(3.0, 2.5, 4.0)):
    made = simulate(
        "random",
        atoms=2000,
        shape_px=shape_px,
        oversampling=oversampling,
        rotate=rotate,
        phase_range=1,
        generator=np.random.default_rng(0),
    )
    return made.expectation


def test_cubic_axes_in_another_order():
    plain = expectation(np.eye(3))
    np.testing.assert_array_equal(plain, expectation(False))
    turned = expectation(np.eye(3)[[2, 0, 1]], (24, 16, 20), (4.0, 3.0, 2.5))
    np.testing.assert_allclose(turned, plain.transpose(2, 0, 1), rtol=1e-3, atol=1e-3 * plain.max())


@pytest.mark.parametrize("axes", [np.ones((3, 3)), np.eye(2), 2 * np.eye(3)])
def test_axes_that_are_no_rotation(axes):
    with pytest.raises(InputError, match="right angles"):
        expectation(axes)
