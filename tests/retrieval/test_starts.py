import warnings

import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phased import phase
from sayre.simulation.strained.testset import strained_crystal


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


def test_doubtful_results_are_said(pattern):
    with pytest.warns(SayreWarning, match="agree to 0.* only .*do not trust"):
        phase(pattern, recipe="HIO*10, ER*2", runs=4, keep=1)


def test_the_network_phases_what_random_starts_do_not():
    """Phase ranges of 2 to 4 pi; measured: all of 100 such crystals above 0.9."""
    reached: dict[str, list[float]] = {"network": [], "random": []}
    for index in range(6):
        made = strained_crystal(2, "2-4", index)
        for init, correlations in reached.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = phase(pattern_of(made.counts), init=init, runs=8, recipe="strained")
            box = tuple(slice(f, f + n) for f, n in zip(found.origin, found.object.shape, strict=True))
            amplitude = np.fft.ifftshift(made.crystal.amplitude[box])
            truth = np.fft.fftshift(np.fft.ifftn(amplitude)).astype(np.complex64)
            correlations.append(correlation(align(found.object, truth), truth))
    assert min(reached["network"]) > 0.97
    assert sum(c > 0.9 for c in reached["random"]) <= 3
