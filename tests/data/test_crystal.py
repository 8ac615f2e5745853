import numpy as np
import pytest

from sayre.data import Crystal
from sayre.errors import InputError

OBJECT = np.array([[1, 2j], [-3, 0]], np.complex64)


def make(**changes):
    return Crystal(**({"object": OBJECT, "support": OBJECT != 0} | changes))


def test_derived():
    np.testing.assert_array_equal(make().amplitude, [[1, 2], [3, 0]])
    np.testing.assert_allclose(make().phase, [[0, np.pi / 2], [np.pi, 0]])
    assert make().shape == (2, 2)
    assert make().phase.dtype == np.float32
    moved = make(voxel_size=(1.0, 2.0)).to("cpu")
    np.testing.assert_array_equal(moved.amplitude, make().amplitude)
    assert moved.voxel_size == (1.0, 2.0)


def test_axes():
    assert make().orthogonal
    assert make(axes=np.eye(2)[::-1]).orthogonal
    assert not make(axes=np.array([[1, 0], [0.6, 0.8]])).orthogonal


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"object": OBJECT.astype(complex)}, "object must be complex64"),
        ({"object": OBJECT[0]}, "2D or 3D"),
        ({"object": OBJECT * np.nan}, "NaN"),
        ({"support": np.ones((2, 3), bool)}, "support must be bool"),
        ({"strain": np.ones((2, 2))}, "strain must be float32"),
        ({"voxel_size": (1.0, 0.0)}, "voxel_size must be 2 positive"),
        ({"voxel_size": (1.0,)}, "voxel_size must be 2 positive"),
        ({"g": -1.0}, "g must be"),
        ({"axes": 2 * np.eye(2)}, "unit vectors"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InputError, match=message) as error:
        make(**changes)
    assert "\n" not in str(error.value)
