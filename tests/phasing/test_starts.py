import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.phasing.phase import phase


def pattern_of(counts):
    mask = np.zeros(counts.shape, bool)
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


def test_the_search_ends_once_two_starts_agree(pattern):
    recipe = "(HIO*20 + SW)**8, ER*20"
    all_of_them = phase(pattern, recipe=recipe, runs=8)
    found = phase(pattern, recipe=recipe, runs=8, enough=0.9)
    assert 2 <= len(found.runs) < len(all_of_them.runs) == 8
    assert found.agreement >= 0.9
    assert len(found.believed) >= 2
    again = phase(pattern, recipe=recipe, runs=8, enough=0.9, finished=found.runs[:1])
    np.testing.assert_array_equal(again.object, found.object)


def test_an_unknown_start_is_refused(pattern):
    with pytest.raises(InputError, match="init: 'learned' is not known; random, network or an object"):
        phase(pattern, init="learned")
