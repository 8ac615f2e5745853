"""Fine-tuning against cases whose best weights are known, and where training can only do harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sayre import fine_tune, inpaint
from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.filling import tuning
from sayre.filling.network.predictor import Predictor
from sayre.filling.network.volume import inversion_centre
from sayre.filling.stacking.pieces import hidden_copies
from sayre.filling.tuning.judged import Judgement
from sayre.filling.tuning.loss import Batch, expected_log, scatter_of_log, squared_errors
from sayre.filling.tuning.places import held_scene, reserved, training_scene
from sayre.filling.tuning.samples import Cutter
from sayre.networks.slab import SlabNet
from sayre.numerics.metrics import log_error
from sayre.numerics.poisson import mean_of_log, variance_of_log

SIDE, GAP = 40, slice(20, 24)


class Shifted(torch.nn.Module):
    """Answers with the first fill and a number besides, which is its only weight."""

    def __init__(self, shift):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(float(shift)))

    def forward(self, filled, *_):
        return filled + self.shift, torch.full_like(filled, -4.0)


def _predictor(network, depth=16):
    return Predictor(network=network, device=torch.device("cpu"), depth=depth, tile=16, widths=(1, 8))


def _untrained():
    """A small network of the kind that ships, which answers with the first fill."""
    torch.manual_seed(0)
    return SlabNet(width=16, blocks=(1, 1, 1)).eval()


def _pattern(expected, gap=GAP, seed=0):
    counts = np.random.default_rng(seed).poisson(expected).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, gap] = True
    return Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0,) * 3))


@pytest.fixture(scope="module")
def flat():
    """Two counts in every voxel, in the mean."""
    return _pattern(np.full((SIDE, SIDE, SIDE), 2.0))


@pytest.fixture
def tuned_from(monkeypatch):
    """Fine-tune a network on a pattern, quickly."""

    def tune(pattern, network, **changes):
        monkeypatch.setattr(tuning, "RATE", changes.pop("rate", 0.05))
        monkeypatch.setattr(tuning, "STEPS", changes.pop("steps", 24))
        monkeypatch.setattr(tuning, "SCENES", 2)
        given = _predictor(network, 32 if isinstance(network, SlabNet) else 16)
        monkeypatch.setattr(tuning, "load_predictor", lambda *_: given)
        return fine_tune(pattern, **changes), given

    return tune


def test_it_finds_the_weight_that_states_expected_counts(flat, tuned_from):
    """Trained on `log(1 + n)` as it is measured, the network would fill 0.13 too dim in the logarithm."""
    found, given = tuned_from(flat, Shifted(0.3))
    assert found.improved
    assert found.before - found.after > 0.05 > 4 * found.uncertainty
    assert abs(float(found.predictor.network.shift.detach())) < 0.04
    assert float(given.network.shift.detach()) == np.float32(0.3)


def test_where_training_cannot_help_the_weights_given_are_used(flat, tuned_from):
    found, given = tuned_from(flat, Shifted(0.0), rate=0.3, steps=16)
    assert not found.improved
    assert found.predictor is given
    assert float(given.network.shift.detach()) == 0
    assert "the weights given are used" in found.sentence
    never = replace(found, best=0, after=found.before, uncertainty=0.0).sentence
    assert f"held-back error {found.before:.4f}, which 16 steps did not lower" in never
    assert "after" not in never
    assert "no more than chance" in replace(found, best=8).sentence
    filled = [inpaint(flat, network=one) for one in (found.predictor, given)]
    assert filled[0].intensity.tobytes() == filled[1].intensity.tobytes()
    assert fine_tune(flat, steps=0).steps == 0


def test_a_texture_that_the_network_was_not_trained_on_is_learnt(tuned_from):
    """Square waves: their corners are more than the linear expectation of wiener knows."""
    z, y, x = np.mgrid[:SIDE, :SIDE, :SIDE].astype(float)
    high = np.sin(0.5 * y + 0.11 * z) * np.sin(0.37 * x) * np.sin(0.41 * z) > 0
    expected = np.where(high, 60.0, 3.0)
    pattern = _pattern(expected, slice(24, 28))
    found, given = tuned_from(pattern, _untrained(), rate=3e-3, steps=32)
    assert found.improved
    assert found.after < 0.98 * found.before
    gap = [inpaint(pattern, method="unet", network=one) for one in (found.predictor, given)]
    tuned, before = (log_error(one.intensity[pattern.mask], expected[pattern.mask]) for one in gap)
    assert tuned < 0.98 * before
    assert [one.method for one in gap] == ["unet", "unet"]


def test_noise_cannot_be_learnt(tuned_from):
    """Expected counts that no neighbour tells anything of: all that many weights can do is to overfit."""
    expected = np.exp(np.random.default_rng(5).normal(1.5, 1, (SIDE, SIDE, SIDE)))
    network = _untrained()
    before = [tensor.clone() for tensor in network.state_dict().values()]
    found, given = tuned_from(_pattern(expected), network, rate=3e-3, steps=16)
    assert not found.improved
    assert found.predictor is given
    for tensor, known in zip(network.state_dict().values(), before, strict=True):
        assert torch.equal(tensor, known)


def test_the_seed_decides_the_result(flat, tuned_from):
    first, again, other = (tuned_from(flat, Shifted(0.3), seed=seed, steps=8)[0] for seed in (1, 1, 2))
    assert first.predictor.network.shift == again.predictor.network.shift != other.predictor.network.shift
    assert first.record | {"seconds": 0} == again.record | {"seconds": 0}


def test_nothing_held_back_is_trained_on_nor_its_inversion(flat):
    pattern, copies = flat, hidden_copies(flat.mask)
    held = held_scene(pattern, copies)
    assert held.wanted[:, 8:12].all()
    assert held.wanted.sum() == 2 * flat.mask.sum()  # a copy on either side
    taken = reserved(pattern, copies)
    centre = inversion_centre(pattern.intensity, pattern.mask)
    generator = np.random.default_rng(0)
    for _ in range(3):
        scene = training_scene(pattern, copies, taken, generator)
        assert scene is not None
        assert 0.2 * flat.mask.sum() < scene.wanted.sum() <= flat.mask.sum()
        assert not (scene.wanted & (held.wanted | pattern.mask)).any()
        there = np.round(2 * np.array(centre)).astype(int) - np.argwhere(scene.wanted)
        inside = ((there >= 0) & (there < SIDE)).all(1)
        assert not held.wanted[tuple(there[inside].T)].any()
        assert np.isfinite(scene.volume.filled).all()


def test_what_is_hidden_is_not_seen(flat):
    """Other counts in the hidden voxels leave what the network sees of them as it was, but for statistics."""
    copies = hidden_copies(flat.mask)
    generators = np.random.default_rng(3), np.random.default_rng(3)
    scene = training_scene(flat, copies, reserved(flat, copies), generators[0])
    assert scene is not None
    brighter = flat.intensity.copy()
    brighter[scene.wanted] += 1000
    changed = replace(flat, intensity=brighter)
    taken = reserved(flat, copies)
    other = training_scene(changed, copies, taken, generators[1])
    assert other is not None
    np.testing.assert_array_equal(other.wanted, scene.wanted)
    np.testing.assert_array_equal(other.volume.linear, scene.volume.linear)
    assert not scene.volume.mirror[~scene.volume.mirror_mask].max() > np.log1p(100)


def test_windows_side_by_side_hold_every_voxel_once(flat):
    copies = hidden_copies(flat.mask)
    scene = held_scene(flat, copies)
    target = np.arange(flat.mask.size, dtype=np.float32).reshape(flat.shape)
    cutter = Cutter(scene, target, _predictor(Shifted(0)))
    samples = cutter.side_by_side(1000, np.random.default_rng(0))
    found = np.concatenate([sample[-2][sample[-1] > 0] for sample in samples])
    np.testing.assert_array_equal(np.sort(found), np.flatnonzero(scene.wanted))
    assert len(cutter.side_by_side(5, np.random.default_rng(0))) == 5


def test_the_mean_logarithm_of_counts_is_that_of_exact_sums():
    x = np.linspace(0, 12, 300, dtype=np.float32)
    tensor = torch.from_numpy(x).requires_grad_()
    found = expected_log(tensor)
    np.testing.assert_allclose(found.detach().numpy(), mean_of_log(x), atol=2e-4)
    np.testing.assert_allclose(scatter_of_log(tensor).detach().numpy(), variance_of_log(x), atol=2e-4)
    found.sum().backward()
    slope = (mean_of_log(x + 0.01) - mean_of_log(x - 0.01))[1:] / 0.02
    np.testing.assert_allclose(tensor.grad.numpy()[1:], slope, atol=0.03)
    batch = Batch((), torch.tensor([1.0]), torch.ones(1))
    assert float(squared_errors(torch.tensor([1.0]), batch)) == pytest.approx(
        (float(mean_of_log(np.float32([1.0]))[0]) - 1) ** 2, rel=1e-3
    )


def test_the_error_of_a_difference_is_that_of_blocks():
    generator = np.random.default_rng(0)
    differences = []
    for _ in range(400):
        voxels = generator.integers(50, 100, 40).astype(float)
        first = Judgement(voxels * (1 + 0.2 * generator.normal(size=40)), voxels)
        second = Judgement(voxels * (0.9 + 0.2 * generator.normal(size=40)), voxels)
        differences.append(second.less_than(first))
    found, stated = np.array(differences).T
    assert found.mean() == pytest.approx(0.1, abs=0.01)
    assert stated.mean() == pytest.approx(found.std(), rel=0.1)


def test_stated_errors_are_widened_until_as_many_voxels_are_within_as_before():
    generator = np.random.default_rng(0)
    residuals = np.square(generator.normal(size=200_000))
    ones, noise = np.ones_like(residuals), 0.25 * np.ones_like(residuals)
    first = Judgement(ones, ones, np.array([1.25 * residuals, ones, noise]))
    surer = Judgement(ones, ones, np.array([1.25 * residuals, 0.25 * ones, noise]))
    assert surer.widening(first) == pytest.approx(2, abs=0.03)
    assert first.widening(first) == 1
    assert first.widening(surer) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"method": "wiener"}, "asks no network"),
        ({"two": True}, "asks no network of 2D counts"),
        ({"narrow": True}, "no gap wider than two voxels"),
    ],
)
def test_what_cannot_be_tuned_is_refused(flat, tuned_from, changes, told):
    pattern = flat
    if changes.pop("two", False):
        pattern = Pattern(intensity=flat.intensity[0], mask=flat.mask[0], grid=Grid(step=(1.0, 1.0)))
    if changes.pop("narrow", False):
        mask = np.zeros_like(flat.mask)
        mask[:, 30] = True
        pattern = replace(flat, intensity=np.where(mask, 0, flat.intensity), mask=mask)
    with pytest.raises(InputError, match=told):
        tuned_from(pattern, Shifted(0), **changes)


def test_a_network_is_refused_by_a_method_without_one(flat):
    with pytest.raises(InputError, match="asks no network"):
        inpaint(flat, method="linear", network=_predictor(Shifted(0)))
