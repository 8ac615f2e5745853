"""A filling that was stopped and resumed from files has the bytes of one that was not, and no more work."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from sayre.data import Grid, Pattern
from sayre.detectors import masks
from sayre.errors import SayreWarning
from sayre.files import pace
from sayre.files.checkpoints import Checkpoints
from sayre.files.kept import KeptFolder
from sayre.filling import stacking, wiener
from sayre.filling.fill import inpaint
from sayre.filling.network import predictor as predictors
from sayre.filling.network.predictor import Predictor

SHAPE = (24, 40, 36)


class Stopped(Exception):
    pass


class Steps(Checkpoints):
    """Checkpoints that stop the filling once so many are saved."""

    def __init__(self, folder, stop=None):
        super().__init__(KeptFolder(folder, {}), "the filling")
        self.saved, self.stop = [], stop

    def save(self, name, /, **arrays):
        super().save(name, **arrays)
        self.saved.append(name)
        if len(self.saved) == self.stop:
            raise Stopped


class Network(torch.nn.Module):
    """Answers that differ from voxel to voxel, and counts of the windows that it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = 0

    def forward(self, filled, sigma, mask, mirror, mirror_mask, linear):
        self.shown += len(filled)
        return filled + 0.1 * mirror - 0.01 * filled * linear, torch.log(0.04 + sigma**2 + 0.01 * mirror)


@pytest.fixture(scope="module")
def pattern():
    """Fringes under a broad peak with a cross of three voxels."""
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij")
    expected = 300 * np.exp(-(z**2 + y**2 + x**2) / 150) * (1 + 0.7 * np.cos(y * 0.9 + 0.3 * x)) + 0.3
    mask = masks.cross(SHAPE, axes=(1, 2), starts=(24, 9), widths=(3, 3))
    counts = np.random.default_rng(1).poisson(expected).astype(np.float32)
    return Pattern(intensity=np.where(mask, np.float32(0), counts), mask=mask, grid=Grid(step=(1.0,) * 3))


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Every step is kept, and long axes are those above 20 voxels."""
    monkeypatch.setattr(pace, "PATIENCE", -1.0)
    monkeypatch.setattr(pace, "SHARE", np.inf)
    for name, value in (("MAX_SIDE", 20), ("TILE_CORE", 16), ("TILE_CONTEXT", 5)):
        monkeypatch.setattr(wiener, name, value)


@pytest.fixture
def solutions(monkeypatch):
    """Counts of the equations that wiener solves."""
    counted, solve = [], wiener.solve

    def spy(*arguments, **options):
        counted.append(1)
        return solve(*arguments, **options)

    monkeypatch.setattr(wiener, "solve", spy)
    return counted


@pytest.fixture
def network(monkeypatch):
    network = Network()
    known = Predictor(network=network, device=torch.device("cpu"), depth=10, tile=16, widths=(1, 6))
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: known)
    return network


def same(a, b):
    return a.intensity.tobytes() == b.intensity.tobytes() and a.sigma.tobytes() == b.sigma.tobytes()


def test_wiener_stopped_after_a_step(pattern, solutions, tmp_path):
    whole = inpaint(pattern, method="wiener")
    boxes = len(solutions) - 1
    assert boxes > 6
    for stop in (1, boxes // 2, boxes + 1):
        folder = tmp_path / str(stop)
        with pytest.raises(Stopped):
            inpaint(pattern, method="wiener", kept=Steps(folder, stop))
        solutions.clear()
        told = []
        resumed = inpaint(pattern, method="wiener", kept=Steps(folder), progress=told.append)
        assert same(resumed, whole)
        assert len(solutions) == boxes + 1 - stop
        assert told == sorted(told)
        assert told[0] == stop / (boxes + 1)
        assert told[-1] == 1


def test_wiener_stopped_within_steps(pattern, tmp_path):
    """Again and again, every time a little later, until it is done."""
    told = []
    whole = inpaint(pattern, method="wiener", progress=told.append)
    most = len(told) // 3  # more than the longest step takes
    resumed, attempts = None, 0
    while resumed is None and attempts < 20:
        attempts += 1
        patience = iter(range(most))

        def progress(_, patience=patience):
            if next(patience, None) is None:
                raise Stopped

        with contextlib.suppress(Stopped):
            resumed = inpaint(pattern, method="wiener", kept=Steps(tmp_path), progress=progress)
    assert attempts > 3
    assert same(resumed, whole)


def test_the_network_stopped_after_a_step(pattern, solutions, network, tmp_path):
    steps = Steps(tmp_path / "whole")
    whole = inpaint(pattern, method="unet", stride=14, kept=steps)
    assert same(whole, inpaint(pattern, method="unet", stride=14))
    windows = network.shown // 2
    before = len(steps.saved) - steps.saved.count("windows")
    assert steps.saved == ["wiener"] * before + ["windows"] * (len(steps.saved) - before)
    assert steps.saved.count("windows") > 10
    for stop in (before, before + 6, len(steps.saved)):
        folder = tmp_path / str(stop)
        network.shown = 0
        with pytest.raises(Stopped):
            inpaint(pattern, method="unet", stride=14, kept=Steps(folder, stop))
        solutions.clear()
        assert same(inpaint(pattern, method="unet", stride=14, kept=Steps(folder)), whole)
        assert not solutions
        assert network.shown == windows


def test_a_stack_is_mixed_once(pattern, solutions, network, tmp_path, monkeypatch):
    """It is read again as a whole; what the network cannot reach is told again."""
    narrow = Predictor(network=network, device=torch.device("cpu"), depth=10, tile=16, widths=(1, 2))
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: narrow)
    with pytest.warns(SayreWarning, match="wider than the network's 2") as first:
        whole = inpaint(pattern, method="stack", kept=Steps(tmp_path))
    solutions.clear()
    network.shown = 0
    monkeypatch.setattr(stacking, "combine", None)
    with pytest.warns(SayreWarning, match="wider than the network's 2") as again:
        assert same(inpaint(pattern, method="stack", kept=Steps(tmp_path)), whole)
    assert [str(w.message) for w in again] == [str(w.message) for w in first]
    assert not solutions
    assert network.shown == 0


def test_a_kept_stack_has_the_copies_as_they_were_filled(pattern, tmp_path):
    made = stacking.stack_fill(pattern, None, None, kept=Steps(tmp_path))
    left = stacking.stack_fill(pattern, None, None, kept=Steps(tmp_path))
    np.testing.assert_array_equal(left.copies.mask, made.copies.mask)
    for name, at in (("gap", pattern.mask), ("hidden", made.copies.mask)):
        one, other = getattr(left, name), getattr(made, name)
        np.testing.assert_array_equal(one.log[at], other.log[at])
        np.testing.assert_array_equal(one.sigma[at], other.sigma[at])
    assert (left.names, left.beyond) == (made.names, made.beyond) == (["linear", "edges", "wiener"], 0)


def test_a_gap_that_hides_all_learnt_is_resumed_too(tmp_path):
    """No shifted copy fits: the standard error is a constant, and no solution is kept."""
    counts = np.random.default_rng(0).poisson(5, (12, 12)).astype(np.float32)
    mask = np.ones(counts.shape, bool)
    mask[5, 5] = False
    pattern = Pattern(intensity=np.where(mask, np.float32(0), counts), mask=mask, grid=Grid(step=(1.0, 1.0)))
    with pytest.raises(Stopped):
        inpaint(pattern, method="wiener", kept=Steps(tmp_path, 1))
    assert same(inpaint(pattern, method="wiener", kept=Steps(tmp_path)), inpaint(pattern, method="wiener"))


def test_a_short_filling_keeps_nothing(pattern, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "PATIENCE", 30.0)
    steps = Steps(tmp_path / "kept")
    inpaint(pattern, method="wiener", kept=steps)
    assert not steps.saved
    assert not (tmp_path / "kept").exists()
