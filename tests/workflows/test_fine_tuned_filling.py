"""`sayre inpaint --fine-tune`: what is printed, written and kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sayre import inpaint, load, load_filled, save
from sayre.cli import main
from sayre.data import Grid, Pattern
from sayre.data.option import SettingError
from sayre.errors import InputError, SayreWarning
from sayre.files.manifests import manifest_in
from sayre.filling import tuning
from sayre.filling.network.predictor import load_predictor
from sayre.networks.registry import read, write
from sayre.networks.slab import SlabNet
from sayre.workflows.fill import FillJob
from sayre.workflows.jobs.input_file import InputFile

SIDE = 36


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Counts of two in the mean with a gap of four, and weights that fill the gap half as bright again."""
    folder = tmp_path_factory.mktemp("tuned")
    counts = np.random.default_rng(0).poisson(2.0, (SIDE,) * 3).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 21:25] = True
    save(folder / "scan.npz", Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * 3)))
    torch.manual_seed(0)
    network = SlabNet(width=4, blocks=(1, 1, 1))
    with torch.no_grad():
        network.head.bias[:32] += 0.3
    header = {
        "network": "slab",
        "options": {"width": 4, "blocks": [1, 1, 1]},
        "window": [32, 16, 16],
        "baseline": "wiener",
        "widths": [1, 8],
    }
    write(folder / "given.safetensors", network.state_dict(), header)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tuning, "SCENES", 1)
    monkeypatch.setattr(tuning, "STEPS", 16)
    monkeypatch.setattr(tuning, "RATE", 0.03)


def _arguments(files: Path, output: Path, *more: str) -> list[str]:
    weights = str(files / "given.safetensors")
    return ["inpaint", str(files / "scan.npz"), "-o", str(output), "--weights", weights, "--fine-tune", *more]


def test_errors_are_printed_and_weights_that_are_saved_fill_the_same(files, tmp_path, capsys):
    output, weights = tmp_path / "filled.npz", tmp_path / "tuned.safetensors"
    assert main(_arguments(files, output, "--save-weights", str(weights), "--method", "unet")) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "fine-tuning: held-back error" in shown
    assert "16 steps" in shown
    config = manifest_in(output)["config"]
    found = config["fine_tuning"]
    assert found["improved"]
    assert found["after"] < found["before"] - 0.05
    assert config["fine_tune"] is True
    assert "save_weights" not in config
    filled = load_filled(output)
    same = inpaint(load(files / "scan.npz"), method="unet", weights=str(weights))
    np.testing.assert_array_equal(filled.intensity, same.intensity)
    np.testing.assert_array_equal(filled.sigma, same.sigma)
    assert read(weights)[1]["fine_tuning"]["before"] == found["before"]
    assert not output.with_name("filled.npz.runs").exists()


def test_what_was_found_is_kept_and_found_again(files, tmp_path, monkeypatch):
    """Stopped while the gaps are filled, the same command does not train again."""
    from sayre.filling import fill

    job = FillJob(
        input=InputFile(source=str(files / "scan.npz")),
        output=tmp_path / "filled.npz",
        filling=fill.FillingSettings(method="unet", weights=str(files / "given.safetensors")),
        fine_tune=True,
    )
    whole = job.run()
    job.output.unlink()

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fill, "_by_network", stopped)
        with pytest.raises(KeyboardInterrupt):
            job.run()
    assert (job.folder / "tuned.checkpoint").is_file()

    def not_again(*_):
        raise AssertionError

    monkeypatch.setattr(tuning, "_train", not_again)
    again = job.run()
    assert again.tuned.record == json.loads(json.dumps(again.tuned.record))
    assert again.tuned.before == whole.tuned.before
    np.testing.assert_array_equal(again.filled.intensity, whole.filled.intensity)
    assert not job.folder.exists()


def test_weights_that_did_not_get_better_are_not_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "SURE", 1e6)
    output, weights = tmp_path / "filled.npz", tmp_path / "tuned.safetensors"
    given = str(files / "given.safetensors")
    settings = tuning.FillingSettings(method="unet", weights=given)
    job = FillJob(
        input=InputFile(source=str(files / "scan.npz")),
        output=output,
        filling=settings,
        fine_tune=True,
        save_weights=weights,
    )
    with pytest.warns(SayreWarning, match="is not written"):
        found = job.run()
    assert not weights.exists()
    as_given = inpaint(load(files / "scan.npz"), network=load_predictor(given, "cpu"), method="unet")
    np.testing.assert_array_equal(found.filled.intensity, as_given.intensity)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--method", "linear"), "asks no network"),
        (("--save-weights", "tuned.npz"), "safetensors"),
        (("--save-weights", "given"), "exists"),
    ],
)
def test_faults_are_told_and_nothing_is_written(files, tmp_path, capsys, more, told):
    given = str(files / "given.safetensors")
    arguments = _arguments(files, tmp_path / "filled.npz", *(given if a == "given" else a for a in more))
    assert main(arguments) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_weights_are_saved_of_fine_tuning_alone(files, tmp_path):
    with pytest.raises(SettingError, match="fine_tune"):
        FillJob(
            input=InputFile(source=str(files / "scan.npz")),
            output=tmp_path / "filled.npz",
            save_weights=tmp_path / "a.safetensors",
        )
    assert issubclass(SettingError, InputError)
