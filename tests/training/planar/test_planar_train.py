"""Training of 2D networks: it learns, does not depend on interruptions, and keeps what is finished."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from sayre.errors import InputError
from sayre.filling.planar import fill_planar, scaled
from sayre.simulation.planar import PlanarPopulation, draw_patterns, gap_mask
from sayre.training.planar import train as training
from sayre.training.planar.several import load_trained, train_all
from sayre.training.planar.train import PlanarTraining, batches, begun_at_mean, make_network, train

POPULATION = PlanarPopulation(side=32)
CONFIG = PlanarTraining(
    network="msd", gap=3, width=0.125, patterns=64, epochs=3, batch=16, rate=1e-2, population=POPULATION
)


@pytest.fixture(scope="module")
def patterns():
    return torch.from_numpy(scaled(draw_patterns(POPULATION, 64, 0, processes=1).counts))


def test_a_trained_network_errs_less_in_the_gap(patterns):
    config = CONFIG.model_copy(update={"loss": "mse", "epochs": 20})
    gap = torch.from_numpy(np.repeat(gap_mask(32, 3, 9)[None], 64, axis=0))

    def error(network):
        with torch.no_grad():
            return float((network(patterns.masked_fill(gap, 0)) - patterns)[gap].square().mean())

    mean = begun_at_mean(make_network(config), patterns)
    assert error(train(config, patterns)) < 0.6 * error(mean)


@pytest.mark.parametrize("name", ["unet", "msd", "modified"])
def test_a_training_begins_with_the_mean_of_the_patterns(name, patterns):
    network = begun_at_mean(make_network(CONFIG.model_copy(update={"network": name})), patterns)
    with torch.no_grad():
        assert float(network(patterns).mean()) == pytest.approx(float(patterns.mean()), abs=0.06)


def test_an_epoch_shows_every_pattern_once_with_a_gap_of_the_width():
    seen, crosses = [], 0
    for batch in batches(CONFIG, 0, torch.device("cpu")):
        seen += batch.indices.tolist()
        for mask in batch.gap:
            crossed = bool(mask.all(dim=1).any())
            crosses += crossed
            assert int(mask.sum()) == (2 * 3 * 32 - 9 if crossed else 3 * 32)
    assert sorted(seen) == list(range(64))
    assert 16 < crosses < 48
    assert [b.indices.tolist() for b in batches(CONFIG, 1, torch.device("cpu"))] != seen


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(patterns, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BETWEEN_CHECKPOINTS", -1.0)
    whole = train(CONFIG, patterns)
    place = tmp_path / "network.ckpt"

    def stop(fraction, note=""):
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, patterns, checkpoint=place, progress=stop)
    assert place.exists()
    resumed = train(CONFIG, patterns, checkpoint=place)
    assert not place.exists()
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_training_stops_when_its_time_is_over(patterns):
    assert train(CONFIG, patterns, until=time.monotonic()) is None


def test_finished_networks_are_kept_and_not_trained_again(tmp_path, monkeypatch):
    configs = [CONFIG, CONFIG.model_copy(update={"seed": 1})]
    told = []
    assert (
        train_all(configs, tmp_path, device="cpu", progress=told.append, meanwhile=lambda: "drawn") == "drawn"
    )
    assert told == sorted(told)
    first = load_trained(CONFIG, tmp_path, "cpu")
    monkeypatch.setattr(training, "train", None)
    train_all(configs, tmp_path, device="cpu", meanwhile=lambda: None)
    again = load_trained(CONFIG, tmp_path, "cpu")
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert load_trained(CONFIG.model_copy(update={"seed": 2}), tmp_path, "cpu") is None
    (tmp_path / f"{CONFIG.name}.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        load_trained(CONFIG, tmp_path, "cpu")


@pytest.mark.slow
def test_several_at_a_time_are_the_same(tmp_path):
    configs = [CONFIG, CONFIG.model_copy(update={"seed": 1})]
    for processes in (1, 2):
        train_all(
            configs, tmp_path / str(processes), device="cpu", processes=processes, meanwhile=lambda: None
        )
    for config in configs:
        one, two = (load_trained(config, tmp_path / name, "cpu") for name in ("1", "2"))
        for a, b in zip(one.parameters(), two.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_filling_leaves_what_was_measured_and_takes_its_scale_from_there():
    drawn = draw_patterns(POPULATION, 3, 1, processes=1)
    masks = np.repeat(gap_mask(32, 5, 14)[None], 3, axis=0)
    network = make_network(CONFIG).eval()
    filled = fill_planar(network, drawn.counts, masks, whole_scale=False)
    np.testing.assert_allclose(filled[~masks], np.log1p(drawn.counts)[~masks], rtol=1e-6)
    hidden = np.where(masks, 0, drawn.counts).astype(np.float32)
    np.testing.assert_allclose(fill_planar(network, hidden, masks)[masks], filled[masks], rtol=1e-5)
    assert (filled[masks] <= np.log1p(hidden).max(axis=(1, 2))[:, None].repeat(160, 1).ravel()).all()


@pytest.mark.gpu
def test_captured_steps_are_those_that_are_launched(patterns, monkeypatch):
    found = []
    for captured in (False, True):
        monkeypatch.setattr(training, "CAPTURED", captured)
        found.append(train(CONFIG, patterns.cuda()))
    for a, b in zip(*(network.parameters() for network in found), strict=True):
        torch.testing.assert_close(a, b, rtol=0.05, atol=0.02)
