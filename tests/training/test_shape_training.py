"""Training of the shape network on planned crystals."""

import numpy as np
import pytest
import torch

from sayre.errors import InputError
from sayre.networks import registry
from sayre.networks.shape import ShapeNet
from sayre.retrieval.learned.shape_features import features, features_of_many
from sayre.simulation.strained.testset import strained_crystal
from sayre.training.crystals import begin_from
from sayre.workflows.training.train_phase import AnyPhaseRun, train_phase

TINY = """
dimensions = 3
side = 32
width = 8
batch = 2
steps = 4
epoch_steps = 2
warm_up = 1
validation_crystals = 2
workers = 0
precision = "32-true"
[wide]
side = 32
[disturbances]
"""


def test_features_of_many_are_those_of_each():
    counts = np.stack([strained_crystal(3, strain, 0).counts for strain in ("0-1", "4-8")])
    together = features_of_many(torch.from_numpy(counts)).numpy()
    for one, row in zip(counts, together, strict=True):
        assert np.abs(features(one, 64) - row).max() < 0.02


def test_a_deeper_network_begins_as_the_one_it_is_made_from():
    torch.manual_seed(0)
    small, deep, wide = ShapeNet(3, 8, (1, 1)), ShapeNet(3, 8, (2, 3)), ShapeNet(3, 16, (1, 1))
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    begin_from(deep, small.state_dict())
    lags = torch.randn(1, 3, 16, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(deep(lags), small(lags))
    for other, tensors in ((wide, small.state_dict()), (small, deep.state_dict())):
        with pytest.raises(InputError, match="initial: holds the weights of another network"):
            begin_from(other, tensors)


def test_planned_crystals_train_a_network(tmp_path):
    (tmp_path / "c.toml").write_text(TINY)
    run = AnyPhaseRun.from_toml(tmp_path / "c.toml").root
    files = [train_phase(run, tmp_path / name) for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    header = registry.read(files[0])[1]
    assert header["training"]["wide"]["correlated"] > 0


@pytest.mark.parametrize("change", ["side = 64", "dimensions = 2"])
def test_a_wide_population_of_another_size_is_refused(tmp_path, change):
    (tmp_path / "c.toml").write_text(f"dimensions = 3\nside = 32\n[wide]\n{change}\n")
    with pytest.raises(InputError, match="wide: its crystals have 3 dimensions"):
        AnyPhaseRun.from_toml(tmp_path / "c.toml")
