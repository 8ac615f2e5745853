"""A gap closed by merging and by filling: what must hold at one exposure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.files import save
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.spatial import halves, merge
from sayre.studies.study import StudySettings


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*do not trust the result")
def test_merging_closes_a_gap_better_than_filling_where_counts_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "DOSES", (1e2,))
    monkeypatch.setattr(merge, "QUICK_FILLED", ("wiener",))
    z, y, x = np.ogrid[-28:28, -28:28, -28:28]
    r = np.maximum(0.55 * np.sqrt(x**2 + y**2 + z**2), 1e-3)
    sphere = np.random.default_rng(1).poisson(3e6 * ((np.sin(r) - r * np.cos(r)) / r**3) ** 2 * 9)
    measured = tmp_path / "peak.npz"
    save(
        measured,
        Pattern(
            intensity=sphere.astype(np.float32), mask=np.zeros(sphere.shape, bool), grid=Grid(step=(1.0,) * 3)
        ),
    )
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu", pattern=str(measured))
    result = function_of(STUDIES["merge-3d"])(settings, lambda fraction, note="": None)
    assert set(result.figures) == {"", "measured", "exposure"}

    def value(column: str, table: str = "", **where: Any) -> float:
        rows = [row for row in result.tables[table].records if all(row[k] == v for k, v in where.items())]
        assert len(rows) == 1
        return float(rows[0][column])

    for pattern in ("simulated", "measured"):
        errors = {
            name: value("log_error", pattern=pattern, method=name) for name in ("no gap", "merged", "wiener")
        }
        assert errors["no gap"] < errors["merged"] < 0.7 * errors["wiener"]
        assert value("sum_ratio", pattern=pattern, method="merged") == pytest.approx(1, abs=0.02)
    assert 0.6 < value("covered", pattern="simulated", method="merged") < 0.76
    for name in ("log_error", "phase_error"):  # half a voxel must be resampled
        resampled, rounded = (value(name, pattern="simulated", method=m) for m in ("resampled", "rounded"))
        assert resampled < 0.6 * rounded
    assert value("correlation", pattern="simulated", method="merged") > 0.999
    few = {m: value("log_error", "exposure", max_counts=1e2, method=m) for m in ("merged", "wiener")}
    assert few["wiener"] < few["merged"]  # the statistics of the pattern know more than a few photons


def test_intensities_are_moved_exactly() -> None:
    generator = np.random.default_rng(0)
    amplitude = generator.normal(size=(6, 7, 8)) + 1j * generator.normal(size=(6, 7, 8))
    whole = np.abs(amplitude) ** 2
    np.testing.assert_allclose(halves.moved(amplitude, (1, -2, 3)), np.roll(whole, (1, -2, 3), (0, 1, 2)))
    twice = halves.moved(amplitude, (0.5, 0, 0))
    assert twice.sum() == pytest.approx(whole.sum())
    assert not np.allclose(twice, whole)
