"""What may be wrong with a result is told, with what would do."""

import warnings

import numpy as np
import pytest

from sayre.data import Pattern
from sayre.errors import SayreWarning
from sayre.retrieval.choice.select import most_selected
from sayre.retrieval.doubts import (
    noise_residual,
    warn_of_doubt,
    warn_of_effects,
    warn_of_misfit,
    warn_of_unrefined,
    why_unrefined,
)
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.phasing import phase

NAN = float("nan")


def said(agreement=NAN, **numbers):
    with pytest.warns(SayreWarning) as caught:
        warn_of_doubt("a.npz", agreement, **numbers)
    return str(caught[0].message)


def test_gaps_that_were_not_filled_are_a_reason_for_doubt():
    numbers = {"keep": 0.5, "made": 4, "finished": 4}
    assert "do not trust the result; make more starts" in said(0.7, **numbers, unfilled=0.04)
    assert "fill the 38 % that were not measured first (sayre inpaint, sayre run)" in said(
        0.7, **numbers, unfilled=0.375
    )


@pytest.mark.parametrize(
    ("keep", "made", "finished", "expected"),
    [
        (0.5, 2, 2, "`runs=3` or `keep=1` would average two"),
        (0.1, 4, 4, "`runs=15` or `keep=0.5` would average two"),
        (0.3, 3, 3, "`runs=5` or `keep=0.67` would average two"),
        (0.5, 4, 2, "`runs=6` or `keep=1` would average two"),
        (0.5, 4, 1, "`runs=12` would average two"),
        (1.0, 2, 1, "`runs=4` would average two"),
    ],
)
def test_too_few_to_average(keep, made, finished, expected):
    text = said(keep=keep, made=made, finished=finished)
    assert text.startswith("a.npz: only one start is averaged")
    assert text.endswith(f"; {expected}, which can confirm each other")
    assert ("that did not fail" in text) == (finished < made)


@pytest.mark.parametrize("keep", [1.0, 0.7, 0.5, 0.3, 0.29, 0.1, 0.01])
def test_what_is_named_averages_two_and_fewer_runs_do_not(keep):
    finished = 3 if keep < 0.5 else 1
    runs = int(said(keep=keep, made=finished, finished=finished).split("`runs=")[1].split("`")[0])
    assert most_selected(runs, keep) == 2
    assert most_selected(runs - 1, keep) == 1


@pytest.mark.parametrize("finished", range(2, 60))
def test_the_fraction_named_averages_two(finished):
    named = float(said(keep=1e-9, made=finished, finished=finished).split("`keep=")[1].split("`")[0])
    assert most_selected(finished, named) == 2


def test_one_that_fits_better_than_the_others():
    text = said(keep=0.5, made=8, finished=8)
    assert "one start fits better than all others" in text
    assert "more starts (`runs=`)" in text


def test_starts_that_agree_are_not_doubted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_doubt("a.npz", 0.95, keep=0.5, made=8, finished=8)


def test_a_beam_as_no_beam_is_warned_of():
    rng = np.random.default_rng(0)
    usual = np.exp(0.2 * rng.normal(size=40)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_effects("a.npz", None)
        warn_of_effects("a.npz", Nuisances(frames=usual, gains=usual.reshape(5, 8)))
    with pytest.warns(SayreWarning, match="flux of the frames is found to scatter by"):
        warn_of_effects("a.npz", Nuisances(frames=usual**6))
    with pytest.warns(SayreWarning, match="response of the pixels is found to scatter by"):
        warn_of_effects("a.npz", Nuisances(gains=usual.reshape(5, 8) ** 6))


@pytest.mark.parametrize(
    ("free", "reason"), [(True, "predicted the free voxels"), (False, "explained the counts")]
)
def test_effects_that_were_named_and_do_not_help_are_warned_of(free, reason):
    with pytest.warns(SayreWarning, match=f"`refine='gains,spread'`: it {reason} no better"):
        warn_of_unrefined("a.npz", "gains,spread", why_unrefined("gains,spread", free=free))


def test_a_refinement_that_was_not_named_is_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for setting in ("auto", "none"):
            warn_of_unrefined("a.npz", setting, why_unrefined(setting, free=True))
    assert why_unrefined("none", free=True) == "it was switched off"


def test_the_residual_of_photon_noise():
    """That of the true object, whose counts scatter."""
    for top in (1e2, 1e4, 1e6):
        x = np.zeros((24, 24, 24))
        x[8:15, 9:14, 9:16] = 1
        exact = np.abs(np.fft.fftshift(np.fft.fftn(x))) ** 2
        exact *= top / exact.max()
        counts = np.random.default_rng(0).poisson(exact).astype(np.float32)
        pattern = Pattern.from_counts(counts, np.zeros(counts.shape, bool))
        residual = np.sqrt(((np.sqrt(exact) - np.sqrt(counts)) ** 2).sum() / counts.sum())
        assert noise_residual(exact.astype(np.float32), pattern) == pytest.approx(residual, rel=0.02)


def test_an_object_that_does_not_explain_the_counts_is_warned_of():
    with pytest.warns(SayreWarning, match=r"R = 0.28, where photon noise alone gives 0.03: the object"):
        warn_of_misfit("a.npz", 0.28, 0.03)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_misfit("a.npz", 0.19, 0.03)
        warn_of_misfit("a.npz", 0.28, 0.1)
        warn_of_misfit("a.npz", float("nan"), 0.1)


@pytest.mark.parametrize(("recipe", "doubted"), [("quick", False), ("ER*3", True)])
def test_one_start_that_does_not_explain_the_counts_is_doubted(pattern, recipe, doubted):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        phase(pattern, recipe=recipe, runs=1, refine="none")
    assert any("does not explain the counts" in str(one.message) for one in caught) == doubted
