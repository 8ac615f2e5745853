"""Training: the same seed gives the same bytes, and a resumed run those of one that never stopped."""

from __future__ import annotations

import csv
import os
import stat
from itertools import islice

import h5py
import numpy as np
import pytest
import torch

from sayre.data import Pattern
from sayre.errors import InputError
from sayre.filling.fill import inpaint
from sayre.networks.registry import read as weights_of
from sayre.simulation.dataset import DatasetConfig, build, read
from sayre.simulation.peak import Population
from sayre.training.curves import Curves
from sayre.training.filling.samples import Truth, WindowRecipe, draw_scene, draw_window
from sayre.training.filling.train import validation_windows, window_stream
from sayre.workflows.training.train_inpaint import (
    InpaintRun,
    mixed_source,
    simulated_source,
    train_inpaint,
    truth_sources,
)

TINY = InpaintRun(
    width=8,
    blocks=(1, 1, 1),
    windows=WindowRecipe(shape=(32, 16, 16), baseline="linear"),
    population=Population(size=36, atoms=(500, 1000)),
    steps=6,
    epoch_steps=2,
    batch=2,
    warm_up=1,
    held=2,
    workers=0,
    threads=1,
    validation_patterns=1,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, train_inpaint(TINY, folder)


SOURCE = simulated_source(TINY.population)


def take(count, epoch=0):
    return list(islice(window_stream(TINY, SOURCE)([TINY.seed, epoch, 0, 0]), count))


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def test_the_same_seed_gives_the_same_file(whole, tmp_path):
    again = train_inpaint(TINY, tmp_path)
    assert again.weights.read_bytes() == whole[1].weights.read_bytes()
    other = train_inpaint(TINY.model_copy(update={"seed": 1}), tmp_path / "other")
    assert other.weights.read_bytes() != again.weights.read_bytes()


def test_all_that_a_run_writes_is_readable_by_others(whole):
    """Lightning and safetensors write through private temporary files; the umask decides all the same."""
    umask = os.umask(0o022)
    os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in whole[0].iterdir()}
    assert {"last.ckpt", "metrics.csv", "weights.safetensors"} <= modes.keys()
    assert set(modes.values()) == {0o666 & ~umask}


def test_a_resumed_run_is_the_run_that_never_stopped(whole, tmp_path, monkeypatch):
    """Stopped after every epoch: weights, their average and the optimiser's state are bit-equal."""
    folder, result = whole
    write, epochs = Curves.on_train_epoch_end, []

    def stop_after_two(self, trainer, module):
        write(self, trainer, module)
        epochs.append(1)
        trainer.should_stop = len(epochs) == 2

    monkeypatch.setattr(Curves, "on_train_epoch_end", stop_after_two)
    train_inpaint(TINY, tmp_path)
    monkeypatch.undo()
    assert len(epochs) == 2
    resumed = train_inpaint(TINY, tmp_path, resume=tmp_path / "last.ckpt")
    a = torch.load(result.checkpoint, weights_only=True)
    b = torch.load(resumed.checkpoint, weights_only=True)
    for part in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "global_step"):
        assert same(a[part], b[part]), part
    assert resumed.weights.read_bytes() == result.weights.read_bytes()
    with (tmp_path / "metrics.csv").open() as file, (folder / "metrics.csv").open() as expected:
        assert list(csv.DictReader(file)) == list(csv.DictReader(expected))


def test_trained_weights_fill_a_pattern(whole):
    rng = np.random.default_rng(0)
    counts = rng.poisson(50, (34, 20, 18)).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 8:11] = True
    filled = inpaint(Pattern.from_counts(counts, mask), method="unet", weights=whole[1].weights)
    again = inpaint(Pattern.from_counts(counts, mask), method="unet", weights=whole[1].weights)
    np.testing.assert_array_equal(filled.intensity, again.intensity)
    assert (filled.sigma[mask] > 0).all()


def test_validation_particles_are_never_trained_on():
    drawn = [w.target for _, w in validation_windows(TINY, SOURCE)]
    first = SOURCE(np.random.default_rng([TINY.seed, 0, 0, 0])).values
    for index in range(TINY.validation_patterns):
        other = SOURCE(np.random.default_rng([TINY.seed, 0x5A, 0, 0, index])).values
        assert np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.999
    assert len(drawn) == 5


def test_windows_hide_what_they_ask_for():
    rng = np.random.default_rng(0)
    for _ in range(25):
        values = rng.random((36, 36, 36), np.float32)
        scene = draw_scene(Truth(values, False), TINY.windows, rng)
        assert (scene.volume.mask.ravel()[np.concatenate([s.voxels for s in scene.slabs])]).all()
        for _ in range(4):
            window = draw_window(scene, TINY.windows, rng)
            assert window.wanted.any()
            assert (window.mask >= window.wanted).all()
            assert not window.noise.any()
            assert not window.mirror[window.mirror_mask > 0].any()
            assert (window.sigma[window.wanted > 0] > 0).all()


def test_windows_of_measured_counts_know_their_noise():
    rng = np.random.default_rng(0)
    hidden = np.zeros((36, 36, 36), bool)
    hidden[:, 3] = True
    truth = Truth(rng.poisson(9, hidden.shape).astype(np.float32), True, hidden)
    window = draw_window(draw_scene(truth, TINY.windows, rng), TINY.windows, rng)
    counts, asked = np.expm1(window.target), window.wanted > 0
    np.testing.assert_allclose(window.noise[asked], (counts / (1 + counts) ** 2)[asked], rtol=1e-4)
    seen = window.mask == 0
    np.testing.assert_allclose(window.filled[seen], window.target[seen])


def test_streams_differ_by_epoch_and_repeat_by_seed():
    a, b, c = take(3), take(3), take(3, epoch=1)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.filled, y.filled)
    assert not np.array_equal(a[0].filled, c[0].filled)


def test_measured_files_are_mixed_in(tmp_path):
    np.save(tmp_path / "peak.npy", np.full((40, 40, 40), 3, np.int32))
    np.save(tmp_path / "small.npy", np.full((20, 40, 40), 3, np.int32))
    truth = mixed_source(SOURCE, tmp_path, 1.0, 32)(np.random.default_rng(0))
    assert truth.measured
    assert truth.values.shape == (40, 40, 40)
    assert not mixed_source(SOURCE, tmp_path, 0.0, 32)(np.random.default_rng(0)).measured
    for folder, smallest in ((tmp_path / "none", 32), (tmp_path, 64)):
        with pytest.raises(InputError, match="measured: "):
            mixed_source(SOURCE, folder, 0.5, smallest)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "set"
    settings = {"count": 8, "patterns_per_particle": 2, "shard_size": 4, "shape": 36, "split": [0.5, 0.5, 0]}
    build(DatasetConfig.model_validate(settings | {"particles": {"atoms": [500, 1000]}}), folder)
    return folder


def keys(patterns):
    return {np.asarray(p / p.max()).tobytes() for p in patterns}


def test_a_data_set_is_split_between_training_and_validation(stored):
    known = {split: keys(r.signal for r in read(stored, split=split)) for split in ("train", "validation")}
    assert all(known.values())
    run = TINY.model_copy(update={"dataset": stored})
    for source, split in zip(truth_sources(run), known, strict=True):
        drawn = [source(np.random.default_rng(seed)) for seed in range(30)]
        assert {t.values.tobytes() for t in drawn} == known[split]
        assert not any(t.measured for t in drawn)
    assert not known["train"] & known["validation"]


def test_a_data_set_is_mixed_with_the_population(stored, monkeypatch):
    known = keys(r.signal for r in read(stored))
    other = Truth(np.ones((36, 36, 36), np.float32), False)
    monkeypatch.setattr("sayre.workflows.training.train_inpaint.simulated_source", lambda _: lambda _: other)
    for fraction in (0.0, 0.4):
        run = TINY.model_copy(update={"dataset": stored, "dataset_fraction": fraction})
        for source in truth_sources(run):
            drawn = [source(np.random.default_rng(seed)).values.tobytes() in known for seed in range(100)]
            assert np.mean(drawn) == pytest.approx(fraction, abs=0.2 * (fraction > 0))


def test_a_draw_reads_one_pattern(stored):
    """Chunks of one pattern: HDF5 reads and unpacks no other."""
    with h5py.File(next(stored.glob("shard-*"))) as file:
        assert file["expectation"].chunks[0] == 1


def test_weights_name_their_data_set_but_not_where_it_was(stored, tmp_path):
    run = TINY.model_copy(update={"dataset": stored, "measured": tmp_path / "own", "steps": 2})
    (tmp_path / "own").mkdir()
    np.save(tmp_path / "own" / "peak.npy", np.full((40, 40, 40), 3, np.int32))
    weights = train_inpaint(run, tmp_path / "run").weights
    training = weights_of(weights)[1]["training"]
    assert (training["dataset"], training["measured"]) == ("set", "own")
    for folder in (stored.parent, tmp_path):
        assert str(folder).encode() not in weights.read_bytes()
    again = train_inpaint(run, tmp_path / "again").weights
    assert again.read_bytes() == weights.read_bytes()


def test_data_sets_that_cannot_be_trained_on(stored, tmp_path):
    with pytest.raises(InputError, match="36 voxels along an axis, but windows need 48"):
        truth_sources(InpaintRun(dataset=stored, population=Population(size=48)))
    with pytest.raises(InputError, match="holds no shards"):
        truth_sources(TINY.model_copy(update={"dataset": tmp_path}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 3", "stepz: is not known; one of .*steps"),
        ("steps = 0", "steps: Input should be greater"),
        ("steps = [", "not TOML"),
        ("[windows]\nshape = [30, 48, 48]", "32 planes"),
        ("[population]\nsize = 16", "are larger than population.size"),
        ("dataset_fraction = 2", "dataset_fraction: Input should be less"),
    ],
)
def test_configuration_errors_are_one_line(tmp_path, text, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        InpaintRun.from_toml(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="No such file"):
        InpaintRun.from_toml(tmp_path / "none.toml")
