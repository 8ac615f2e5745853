import numpy as np
import pytest

from sayre.retrieval.engine.packed import Packed


@pytest.mark.parametrize("shape", [(5,), (7, 9), (6, 5, 11), (8, 8, 8)])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_packing_and_unpacking_changes_nothing(shape, share):
    rng = np.random.default_rng(3)
    support = rng.random(shape) < share
    obj = np.where(support, rng.normal(size=shape) + 1j * rng.normal(size=shape), 0).astype(np.complex64)
    packed = Packed.of(obj, support)
    for got, expected in ((packed.object, obj), (packed.support, support)):
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    assert packed.values.nbytes + packed.bits.nbytes <= 8 * support.sum() + support.size / 8 + 1
