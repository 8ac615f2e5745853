"""What the counts cannot tell changes neither target nor loss nor score."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sayre.retrieval.choice.align import align, correlation, twin
from sayre.retrieval.learned.phase_features import features, first_voxel, scaled, target, window
from sayre.retrieval.learned.phase_predictor import back_transformed
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.training.published.losses import coherent_average, wca_loss

POPULATIONS = {d: VoxelPopulation(side=32, dimensions=d, max_counts=(1e6, 1e6)) for d in (2, 3)}
seeds = st.integers(0, 10_000)
angles = st.floats(-10, 10)


def phases(seed, shape=(3, 8, 8)):
    generator = torch.Generator().manual_seed(seed)
    phase, truth = (6 * torch.rand(shape, generator=generator, dtype=torch.float64) - 3 for _ in range(2))
    return phase, truth, torch.rand(shape, generator=generator, dtype=torch.float64)


def moved(amplitude, shift):
    """Amplitude of the object translated by `shift` voxels, fractions of them too."""
    for axis, (s, n) in enumerate(zip(shift, amplitude.shape, strict=True)):
        ramp = np.exp(-2j * np.pi * s * (np.arange(n) - n // 2) / n)
        amplitude = amplitude * ramp.reshape([-1 if a == axis else 1 for a in range(amplitude.ndim)])
    return amplitude.astype(np.complex64)


def object_of(amplitude):
    return np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude))).astype(np.complex64)


@settings(max_examples=30)
@given(seeds, angles, angles)
def test_loss_and_score_do_not_see_offset_or_twin(seed, a, b):
    phase, truth, w = phases(seed)
    score, loss = coherent_average(phase, truth, w), wca_loss(phase, truth, w)
    for p in (phase + a, -phase + a, phase):
        for t in (truth + b, -truth + b, truth):
            assert torch.allclose(coherent_average(p, t, w), score, atol=1e-12)
            assert wca_loss(p, t, w) == pytest.approx(float(loss), abs=1e-12)


@settings(max_examples=20)
@given(seeds)
def test_loss_and_score_do_not_see_turns_or_the_scale_of_the_weights(seed):
    phase, truth, w = phases(seed)
    turns = 2 * torch.pi * torch.randint(-3, 4, phase.shape)
    score = coherent_average(phase, truth, w)
    assert torch.allclose(coherent_average(phase + turns, truth, 7 * w), score, atol=1e-12)


@settings(max_examples=20)
@given(seeds)
def test_score_against_a_sum_by_hand(seed):
    phase, truth, w = phases(seed)
    for k, score in enumerate(coherent_average(phase, truth, w)):
        p, t, v = (x[k].numpy() for x in (phase, truth, w))
        sums = [abs(sum((v * np.exp(1j * (sign * t - p))).flat)) / v.sum() for sign in (1, -1)]
        assert float(score) == pytest.approx(max(sums), abs=1e-12)
        assert float(score) <= 1


def test_score_of_the_truth_is_one_and_of_chance_small():
    phase, truth, w = phases(0, (4, 64, 64))
    assert torch.allclose(coherent_average(truth, truth, w), torch.ones(4, dtype=torch.float64))
    assert coherent_average(phase, truth, w).max() < 5 / 64


@pytest.mark.parametrize("seed", range(3))
def test_gradient_against_finite_differences(seed):
    phase, truth, w = phases(seed, (2, 3, 4))
    phase.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda p: wca_loss(p, truth, w), (phase,), eps=1e-6, atol=1e-8)


def test_gradient_of_empty_counts_is_no_nan():
    phase = torch.zeros(1, 4, 4, requires_grad=True)
    wca_loss(phase, torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).backward()
    assert not phase.grad.any()


@settings(max_examples=12)
@given(
    st.sampled_from([2, 3]), seeds, st.lists(st.floats(-6, 6), min_size=3, max_size=3), angles, st.booleans()
)
def test_a_translated_crystal_has_the_same_target(d, seed, shift, angle, flip):
    """Modulo 2π and an offset; that of the twin is the negative."""
    made = draw(POPULATIONS[d], np.random.default_rng(seed)).amplitude
    other = moved(made, shift[:d]) * np.exp(1j * angle).astype(np.complex64)
    expected = np.exp(1j * target(made))
    seen = np.exp(1j * target(other.conj() if flip else other))
    turn = (seen.conj() if flip else seen) / expected
    clear = np.abs(made) > 1e-4 * np.abs(made).max()
    offset = np.average(turn, weights=np.abs(made))
    assert np.abs(turn - offset)[clear].max() < 5e-3
    w = torch.from_numpy(scaled(np.abs(made) ** 2))[None]
    found = (torch.from_numpy(target(x))[None] for x in (made, other))
    assert float(coherent_average(*found, w)) > 0.9999


@pytest.mark.parametrize("d", [2, 3])
def test_without_the_preparation_a_translation_spoils_the_score(d):
    """So that the test above can fail."""
    made = draw(POPULATIONS[d], np.random.default_rng(1)).amplitude
    w = torch.from_numpy(scaled(np.abs(made) ** 2))[None]
    raw = (torch.from_numpy(np.angle(x))[None] for x in (made, moved(made, (3.0,) * d)))
    assert float(coherent_average(*raw, w)) < 0.3


@settings(max_examples=6)
@example(722, [-1.875, 0.0], False)
@given(seeds, st.lists(st.floats(-4, 4), min_size=2, max_size=2), st.booleans())
def test_correlation_after_alignment_does_not_see_them_either(seed, shift, flip):
    made = draw(POPULATIONS[2], np.random.default_rng(seed)).amplitude
    counts = (np.abs(made) ** 2).astype(np.float32)
    truth = object_of(moved(made, shift))
    noise = np.random.default_rng(seed).normal(0, 0.4, made.shape)
    found = back_transformed(counts, (target(made) + noise).astype(np.float32))
    against = twin(truth) if flip else truth
    score = correlation(align(found, object_of(made), upsampling=50), object_of(made))
    assert correlation(align(found, against, upsampling=50), against) == pytest.approx(score, abs=2e-3)
    exact = back_transformed(counts, target(made))
    assert correlation(align(exact, against, upsampling=50), against) > 0.999


@settings(max_examples=30)
@given(
    st.lists(st.integers(-9, 9), min_size=2, max_size=2), st.lists(st.integers(1, 12), min_size=2, max_size=2)
)
def test_a_window_is_taken_voxel_by_voxel_and_put_back(first, shape):
    array = np.arange(1.0, 36.0).reshape(5, 7)
    part = window(array, first, shape)
    for at in np.ndindex(*shape):
        there = tuple(f + a for f, a in zip(first, at, strict=True))
        inside = all(0 <= t < n for t, n in zip(there, array.shape, strict=True))
        assert part[at] == (array[there] if inside else 0)
    back = window(part, [-f for f in first], array.shape)
    assert np.array_equal(back, np.where(np.isin(array, part), array, 0))


@pytest.mark.parametrize("d", [2, 3])
def test_counts_off_centre_are_seen_the_same(d):
    counts = np.zeros((20,) * d, np.float32)
    counts[(slice(8, 13),) * d] = np.random.default_rng(d).poisson(5, (5,) * d)
    seen = features(counts, 16)
    assert seen.min() == 0
    assert seen.max() == 1
    middle = first_voxel(seen, 16)
    assert all(abs(m) <= 1 for m in middle)
    assert np.array_equal(features(np.roll(counts, (3, -4, 2)[:d], tuple(range(d))), 16), seen)
    brightest = counts.max()
    assert np.allclose(np.sort(seen[seen > 0]), np.sort(np.log1p(counts[counts > 0]) / np.log1p(brightest)))
