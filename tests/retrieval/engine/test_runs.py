import numpy as np
import pytest
import torch

from sayre.retrieval.engine.runs import to_corner


@pytest.mark.parametrize("shape", [(4,), (5,), (1, 6), (7, 8), (3, 4, 5), (6, 1, 9)])
def test_the_centre_goes_to_index_0(shape):
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    out = torch.empty(shape)
    to_corner(array, out)
    np.testing.assert_array_equal(out.numpy(), np.fft.ifftshift(array))
