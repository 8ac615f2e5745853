"""Fine-tuning at the smallest scale: it does not hurt, and says what it costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sayre.filling import tuning
from sayre.filling.network import predictor as predictors
from sayre.filling.network.predictor import Predictor
from sayre.networks.slab import SlabNet
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.study import StudySettings


@pytest.fixture
def small_network(monkeypatch):
    """A network that has not learnt anything, in place of the one that ships: it gives the first fill."""
    torch.manual_seed(0)
    network = SlabNet(width=16, blocks=(1, 1, 1)).eval()
    known = Predictor(network=network, device=torch.device("cpu"), depth=32, tile=48, widths=(1, 16))
    for module in (predictors, tuning):
        monkeypatch.setattr(module, "load_predictor", lambda *_: known)


def test_a_filling_is_not_worse_after_fine_tuning(tmp_path, monkeypatch, small_network):
    monkeypatch.setattr(tuning, "RATE", 3e-3)
    monkeypatch.setattr(tuning, "SCENES", 1)
    told: list[float] = []
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu")
    result = function_of(STUDIES["fine-tune-3d"])(settings, lambda fraction, note="": told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    (training,) = result.tables["training"].records
    assert training["after"] <= training["before"]
    assert training["steps"] == 8
    assert training["seconds"] > 0
    assert training["improved"] == (training["before"] - training["after"] > 2 * training["uncertainty"])
    rows = {(row["method"], row["network"]): row for row in result.tables[""].records}
    for method in ("unet", "stack"):
        given, tuned = (rows[method, network] for network in ("given", "tuned"))
        assert tuned["log_error"] < 1.02 * given["log_error"]
        assert abs(tuned["covered_1"] - given["covered_1"]) < 0.05
        if not training["improved"]:
            assert tuned == {**given, "network": "tuned"}
    assert np.isfinite([row["ratio"] for row in rows.values()]).all()
    assert set(result.figures) == {"", "training"}
