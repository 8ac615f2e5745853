import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from noise import counts_of_test
from sayre.cli import app
from sayre.data import Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.networks.published import PublishedNet
from sayre.networks.registry import read
from sayre.retrieval.learned.phase_features import first_voxel, target, window
from sayre.retrieval.learned.predictor import load_predictor
from sayre.retrieval.phasing import Watch, phase
from sayre.simulation.strained.testset import strained_crystal
from sayre.simulation.strained.voxels import VoxelPopulation, draw
from sayre.training.published.losses import coherent_average
from sayre.training.published.train import (
    AmplitudeSample,
    PublishedModule,
    PublishedTraining,
    training_pair,
)
from sayre.workflows.training.train_phase import AnyPhaseRun, PhaseRun, PublishedRun, amplitude_source

SMALL = """
network = "published"
dimensions = 2
width = 0.0625
batch = 2
steps = 2
epoch_steps = 1
validation_crystals = 1
workers = 0
threads = 1
precision = "32-true"
[population]
dimensions = 2
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What the command writes."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "config.toml").write_text(SMALL)
    arguments = ["train", "phase", str(folder / "config.toml"), "-o", str(folder), "--quiet"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return folder


def test_the_command_trains_and_its_weights_predict(trained):
    _, header = read(trained / "weights.safetensors")
    assert header["network"] == "published"
    assert header["training"]["adam_rate"] == 1e-4
    assert (trained / "metrics.csv").read_text().splitlines()[0] == "step,error,wca,wca_zero"
    assert json.loads((trained / "config.json").read_text())["width"] == 0.0625
    counts = amplitude_source(VoxelPopulation(dimensions=2))(np.random.default_rng(0)).counts
    predictor = load_predictor(trained / "weights.safetensors", 2)
    found = predictor.object(counts, torch.device("cpu"))
    assert found.dtype == np.complex64
    assert np.allclose(np.abs(np.fft.fftn(found)) ** 2, np.fft.ifftshift(counts), rtol=1e-3, atol=1e-2)
    with pytest.raises(InputError, match=r"published for 2D counts; .* shape or published for 3D"):
        load_predictor(trained / "weights.safetensors", 3)


def test_prediction_follows_counts_that_are_shifted_or_in_a_larger_array(trained):
    """The same phases at the same counts; what the network does not see is left out, and said."""
    cpu = torch.device("cpu")
    predictor = load_predictor(trained / "weights.safetensors", 2)
    counts = np.zeros((80, 80), np.float32)
    counts[20:60, 22:58] = np.random.default_rng(0).poisson(9, (40, 36))
    phase, kept = predictor.phase(counts, cpu)
    assert np.array_equal(kept, counts)
    again, _ = predictor.phase(np.roll(counts, (5, -4), (0, 1)), cpu)
    assert np.array_equal(np.roll(again, (-5, 4), (0, 1))[8:72, 8:72], phase[8:72, 8:72])
    small, _ = predictor.phase(counts[20:60, 22:58], cpu)
    assert np.array_equal(small, phase[20:60, 22:58])
    flat = np.ones((128, 128), np.float32)
    flat[64, 64] = 50
    with pytest.warns(SayreWarning, match=r"75\.0% of the counts lie outside"):
        _, kept = predictor.phase(flat * 0 + 1, cpu)
    assert kept.sum() == 64 * 64


@pytest.mark.filterwarnings("ignore:.*(do not trust|counts lie outside)")
def test_phase_retrieval_begins_with_the_object_it_predicts(trained):
    weights = trained / "weights.safetensors"
    made = strained_crystal(2, "0-1", 0)
    counts = counts_of_test(made.counts)
    pattern = Pattern(intensity=counts, mask=counts < 0, grid=Grid(step=(1.0, 1.0)))
    runs = []
    network = {"init": "network", "init_weights": str(weights)}
    found = phase(pattern, **network, recipe="ER*1", refine="none", runs=1, watch=Watch(on_run=runs.append))
    box = tuple(slice(f, f + n) for f, n in zip(found.origin, found.object.shape, strict=True))
    obj = load_predictor(weights, 2).object(counts[box], torch.device("cpu"))
    again = phase(pattern, init=obj, recipe="ER*1", refine="none", runs=1)
    np.testing.assert_array_equal(runs[0].object, again.runs[0].object)


def test_the_optimiser_is_adam_as_published():
    torch.manual_seed(0)
    config = PublishedTraining(dimensions=2, width=0.0625, validation_crystals=1)
    module = PublishedModule(config, PublishedNet(**config.options), [])
    made = module.configure_optimizers()
    theirs = PublishedNet(2, 0.0625)
    theirs.load_state_dict(module.network.state_dict())
    adam = torch.optim.Adam(theirs.parameters(), 1e-4, betas=(0.9, 0.999))
    seen = torch.rand(1, 64, 64)
    for _ in range(3):
        for network, optimizer in ((module.network, made["optimizer"]), (theirs, adam)):
            optimizer.zero_grad()
            network(seen).square().mean().backward()
            optimizer.step()
        made["lr_scheduler"]["scheduler"].step()
    for ours, other in zip(module.network.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(ours, other, atol=1e-7)


def test_the_network_learns_one_crystal():
    """A phase of 0 everywhere is left far behind: all between counts and loss is joined up."""
    scattered = amplitude_source(VoxelPopulation(dimensions=2, phase_range=(3.0, 6.0)))(
        np.random.default_rng(3)
    )
    seen, truth = (torch.from_numpy(part)[None] for part in training_pair(scattered, 64))
    torch.manual_seed(0)
    network = PublishedNet(2, 0.0625)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(20):
        optimizer.zero_grad()
        loss = 1 - coherent_average(network(seen), truth, seen).mean()
        loss.backward()
        optimizer.step()
    zero = float(coherent_average(torch.zeros_like(truth), truth, seen))
    assert float(loss.detach()) < 1 - zero - 0.15


def test_counts_and_amplitude_are_centred_together():
    """A pattern anywhere in a larger array gives the same sample, centred by its counts."""
    made = draw(VoxelPopulation(side=48, dimensions=2), np.random.default_rng(0))
    counts = (np.abs(made.amplitude) ** 2).astype(np.float32)
    seen, truth = training_pair(AmplitudeSample(counts, made.amplitude), 64)
    for at in ((0, 0), (-2, -25), (-31, -6)):
        wide = tuple(window(part, at, (96, 80)) for part in (counts, made.amplitude))
        again, same = training_pair(AmplitudeSample(*wide), 64)
        assert np.array_equal(again, seen)
        assert np.array_equal(same, truth)
    first = first_voxel(counts, 64)
    assert np.array_equal(truth, target(window(made.amplitude, first, (64, 64))))


def test_the_key_network_chooses(tmp_path):
    file = tmp_path / "c.toml"

    def chosen(text):
        file.write_text(text)
        return AnyPhaseRun.from_toml(file).root

    assert type(chosen("batch = 3")) is PhaseRun
    assert type(chosen('network = "shape"')) is PhaseRun
    assert type(chosen('network = "published"')) is PublishedRun
    for text, message in (
        ('network = "x"', "network must be 'shape' or 'published'"),
        ('network = "published"\nblocks = [1]', r"published\.blocks: Extra inputs"),
        ("bacht = 3", r"shape\.bacht: Extra inputs"),
        ('network = "published"\nside = 96', r"published\.side: .*multiple of 64"),
        (
            'network = "published"\ndimensions = 2',
            "population.dimensions: must be 2, as dimensions is, not 3",
        ),
    ):
        with pytest.raises(InputError, match=message):
            chosen(text)
