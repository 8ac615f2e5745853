"""Phase retrieval with a gap: its objects, and what must hold of a small form of the study."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sayre.data import Crystal
from sayre.files import save
from sayre.numerics.fourier import to_detector
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.spatial import retrieval
from sayre.studies.spatial.reference import PHASE_RANGE, cross_of, measured, strained
from sayre.studies.study import StudySettings


@pytest.fixture(scope="module")
def crystal():
    return strained(32, np.random.default_rng(1))


def test_an_added_displacement_is_the_error_found(crystal):
    """A phase of 0.05 rad a voxel along axis 1 is a strain, and a phase of ±0.3 rad a displacement."""
    n = len(crystal.support)
    _, y, _ = np.mgrid[:n, :n, :n]
    assert np.nanmax(np.abs(crystal.gradient(crystal.truth))) < 1e-6
    found = crystal.gradient(crystal.truth * np.exp(0.05j * y))
    np.testing.assert_allclose(found[np.isfinite(found)], 0.05, rtol=1e-4)
    turned = crystal.phase_error(crystal.truth * np.exp(0.3j * np.sign(y - n // 2)) * 1j)
    assert np.ptp(turned[crystal.support]) == pytest.approx(0.6)
    assert crystal.displacement_of(0.3) == pytest.approx(100 * 0.3 * 2.3548 / (2 * np.pi), rel=1e-3)


def test_the_strained_crystal_has_the_phases_asked_for(crystal):
    inside = np.angle(crystal.truth)[crystal.support]
    assert 0.7 * PHASE_RANGE < np.ptp(inside) < 1.3 * PHASE_RANGE


def test_what_surrounds_a_measured_object_does_not_scatter_unless_it_is_sharp(tmp_path):
    block = np.zeros((20, 20, 20), np.complex64)
    block[6:14, 4:16, 5:15] = 1
    halo = np.where(block == 0, 0.1, block).astype(np.complex64)
    pair = {}
    for name, obj in {"bare": block, "halo": halo}.items():
        save(tmp_path / f"{name}.npz", Crystal(object=obj, support=block != 0))
        of = [
            measured(str(tmp_path / f"{name}.npz"), 28, np.random.default_rng(0), sharp=sharp).field
            for sharp in (False, True)
        ]
        pair[name] = of
    np.testing.assert_allclose(pair["bare"][0], pair["halo"][0], atol=1e-3)
    assert np.abs(pair["bare"][1] - pair["halo"][1]).max() > 10
    modulus = measured(str(tmp_path / "bare.npz"), 28, np.random.default_rng(0), sharp=False).truth
    np.testing.assert_allclose(to_detector(modulus), pair["bare"][0], atol=1e-3)


def test_bounds_from_a_filling_take_away_most_of_the_strain(tmp_path, monkeypatch):
    """A gap as zeros is the worst, and filled and bounded it is far better; no gap is best."""
    for name, value in {"QUICK_SIDE": 32, "QUICK_SEEDS": 1, "QUICK_RUNS": 2}.items():
        monkeypatch.setattr(retrieval, name, value)
    told: list[float] = []
    made = function_of(STUDIES["retrieval-3d"])(
        StudySettings(folder=tmp_path, quick=True, device="cpu"),
        lambda fraction, note="": told.append(fraction),
    )
    assert told[-1] == pytest.approx(1)
    assert set(made.figures) == {"", "maps"}
    rows = {(row["gap"], row["method"]): row for row in made.tables[""].records}
    assert set(rows) == {
        ("no gap", ""),
        ("zeros", ""),
        ("free", ""),
        ("hard", "wiener"),
        ("bounded", "wiener"),
    }
    for key in ("phase_gradient_rmse", "displacement_pm"):
        none, zeros, bounded = (
            rows[gap, method][key] for gap, method in (("no gap", ""), ("zeros", ""), ("bounded", "wiener"))
        )
        assert none < bounded < zeros / 2
    for run in made.tables["runs"].records:
        row = rows[run["gap"], run["method"]]
        assert row["phase_gradient_rmse"] == run["phase_gradient_rmse"]
        if row["gap_width"]:
            of_zeros = rows["zeros", ""]["phase_gradient_rmse"] / row["phase_gradient_rmse"]
            assert row["empty_over"] == pytest.approx(of_zeros)
            of_free = rows["free", ""]["phase_gradient_rmse"] / row["phase_gradient_rmse"]
            assert row["masked_over"] == pytest.approx(of_free)


def test_planes_of_the_cross_begin_beside_the_peak():
    mask = cross_of(20, 3)
    assert np.flatnonzero(mask.all(axis=(0, 2))).tolist() == [14, 15, 16]
    np.testing.assert_array_equal(mask, mask.transpose(0, 2, 1))


def test_committed_results_are_below_masked_phasing_where_gaps_are_wide():
    """Filled and bounded, at 9 and 12 voxels by every method; the aim of eight is reached up to 6."""
    with open(Path(__file__).parents[2] / "docs" / "studies" / "retrieval-3d.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["gap"] == "bounded"]
    assert {row["object"] for row in rows} == {"strained", "measured"}
    for row in rows:
        width, empty, masked = int(row["gap_width"]), float(row["empty_over"]), float(row["masked_over"])
        if width >= 9:
            assert masked > 1
        if width == 3 or (width == 6 and row["method"] == "stack"):
            assert empty > 8
