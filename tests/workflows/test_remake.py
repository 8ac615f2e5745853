"""The manifest of a file makes the file again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sayre import FilledPattern, Manifest, Pattern, SayreWarning, Settings
from sayre.crystal.geometry import Geometry
from sayre.crystal.scan import Scan
from sayre.detectors import masks
from sayre.filling.settings import FillingSettings
from sayre.simulation.peak import simulate
from sayre.workflows.fill import FillJob, method_of
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import build, config_of
from sayre.workflows.phase import PhaseJob
from sayre.workflows.run import RunJob
from sayre.workflows.training.train import TrainInpaintJob


def geometry(**changes):
    known = {"energy": 9000.0, "distance": 0.5, "pixel_size": (55e-6, 55e-6), "rocking_step": 0.005}
    return Geometry.at("34idc", angles=(32.0, 12.0), rocking_axis="y+", **(known | changes))


INPUT = InputFile(source="a.h5::/entry/data", mask=("mask.npy", "b.npz::hot"), crop=64)
SCANS = [
    Scan(geometry=geometry(), hkl=(1, 1, -1), lattice_constant=4.08),
    Scan(geometry=geometry(row=(0.0, -1.0, 0.0), binning=(1, 2, 2))),
    Scan(hkl=(2, 0, 0), along=1),
]
JOBS = [
    FillJob(input=INPUT, output=Path("b.npz"), filling=FillingSettings(method="unet", stride=4)),
    FillJob(input=InputFile(source="a.npz", flat="white.h5::/w", dark="none"), output=Path("b.npz")),
    TrainInpaintJob(config=Path("c.toml"), resume=Path("runs/last.ckpt")),
    *(PhaseJob(input=INPUT, output=Path("b"), settings=Settings(binning=(1, 2, 2)), scan=s) for s in SCANS),
    *(RunJob(input=INPUT, folder=Path("b"), settings=Settings(smoothing=(3.0, 1.0)), scan=s) for s in SCANS),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_is_made_again_from_what_json_holds(job):
    config = json.loads(json.dumps(config_of(job)))
    place = {name: getattr(job, name) for name in ("output", "folder") if hasattr(job, name)}
    again = build(type(job), config | place)
    assert again == job
    assert hash(again) == hash(job)


@pytest.fixture(scope="module")
def peak(tmp_path_factory):
    path = tmp_path_factory.mktemp("remake") / "peak.npz"
    counts = simulate(
        "cube", atoms=5_000, shape_px=24, threads=1, generator=np.random.default_rng(0)
    ).pattern.intensity
    np.savez(path, data=counts, mask=masks.plane(counts.shape, 1, 15, 3))
    return path


def test_the_manifest_of_a_filled_file_makes_it_again(peak, tmp_path):
    first = FillJob(input=InputFile(source=str(peak)), output=tmp_path / "a.npz")
    first.run()
    with np.load(tmp_path / "a.npz") as file:
        arrays = {name: file[name] for name in ("intensity", "sigma", "mask", "method")}
        manifest = Manifest.from_json(str(file["manifest"]))
    again = build(FillJob, manifest.config | {"output": tmp_path / "b.npz"})
    again.run()
    with np.load(tmp_path / "b.npz") as file:
        for name, array in arrays.items():
            np.testing.assert_array_equal(file[name], array)


def test_corrected_counts_are_made_again(peak, tmp_path):
    """The manifest says what was done to the counts, and names the files of it with their SHA-256."""
    gains = np.linspace(0.8, 1.2, 24 * 24).reshape(24, 24)
    with np.load(peak) as file:
        np.savez(tmp_path / "a.npz", data=file["data"], mask=file["mask"], bad=np.eye(24))
    np.save(tmp_path / "white.npy", 1e5 * gains)
    source = InputFile(source=str(tmp_path / "a.npz"), flat=str(tmp_path / "white.npy"))
    job = FillJob(input=source, output=tmp_path / "b.npz", filling=FillingSettings(method="linear"))
    with pytest.warns(SayreWarning, match="counts divided by white.npy .*; 24 bad masked"):
        job.run()
    with np.load(tmp_path / "b.npz") as file:
        first, manifest = file["intensity"], Manifest.from_json(str(file["manifest"]))
    assert manifest.corrections == "counts divided by white.npy (relative response 0.8 to 1.2); 24 bad masked"
    assert set(manifest.inputs) == {"a.npz", "white.npy"}
    with pytest.warns(SayreWarning):
        build(FillJob, manifest.config | {"output": tmp_path / "c.npz"}).run()
    with np.load(tmp_path / "c.npz") as file:
        np.testing.assert_array_equal(file["intensity"], first)


def test_a_method_that_left_a_part_to_another_is_an_option_again():
    counts, mask = np.ones((4, 4), np.float32), np.eye(4, dtype=bool)
    pattern = Pattern.from_counts(counts, mask)
    sigma = np.where(mask, np.float32(0.1), np.float32(0))
    for method, option in (
        ("unet + wiener", "unet"),
        ("stack of linear, edges, wiener", "stack"),
        ("wiener", "wiener"),
        ("linear", "linear"),
    ):
        filled = FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method=method)
        assert FillingSettings(method=method_of(filled)).method == option
