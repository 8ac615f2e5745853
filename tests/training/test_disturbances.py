"""What is drawn into the scenes that a filling network is trained on: gains, fluxes and dead pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sayre.detectors import masks
from sayre.training.filling import samples
from sayre.training.filling.samples import Truth, WindowRecipe, draw_scene

SHAPE = (36, 37, 38)
COUNTS = 1e9
PLAIN = WindowRecipe(
    shape=(32, 16, 16),
    baseline="linear",
    max_counts=(COUNTS, COUNTS),
    noise_free=0,
    background=0,
    gains=0,
    frames=0,
    scatter=(0.3, 0.3),
    cross=0,
    beamstop=0,
    isolated=0,
    border=0,
    dead=0,
)


def scene_of(seed, **changes):
    """Draw a scene of a pattern that is the same everywhere, so bright that photon noise is 3e-5 of it."""
    recipe = replace(PLAIN, **changes)
    return draw_scene(Truth(np.ones(SHAPE, np.float32), False), recipe, np.random.default_rng(seed))


def seen(scene):
    """Logarithm of the factors on the counts, NaN where they are hidden."""
    return np.where(scene.volume.mask, np.nan, scene.volume.filled - np.log1p(COUNTS))


def axes_of(factors):
    """Axes along which the factors differ."""
    return {axis for axis in range(3) if np.nanmean(np.nanstd(factors, axis=axis)) > 1e-3}


def flat(target):
    """Whether a target is the pattern as it was before any factor."""
    return np.allclose(target, np.log1p(COUNTS), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Degrees of freedom|Mean of empty slice")
def test_gains_are_the_same_in_every_frame_and_no_part_of_the_target():
    constant = set()
    for seed in range(12):
        scene = scene_of(seed, gains=1)
        factors = seen(scene)
        assert len(axes_of(factors)) == 2
        constant |= {0, 1, 2} - axes_of(factors)
        assert np.nanstd(factors) == pytest.approx(0.3, rel=0.15)
        assert abs(np.nanmean(factors)) < 0.05
        assert flat(scene.target)
    assert constant == {0, 1, 2}


@pytest.mark.filterwarnings("ignore:Degrees of freedom|Mean of empty slice")
def test_fluxes_differ_from_frame_to_frame_and_are_part_of_the_target():
    along = set()
    for seed in range(12):
        scene = scene_of(seed, frames=1)
        factors = seen(scene)
        assert len(axes_of(factors)) == 1
        along |= axes_of(factors)
        assert axes_of(scene.target) == axes_of(factors)
        here = ~scene.volume.mask
        np.testing.assert_allclose(scene.volume.filled[here], scene.target[here], atol=3e-4)
    assert along == {0, 1, 2}


@pytest.mark.filterwarnings("ignore:Degrees of freedom|Mean of empty slice")
def test_gains_and_fluxes_belong_to_one_detector():
    """Without the fluxes, which are known from the target, the gains are constant along the same axis."""
    for seed in range(6):
        scene = scene_of(seed, gains=1, frames=1)
        (frames,) = axes_of(scene.target)
        gains = np.where(scene.volume.mask, np.nan, scene.volume.filled - scene.target)
        assert axes_of(gains) == {0, 1, 2} - {frames}


def test_dead_pixels_are_dead_in_every_frame(monkeypatch):
    gap = masks.plane(SHAPE, 1, 18, 3)
    monkeypatch.setattr(samples, "draw_gaps", lambda *_: gap.copy())
    along, shares = set(), []
    for seed in range(16):
        hidden = scene_of(seed, dead=1).volume.mask
        assert (hidden >= gap).all()
        dead = np.delete(hidden, range(18, 21), axis=1)
        shares.append(dead.mean())
        if not dead.any():
            continue
        whole = {axis for axis in range(3) if (dead.any(axis) == dead.all(axis)).all()}
        assert len(whole) == 1
        along |= whole
    assert along == {0, 1, 2}
    assert 1e-3 < np.mean(shares) < 1e-2
    np.testing.assert_array_equal(scene_of(0).volume.mask, gap)


def test_measured_counts_and_noise_free_ones_have_no_factors():
    flat_counts = Truth(np.full(SHAPE, 50, np.float32), True)
    recipe = replace(PLAIN, gains=1, frames=1)
    scene = draw_scene(flat_counts, recipe, np.random.default_rng(0))
    np.testing.assert_allclose(scene.volume.filled, np.log1p(50), rtol=1e-6)
    scene = scene_of(0, gains=1, frames=1, noise_free=1)
    assert np.ptp(scene.volume.filled) < 1e-5
