"""Weights that are registered reproduce their sample, and become the default of their task."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest

from sayre.data.manifest import sha256_of
from sayre.filling.network import predictor as filling
from sayre.networks import registry
from sayre.retrieval.learned import predictor as learned
from sayre.workflows.training import register

FOLDER = registry.FOLDER
SHIPPED = registry.registry()
CLEARED = (registry.registry, learned.load_predictor)


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A copy of the registry that may be written to, in place of the one that ships."""
    for module in (registry, register):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
        monkeypatch.setattr(module, "REGISTRY", tmp_path / "registry.toml")
    shutil.copy(FOLDER / "registry.toml", tmp_path)
    _clear()
    yield tmp_path
    monkeypatch.undo()
    _clear()


def _clear():
    for function in CLEARED:
        function.cache_clear()


@pytest.mark.parametrize(("task", "dimensions"), [("inpaint", 3), ("shape", 2)])
def test_registered_weights_are_the_default_and_reproduce_their_sample(room, task, dimensions, monkeypatch):
    known = registry.default(task, dimensions)
    assert known is not None
    training, validation = {"steps": 7, "data": "simulated"}, {"ratio at 6": 0.5}
    for name, content in (("training", training), ("validation", validation)):
        (room / f"{name}.json").write_text(json.dumps(content))
    told = ["--training", room / "training.json", "--validation", room / "validation.json"]
    arguments = [FOLDER / known.file, "--name", "new-1", "--summary", "the “new” one", *told]
    monkeypatch.setattr(sys, "argv", ["register", *map(str, arguments), "--sigma-scale", "0.9"])
    register.main()
    _clear()
    row = registry.default(task, dimensions)
    assert row is not None
    assert (row.name, row.summary) == ("new-1", "the “new” one")
    assert (row.training, row.validation) == (training, validation)
    assert row.sha256 == sha256_of(room / "new-1.safetensors")
    assert row.sigma_scale == (0.9 if task == "inpaint" else 1.0)
    others = {name: other for name, other in registry.registry().items() if name != "new-1"}
    assert others.keys() == SHIPPED.keys()
    assert [name for name, other in others.items() if other.default != SHIPPED[name].default] == [known.name]
    assert (learned if task == "shape" else filling).verify_sample(row) < 0.02
    before, after = registry.read(FOLDER / known.file)[0], registry.read(row.path, row.sha256)[0]
    for name, tensor in before.items():
        scale = tensor.abs().max().item()
        np.testing.assert_allclose(after[name], tensor, atol=scale / 127)
