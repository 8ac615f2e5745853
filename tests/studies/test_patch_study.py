"""The study of the published patch network: accuracy, power law, and that it goes on where it stopped."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sayre import inpaint
from sayre.data import Grid, Pattern
from sayre.networks import build
from sayre.networks.layers import channels_last
from sayre.studies.patches import judged, study, training
from sayre.studies.patches.judged import Windows, windows_of
from sayre.studies.patches.rounds import Point, curve_of
from sayre.studies.patches.study import PARAMETERS, fitted
from sayre.studies.spatial.intensity import PUBLISHED
from sayre.studies.study import StudySettings

COMMITTED = Path(__file__).parents[2] / "docs" / "studies" / "quick"


def quick(folder, **more):
    told: list[float] = []
    settings = StudySettings(folder=folder, quick=True, device="cpu", **more)
    result = study.make(settings, lambda fraction, note="": told.append(fraction))
    assert told[-1] == pytest.approx(1)
    return settings, result


@pytest.fixture
def tiny(monkeypatch):
    """A step of one patch, twelve windows, and no more."""
    monkeypatch.setattr(training, "QUICK", training.Form(1, 1, 40, 2))
    monkeypatch.setattr(judged, "QUICK_WINDOWS", (40, 12))
    monkeypatch.setattr(study, "seconds_of_a_step", lambda settings: 3.6)


def test_training_goes_on_where_it_stopped_and_its_network_fills(tiny, tmp_path):
    settings, first = quick(tmp_path)
    _, second = quick(tmp_path)
    assert [point.steps for point in curve_of(settings, 6)] == [1, 2]
    before, after = (result.tables[""].records[0] for result in (first, second))
    assert (before["steps"], after["steps"]) == (1, 2)
    assert second.tables["curve"].records[0]["pearson"] == before["pearson"]
    left = training.STEPS - 2 / training.BATCH
    assert after["hours_left"] == pytest.approx(left * 3.6 / 3600)
    assert f"{PARAMETERS:,} parameters, published {PARAMETERS:,}" in second.summary
    ways = training.ways_of(settings, ("linear",), 6)
    assert list(ways) == ["linear", "patch"]
    assert list(training.ways_of(settings, ("linear",), 9)) == ["linear"]
    counts = np.random.default_rng(0).poisson(100.0, (40, 40, 40)).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 17:23] = True
    pattern = Pattern(intensity=np.where(mask, 0, counts), mask=mask, grid=Grid(step=(1.0,) * 3))
    filled = inpaint(pattern, device="cpu", **ways["patch"])
    assert np.isfinite(filled.intensity).all()
    assert filled.intensity[mask].std() > 0


def test_the_full_form_trains_a_hundred_epochs_of_a_network(tmp_path, monkeypatch):
    parts = []
    monkeypatch.setattr(study, "widths_of", lambda settings: (6,))
    monkeypatch.setattr(study, "windows_of", lambda settings, width: SimpleNamespace(linear=0.5))
    monkeypatch.setattr(study, "train_a_round", lambda *given: parts.append(given[-1]))
    monkeypatch.setattr(study, "seconds_of_a_step", lambda settings: 1.0)
    monkeypatch.setattr(study, "accuracy_figure", lambda *_, **__: None)
    study.make(StudySettings(folder=tmp_path, device="cpu"), lambda fraction, note="": None)
    assert len(parts) == training.EPOCHS
    assert (parts[0].high, parts[-1].high) == pytest.approx((0.9 / training.EPOCHS, 0.9))


def test_the_training_is_the_published_one():
    settings = StudySettings(folder=Path("x"), device="cpu")
    run = training.run_of(training.FULL, 9, training.STEPS, settings)
    assert (run.batch, run.adam_rate, run.schedule, run.weight_decay) == (32, 1e-3, "plateau", 0)
    assert run.steps * run.batch == pytest.approx(100 * 28_200, rel=1e-3)
    assert (run.windows.widths, run.windows.cross, run.windows.target) == ((9, 9), 0.2, "counts")
    assert training.widths_of(settings) == tuple(PUBLISHED)


def test_a_power_law_is_found_and_told_from_a_curve_that_does_not_fall():
    def curve(values):
        return [Point(n, n, 1.0, value) for n, value in values]

    before = [(2, -0.1), (5, 0.1)]  # a network that has learnt nothing yet
    law = fitted(curve([*before, *((n, 1 - 0.8 * n**-0.25) for n in (10, 100, 200, 400, 700))]))
    assert law is not None
    assert (law.factor, law.exponent) == pytest.approx((0.8, -0.25))
    assert law.patches(1 - 0.8 * 5000**-0.25) == pytest.approx(5000)
    assert fitted(curve((n, 0.6) for n in (100, 400))) is None
    assert fitted(curve((n, 1 - 0.8 * n**-0.25) for n in (100, 200, 300, 390))) is None
    assert fitted(curve((n, 0.9 - 1e-4 * n) for n in (100, 200, 300, 400))) is None


def test_the_score_is_the_mean_over_classes_of_the_correlation_in_the_gap():
    generator = np.random.default_rng(0)
    logs = generator.random((5, 32, 32, 32)).astype(np.float32)
    logs[3:] += 4  # two classes, of three and of two windows
    gap = np.zeros((32,) * 3, bool)
    gap[13:19] = True
    filled = logs + generator.random(logs.shape).astype(np.float32) * np.arange(5)[:, None, None, None]
    each = [np.corrcoef(a[gap], b[gap])[0, 1] for a, b in zip(filled, logs, strict=True)]
    windows = Windows(logs, gap)
    levels = logs.mean(axis=(1, 2, 3))
    classes = np.clip(np.digitize(levels, np.linspace(levels.min(), levels.max(), 21)) - 1, 0, 19)
    wanted = np.mean([np.mean(np.array(each)[classes == n]) for n in set(classes)])
    assert windows.score(filled) == pytest.approx(wanted)
    assert windows.score(logs) == pytest.approx(1)
    assert abs(windows.linear) < 0.1


def test_windows_have_their_gap_in_the_middle(tiny, tmp_path):
    windows = windows_of(StudySettings(folder=tmp_path, quick=True), 6)
    assert windows.logs.shape == (12, 32, 32, 32)
    assert np.flatnonzero(windows.gap.all(axis=(1, 2))).tolist() == [13, 14, 15, 16, 17, 18]
    assert 0.3 < windows.linear < 1


@pytest.mark.parametrize("kind", ["patch", "slab"])
def test_weights_of_any_rank_are_laid_out_with_channels_last(kind):
    network = channels_last(build(kind, **({"width": 16} if kind == "slab" else {})))
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.ndim in layouts:
            assert parameter.is_contiguous(memory_format=layouts[parameter.ndim])


def test_the_committed_curve_rises_and_is_below_the_published_accuracy():
    with open(COMMITTED / "patch-network-3d-curve.csv") as file:
        rows = list(csv.DictReader(file))
    steps, scores = ([float(row[key]) for row in rows] for key in ("steps", "pearson"))
    assert steps == sorted(steps)
    assert scores[0] < scores[-1] < PUBLISHED[6]
    with open(COMMITTED / "patch-network-3d.csv") as file:
        (row,) = csv.DictReader(file)
    assert float(row["share_of_published"]) < 1e-3
    assert float(row["hours_left"]) > 100
