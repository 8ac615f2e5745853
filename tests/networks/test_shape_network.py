import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre.networks.shape import ShapeNet, fold, unfold
from sayre.retrieval.choice.align import twin
from sayre.retrieval.learned.shape_features import features, resized
from sayre.training.shape.losses import cover_loss, inverted, nearer


def counts_of(x):
    return (np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(x)))) ** 2).astype(np.float32)


@pytest.fixture
def crystal():
    rng = np.random.default_rng(0)
    x = np.zeros((16, 16, 16), np.complex64)
    x[5:11, 6:12, 6:10] = np.exp(1j * rng.uniform(0, 2, (6, 6, 4)))
    x[9:, 10:] = 0
    return x * 20


def test_features_do_not_see_phase_translation_or_twin(crystal):
    """What the counts cannot tell must not reach the network: exact symmetries of the problem."""
    seen = features(counts_of(crystal), 16)
    for same in (crystal * np.exp(0.7j), np.roll(crystal, (1, -2, 1), (0, 1, 2)), twin(crystal)):
        assert np.allclose(features(counts_of(same), 16), seen, atol=2e-3)


def test_the_modulus_is_the_sum_over_pairs(crystal):
    """log10 of the autocorrelation against a sum of products at one lag."""
    counts = counts_of(crystal)
    lag = (2, 1, 0)
    pairs = np.vdot(np.roll(crystal, lag, (0, 1, 2)), crystal)
    level = (features(counts, 16)[0][8 + 2, 8 + 1, 8] - 0.5) * 4
    assert level == pytest.approx(np.log10(abs(pairs) / np.sum(np.abs(crystal) ** 2)), abs=1e-3)


def test_lags_are_cropped_and_padded_around_the_middle():
    array = np.arange(7 * 10).reshape(7, 10).astype(np.complex64)
    out = resized(array, 8)
    assert out.shape == (8, 8)
    assert out[4, 4] == array[3, 5]
    assert np.array_equal(out[1:], array[:, 1:9])
    assert not out[0].any()


def test_a_finer_measurement_of_the_same_crystal_looks_the_same(crystal):
    """Twice the oversampling is more empty lags, which are cropped."""
    wide = np.zeros((32, 32, 32), np.complex64)
    wide[8:24, 8:24, 8:24] = crystal
    a, b = features(counts_of(crystal), 16), features(counts_of(wide), 16)
    clear = a[0] > a[0].min() + 0.05  # both above their Poisson noise
    assert clear.sum() > 500
    assert np.allclose(a[0][clear], b[0][clear], atol=0.01)


@pytest.mark.parametrize("d", [2, 3])
def test_fold_and_unfold_are_inverse(d):
    x = torch.randn(2, 3, *(8,) * d)
    assert torch.equal(unfold(fold(x, 4), 4), x)
    assert torch.equal(fold(x, 4)[0, 1], x[0, 0][(slice(None, None, 4),) * (d - 1) + (slice(1, None, 4),)])


@pytest.mark.parametrize(("d", "side"), [(2, 32), (3, 16)])
def test_the_network_gives_half_the_side(d, side):
    torch.manual_seed(0)
    network = ShapeNet(d, 8)
    seen = torch.randn(2, 3, *(side,) * d, requires_grad=True)
    logits = network(seen)
    assert logits.shape == (2, *(side // 2,) * d)
    logits[0].sum().backward()
    assert seen.grad[0].abs().sum() > 0
    assert not seen.grad[1].any()


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_loss_does_not_mind_the_twin(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 8, 8, generator=generator) * 3
    coverage = (torch.rand(3, 8, 8, generator=generator) > 0.6).float()
    assert torch.equal(inverted(inverted(coverage)), coverage)
    assert torch.allclose(cover_loss(logits, coverage), cover_loss(logits, inverted(coverage)))
    assert torch.allclose(cover_loss(inverted(logits), coverage), cover_loss(logits, coverage))
    assert torch.equal(nearer(logits, coverage), nearer(logits, inverted(coverage)))


def test_a_missed_voxel_weighs_more_than_one_too_many():
    coverage = torch.zeros(1, 8, 8)
    coverage[0, 2:6, 2:6] = 1
    sure = (coverage * 2 - 1) * 6
    missed, added = sure.clone(), sure.clone()
    missed[0, 3, 3], added[0, 0, 0] = -6, 6
    one = float(cover_loss(sure, coverage, 4.0))
    assert float(cover_loss(missed, coverage, 4.0)) - one == pytest.approx(4 * 6 / 16, rel=0.02)
    assert float(cover_loss(added, coverage, 4.0)) - one == pytest.approx(6 / 16, rel=0.02)
