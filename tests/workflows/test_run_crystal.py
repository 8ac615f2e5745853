"""`sayre run --method crystal`: the phased crystal fills the gap, and is phased again with what fills it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import empty_pictures
from noise import counts_of_test
from sayre.crystal.scan import Scan
from sayre.detectors import masks
from sayre.files import load_filled
from sayre.filling.crystal import phases
from sayre.filling.settings import FillingSettings
from sayre.numerics.metrics import log_error
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.settings import Settings
from sayre.simulation.peak import simulate
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.progress import notebook_bar
from sayre.workflows.report.methods import methods
from sayre.workflows.run import RunJob

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*the displacement jumps at:sayre.errors.SayreWarning"),
    pytest.mark.filterwarnings("ignore:.*do not trust the result:sayre.errors.SayreWarning"),  # three starts
    pytest.mark.slow,
]

SIDE, NEAR = 40, 8
SETTINGS = Settings(runs=3, recipe="(HIO*20 + SW)**8, ER*40", refine="none")


def run(peak, folder, method):
    job = RunJob(
        input=InputFile(source=str(peak[0])),
        folder=folder,
        filling=FillingSettings(method=method),
        settings=SETTINGS,
        scan=Scan(lattice_constant=4.08, along=0),
    )
    return job.run()


@pytest.fixture(scope="module")
def peak(tmp_path_factory):
    """A peak with a cross of four voxels three and six voxels from it; expectation and object behind it."""
    crystal = simulate(
        "wulff",
        atoms=20_000,
        shape_px=SIDE,
        oversampling=3.0,
        max_counts=1e6,
        phase_range=1.0,
        generator=np.random.default_rng(0),
    )
    mask = masks.cross(crystal.pattern.shape, axes=(1, 2), starts=(23, 11), widths=(4, 4))
    path = tmp_path_factory.mktemp("run") / "peak.npz"
    counts = np.where(mask, 0, counts_of_test(crystal.pattern.intensity))
    np.savez(path, intensity=counts, mask=mask, grid_step=crystal.pattern.grid.step, hkl=(1, 1, 1))
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(crystal.amplitude))).astype(np.complex64)
    return path, mask, crystal.expectation, truth


@pytest.fixture(scope="module")
def by(peak, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        empty_pictures.empty(patch)
        return {
            method: run(peak, tmp_path_factory.mktemp(method), method)
            for method in ("unet", "crystal", "auto")
        }


def test_the_gap_beside_the_peak_is_filled_better_than_by_the_network(peak, by):
    _, mask, expected, _ = peak
    distance = np.sqrt(sum((axis - SIDE // 2) ** 2 for axis in np.indices(mask.shape)))
    near = mask & (distance < NEAR)
    assert near.sum() > 100
    error = {name: log_error(one.pattern.intensity[near], expected[near]) for name, one in by.items()}
    assert error["crystal"] < 0.7 * error["unet"]  # how much better depends on the starts
    apart = np.abs(np.log1p(by["crystal"].pattern.intensity) - np.log1p(expected))[near]
    assert np.mean(apart < 2 * by["crystal"].pattern.sigma[near]) > 0.85


def test_the_crystal_found_is_no_worse(peak, by):
    truth = peak[3]
    found = {}
    for name, one in by.items():
        obj = one.result.phased.object
        found[name] = correlation(align(obj, truth), truth)
    assert found["crystal"] > 0.95
    assert found["crystal"] > found["unet"] - 0.005


def test_the_folder_says_what_filled(by):
    outcome = by["crystal"]
    filled = load_filled(outcome.folder / "filled.npz")
    assert filled.method == "crystal + stack of linear, edges, wiener, unet"
    assert outcome.manifest.config["method"] == "crystal"
    assert outcome.manifest.weights
    assert not (outcome.folder / "runs").exists()


def test_by_default_the_crystal_fills_what_is_handed_back_and_is_not_phased_again(peak, by):
    _, mask, expected, _ = peak
    outcome, named = by["auto"], by["crystal"]
    np.testing.assert_array_equal(outcome.pattern.intensity, named.pattern.intensity)
    assert (
        load_filled(outcome.folder / "filled.npz").method == "crystal + stack of linear, edges, wiener, unet"
    )
    assert outcome.result.phased.pattern.method == "stack of linear, edges, wiener, unet"
    assert outcome.manifest.config["method"] == "auto"
    assert "were filled by the method stack of" in methods(outcome).text
    assert "in the end by the counts that the crystal is expected to scatter" in methods(outcome).text
    error = {name: log_error(one.pattern.intensity[mask], expected[mask]) for name, one in by.items()}
    assert error["auto"] < error["unet"]


def test_what_was_phased_is_handed_back_where_starts_differ_or_a_method_was_asked(by):
    outcome = by["auto"]
    phased = outcome.result.phased
    job = RunJob(input=InputFile(source="peak.npz"), folder=outcome.folder)
    doubtful = replace(outcome.result, phased=replace(phased, agreement=0.5))
    counts, filled = outcome.pattern.pattern, outcome.pattern
    assert job._by_crystal(counts, filled, doubtful, notebook_bar) is filled
    asked = replace(job, filling=FillingSettings(method="wiener"))
    assert asked._by_crystal(counts, filled, outcome.result, notebook_bar) is filled
    assert (
        job._by_crystal(filled, filled, outcome.result, notebook_bar) is filled
    )  # filled by another command


@pytest.mark.usefixtures("without_pictures")
def test_a_run_stopped_while_the_crystal_fills_resumes_to_the_same(peak, by, tmp_path, monkeypatch):
    made = []

    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    retrieve = phases.retrieve

    def counting(*arguments, **options):
        made.append(1)
        return retrieve(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(phases, "best_model", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(peak, tmp_path / "out", "crystal")
    assert not (tmp_path / "out" / "filled.npz").exists()
    monkeypatch.setattr(phases, "retrieve", counting)
    again, whole = run(peak, tmp_path / "out", "crystal"), by["crystal"]
    np.testing.assert_array_equal(again.pattern.intensity, whole.pattern.intensity)
    np.testing.assert_array_equal(again.pattern.sigma, whole.pattern.sigma)
    np.testing.assert_array_equal(again.result.phased.object, whole.result.phased.object)
    assert not made  # the starts were kept
