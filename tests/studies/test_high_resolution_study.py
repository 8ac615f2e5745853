"""Large patterns with a gap at high q: the crystal on voxels, and what must hold of a small pattern."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.spatial import high_resolution
from sayre.studies.spatial.faceted import OVERSAMPLING, PHASE_RANGE, faceted
from sayre.studies.study import StudySettings


def test_the_crystal_has_its_size_facets_phase_and_counts():
    made = faceted(64, 1e6, np.random.default_rng(1))
    where = np.argwhere(made.support)
    assert np.ptp(where, axis=0).max() + 1 == pytest.approx(64 / OVERSAMPLING, abs=1.5)
    assert np.ptp(np.angle(made.object[made.support] * np.exp(-1j * 0))) < 2 * PHASE_RANGE
    intensity = np.abs(made.field) ** 2
    assert np.unravel_index(int(intensity.argmax()), intensity.shape) == (32, 32, 32)
    assert intensity.max() == pytest.approx(1e6, rel=1e-4)
    reach = where @ made.normals.T
    planes = reach.max(axis=0)
    inside = np.all(np.argwhere(np.ones_like(made.support)) @ made.normals.T <= planes + 1e-9, axis=1)
    assert inside.sum() == pytest.approx(made.support.sum(), rel=0.1)
    outside = np.abs(made.object[~made.support])
    assert outside.max() < 0.6 * np.abs(made.object).max()


def test_zeros_at_high_q_blur_the_surface_and_feign_strain(tmp_path, monkeypatch):
    monkeypatch.setattr(high_resolution, "QUICK_SIDES", (64,))
    monkeypatch.setattr(high_resolution, "FIRST", 32)
    told: list[float] = []
    made = function_of(STUDIES["high-resolution-3d"])(
        StudySettings(folder=tmp_path, quick=True, device="cpu"),
        lambda fraction, note="": told.append(fraction),
    )
    assert told[-1] == pytest.approx(1)
    assert set(made.figures) == {"", "slices"}
    rows = {row["gap"]: row for row in made.tables[""].records}
    assert list(rows) == ["no gap", "zeros", "free", "wiener"]
    for name in ("free", "wiener"):
        ours, worst, best = rows[name], rows["zeros"], rows["no gap"]
        assert worst["field_correlation_in_gap"] < ours["field_correlation_in_gap"]
        assert ours["field_correlation_in_gap"] < best["field_correlation_in_gap"]
        assert worst["phase_gradient_rmse"] > ours["phase_gradient_rmse"] > best["phase_gradient_rmse"]
        assert worst["edge_width"] > ours["edge_width"]
    for row in rows.values():
        assert row["prtf"] == pytest.approx(2, abs=0.1)
        assert 0.5 < row["edge_width"] < 2


def test_patterns_for_which_there_is_no_time_are_left_out(tmp_path, monkeypatch):
    """A clock that a pattern of 64³ takes a second of, and others as they have voxels."""
    now = [0.0]

    def size(side, settings, part):
        now[0] += (side / 64) ** 3
        return [(side, *[None] * (len(high_resolution.COLUMNS) - 1))], [], []

    monkeypatch.setattr(high_resolution, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(high_resolution, "SIDES", (64, 96, 128, 256))
    monkeypatch.setattr(high_resolution, "_size", size)
    for name in ("resolution_figure", "slices_figure", "_summary"):
        monkeypatch.setattr(high_resolution, name, lambda drawn: None)
    for minutes, sides in ((0, [64]), (10, [64, 96]), (20, [64, 96, 128])):
        now[0] = 0.0
        settings = StudySettings(folder=tmp_path, device="cpu", until=minutes)
        made = high_resolution.make(settings, lambda fraction, note="": None)
        assert [row["side"] for row in made.tables[""].records] == sides
