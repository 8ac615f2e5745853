"""Counts predicted from their neighbours, against exact cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import gamma, poisson

from sayre.filling.network import predictor as predictors
from sayre.filling.network.predictor import Predictor
from sayre.networks.slab import SlabNet
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.spatial.denoising import lattices, with_count
from sayre.studies.study import StudySettings


@pytest.mark.parametrize(("few", "sets"), [(True, 2), (False, 8)])
def test_every_inner_voxel_is_hidden_once_and_never_with_a_neighbour(few, sets):
    found = list(lattices((6, 7, 8), few=few))
    assert len(found) == sets
    times = np.sum(found, axis=0)
    assert np.all(times[1:-1, 1:-1, 1:-1] == 1)
    assert times.sum() == 4 * 5 * 6
    for hidden in found:
        for axis in range(3):
            assert not (hidden & np.roll(hidden, 1, axis)).any()


@pytest.mark.parametrize(("mean", "sigma", "count"), [(2.0, 0.4, 5), (0.3, 0.2, 0), (40.0, 0.1, 30)])
def test_a_count_and_its_prediction_are_joined_as_bayes_does(mean, sigma, count):
    scatter = sigma * (1 + mean)
    shape = (mean / scatter) ** 2
    law = gamma(shape, scale=mean / shape)
    top = law.ppf(1 - 1e-12)
    moments = [
        quad(lambda x, k=k: x**k * law.pdf(x) * poisson.pmf(count, x), 0, top, limit=400)[0] for k in (0, 1)
    ]
    arrays = (np.array([x], np.float32) for x in (mean, sigma, count))
    assert float(with_count(*arrays)[0]) == pytest.approx(moments[1] / moments[0], rel=1e-4)


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_predictions_are_nearer_to_the_expectation_where_counts_are_few(tmp_path, monkeypatch):
    """By the first fill of a network that has not learnt anything."""
    network = SlabNet(width=4, blocks=(1, 1, 1)).eval()
    known = Predictor(network=network, device=torch.device("cpu"), depth=32, tile=16, widths=(1, 16))
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: known)
    told: list[float] = []
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu")
    result = function_of(STUDIES["denoise-3d"])(settings, lambda fraction, note="": told.append(fraction))
    assert told[-1] == pytest.approx(1)
    rows = result.tables[""].records
    ratios = {(row["low"], row["estimate"]): row["ratio"] for row in rows}
    for low in (0.5, 2.0):
        assert ratios[low, "unet"] < 0.9
        assert ratios[low, "unet and count"] < 0.9
    voxels = [row["voxels"] for row in rows if row["estimate"] == "counts"]
    assert sum(voxels) == 30**3
    objects = {row["counts"]: row["correlation"] for row in result.tables["phasing"].records}
    assert list(objects) == ["expectation", "counts", "unet and count"]
    assert all(0.3 < correlation <= 1 for correlation in objects.values())
