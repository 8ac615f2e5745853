"""The strain that a gap feigns: what must hold of the quick form."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sayre.data import Crystal
from sayre.errors import InputError
from sayre.files import save
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.spatial.reference import INSIDE, measured, simulated
from sayre.studies.study import StudySettings


@pytest.fixture(scope="module")
def reference():
    return simulated(40, np.random.default_rng(1))


def test_counts_without_a_gap_and_noise_have_no_strain(reference):
    exact = reference.gradient(reference.object_of(reference.expected))
    assert np.nanmax(np.abs(exact)) < 1e-6
    assert 0 < np.nanstd(reference.gradient(reference.object_of(reference.counts))) < 1e-3


def test_the_derivative_is_that_of_a_ramp(reference):
    """A phase of 0.1 rad a voxel along axis 1 and another along axis 2, of which nothing is seen."""
    n = len(reference.support)
    _, y, x = np.mgrid[:n, :n, :n]
    ramp = reference.support * np.exp(1j * (0.1 * y - 0.3 * x))
    assert np.nanmin(reference.gradient(ramp)) == pytest.approx(0.1, rel=1e-4)
    assert np.nanmax(reference.gradient(ramp)) == pytest.approx(0.1, rel=1e-4)
    assert reference.strain_of(0.1) == pytest.approx(0.1 / (27.87 * reference.voxel))


def test_a_measured_object_is_sampled_as_finely_on_each_axis(tmp_path, reference):
    """A block of 8 × 12 × 10 voxels with a phase, which is dropped: its extents become those of a cube."""
    block = np.zeros((20, 20, 20), np.complex64)
    block[6:14, 4:16, 5:15] = np.exp(1j * np.linspace(0, 2, 10))
    save(tmp_path / "block.npz", Crystal(object=block, support=np.abs(block) > 0, voxel_size=(5.0,) * 3))
    found = measured(str(tmp_path / "block.npz"), 28, np.random.default_rng(0))
    assert [int(np.ptp(at)) + 1 for at in np.nonzero(found.support)] == pytest.approx([8, 8, 8], abs=1)
    assert found.voxel == pytest.approx(5 * 42 / 28)
    modulus = np.abs(found.object_of(found.expected))
    assert (modulus[found.support] >= 0.99 * INSIDE * modulus.max()).all()
    flat = Crystal(object=block[10], support=np.abs(block[10]) > 0)
    save(tmp_path / "flat.npz", flat)
    with pytest.raises(InputError, match="2D object"):
        measured(str(tmp_path / "flat.npz"), 28, np.random.default_rng(0))


def test_filling_takes_away_most_of_the_strain(tmp_path):
    """The thesis: about five times less than of an empty gap. Wider gaps feign more."""
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu")
    made = function_of(STUDIES["strain-3d"])(settings, lambda fraction, note="": None)
    rows = made.tables[""].records
    assert set(made.figures) == {"", "maps"}
    for row in rows:
        if row["method"] == "wiener":
            assert row["empty_over"] > 5
        if row["method"] == "linear":
            assert row["empty_over"] > 2
    empty = [row["phase_gradient_rmse"] for row in rows if row["method"] == "empty"]
    assert empty == sorted(empty)


def test_committed_results_are_below_those_of_the_thesis():
    """At every width the measured particle has an eighth of the strain of the empty gap at most."""
    with open(Path(__file__).parents[2] / "docs" / "studies" / "strain-3d.csv") as file:
        rows = list(csv.DictReader(file))
    assert {row["object"] for row in rows} == {"tetrahedron", "measured"}
    for row in rows:
        if row["method"] in ("wiener", "unet", "stack", "crystal") and row["object"] == "measured":
            assert float(row["empty_over"]) > 8
        if row["method"] in ("unet", "stack", "crystal"):
            assert float(row["empty_over"]) > 5
