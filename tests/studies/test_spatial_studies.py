"""The 3D studies at the smallest scale that shows what must hold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from quick_studies import quick

from sayre.data import Grid, Pattern
from sayre.files import save
from sayre.studies.spatial import stride as of_strides


def values(result, column, **where):
    rows = [row for row in result.tables[""].records if all(row[k] == v for k, v in where.items())]
    assert rows
    return np.array([row[column] for row in rows], float)


@pytest.mark.filterwarnings("ignore:.*do not trust the result")
def test_zeros_spoil_the_object_and_the_counts_in_the_gap(tmp_path):
    result = quick(tmp_path, "gap-3d")
    best, zeros, masked, filled = (
        values(result, "correlation", gap=gap)[0] for gap in ("no gap", "zeros", "masked", "filled")
    )
    assert zeros < min(masked, filled) < best
    sums = {gap: values(result, "gap_sum_ratio", gap=gap)[0] for gap in ("no gap", "zeros", "filled")}
    assert sums["no gap"] == pytest.approx(1, abs=0.1)
    assert sums["filled"] == pytest.approx(1, abs=0.3)
    assert sums["zeros"] < 0.5


def test_methods_are_scored_on_what_the_gap_hides_of_a_measured_pattern_too(tmp_path, crystal_pattern):
    place = tmp_path / "peak.npz"
    save(place, crystal_pattern)
    result = quick(tmp_path, "methods-3d", pattern=str(place))
    assert set(result.figures) == {"", "measured", "scores"}
    for name in ("simulated", "measured"):
        assert values(result, "ratio", pattern=name, method="linear") == pytest.approx(1)
        assert values(result, "ratio", pattern=name, method="wiener") < 0.8
    assert np.all(values(result, "floor", pattern="measured") > 0)
    limits = {
        method: values(result, "pearson_counts", method=method)[0] for method in ("band", "expectation")
    }
    others = values(result, "pearson_counts", pattern="simulated", method="wiener")
    assert others < limits["expectation"]
    assert limits["band"] < limits["expectation"]


@pytest.mark.slow
def test_no_filling_correlates_with_the_counts_as_the_truth_does(tmp_path):
    for name, column in (("intensity-3d", "pearson"), ("oversampling-3d", "pearson")):
        result = quick(tmp_path, name)
        for width in {row["gap_width"] for row in result.tables[""].records}:
            means = {
                method: values(result, column, gap_width=width, method=method).mean()
                for method in ("linear", "wiener", "expectation")
            }
            assert means["linear"] < means["wiener"] < means["expectation"]
            band = values(result, column, gap_width=width, method="band")
            assert means["linear"] < band.mean() < means["expectation"]
            assert values(result, "pearson_expected", gap_width=width, method="expectation") == pytest.approx(
                1
            )
        if name == "oversampling-3d":
            open_at = [values(result, "log_error", oversampling=n, method="band").mean() for n in (2, 3, 4)]
            assert open_at == sorted(open_at, reverse=True)
            extents = values(result, "side") / values(result, "oversampling")
            assert extents.max() / extents.min() < 1.1


@pytest.mark.slow
def test_windows_at_larger_distances_err_no_less(tmp_path):
    result = quick(tmp_path, "stride-3d")
    errors = values(result, "log_error")
    assert errors[0] <= errors[-1] * 1.02
    assert len(set(values(result, "stride"))) == len(errors)


@pytest.mark.parametrize(("until", "done"), [(4.0, [24]), (5.0, [16, 24]), (9.0, [12, 16, 24])])
def test_strides_for_which_there_is_no_time_are_left_out(tmp_path, monkeypatch, until, done):
    """Fillings of 1, 2.25, 4 and 16 s at strides of 24, 16, 12 and 6, the first of them twice."""
    now = [0.0]

    def fill(pattern, *, stride, **told):
        now[0] += (24 / stride) ** 2
        return SimpleNamespace(intensity=np.full(pattern.shape, np.float32(stride)))

    monkeypatch.setattr(of_strides, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(of_strides, "inpaint", fill)
    monkeypatch.setattr(of_strides, "QUICK_STRIDES", (6, 12, 16, 24))
    made = quick(tmp_path, "stride-3d", until=until)
    assert [row["stride"] for row in made.tables[""].records] == done


@pytest.fixture
def crystal_pattern():
    """Counts of a sphere, 48³, brightest in the middle."""
    z, y, x = np.ogrid[-24:24, -24:24, -24:24]
    r = np.maximum(0.55 * np.sqrt(x**2 + y**2 + z**2), 1e-3)

    expected = 3e5 * (3 * (np.sin(r) - r * np.cos(r)) / r**3) ** 2
    counts = np.random.default_rng(1).poisson(expected).astype(np.float32)
    return Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3))
