"""The 2D studies at the smallest scale that shows what must hold, and what their committed results must."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest

from sayre.filling.classical import linear_fill
from sayre.numerics.metrics import log_error_ratio, pearson
from sayre.simulation.planar import PlanarPopulation
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.intervals import mean_with_interval, verdict
from sayre.studies.planar import scale
from sayre.studies.planar.judged import Judgement, correlations, judge, judged_patterns
from sayre.studies.planar.networks import warn_of_failure
from sayre.studies.planar.sweep import fill_rows
from sayre.studies.study import StudySettings

# Networks that have seen 32 patterns have learnt nothing.
pytestmark = pytest.mark.filterwarnings("ignore:.*the training failed")

COMMITTED = Path(__file__).parents[2] / "docs" / "studies"
SMALL = scale.Scale(
    population=PlanarPopulation(side=32),
    gaps=(3, 5),
    widths={"unet": 0.05, "msd": 0.125, "modified": 0.05},
    patterns=32,
    epochs=1,
    rate=1e-3,
    seeds=(0, 1),
    tests=12,
    swept=6,
    particles=2,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of every 2D study with networks, which share what is trained."""
    folder = tmp_path_factory.mktemp("studies")
    patch = pytest.MonkeyPatch()
    patch.setattr(scale, "quick_scale", lambda seed: SMALL)
    settings = StudySettings(folder=folder, quick=True, device="cpu")
    names = ("networks-2d", "losses-2d", "position-2d", "oversampling-2d")
    results = {name: function_of(STUDIES[name])(settings, lambda fraction, note="": None) for name in names}
    patch.undo()
    return results


def test_the_band_allows_no_more_than_noise_does_and_more_than_interpolation_knows(made):
    """In patterns at a ratio of two and more; the limit is drawn in every study of accuracy."""
    for name, result in made.items():
        table = result.tables[""]
        where = {"loss": None} if name == "losses-2d" else {}
        ceiling, band = (means(table, method=method, **where) for method in ("expectation", "band"))
        assert (band <= ceiling + 1e-9).all()
        assert (band > 0).all()
        if name != "losses-2d":
            assert band.mean() > means(table, method="linear").mean()
            error = "log_error_over_linear"
            if error in table.columns:
                assert 0 < np.median(means(table, error, method="band")) < 1


def means(table, column="pearson", **where):
    rows = [row for row in table.records if all(row[key] == value for key, value in where.items())]
    assert rows
    return np.array([row[column] for row in rows], float)


def test_nothing_correlates_with_the_counts_as_the_truth_does(made):
    table = made["networks-2d"].tables[""]
    for gap in (3, 5):
        for kind in ("vertical", "cross"):
            ceiling = means(table, gap_width=gap, gap=kind, method="expectation")
            others = [
                row["pearson"] for row in table.records if (row["gap_width"], row["gap"]) == (gap, kind)
            ]
            assert max(others) == ceiling
            assert means(
                table, "pearson_expected", gap_width=gap, gap=kind, method="expectation"
            ) == pytest.approx(1)
            linear = means(table, "log_error_over_linear", gap_width=gap, gap=kind, method="linear")
            assert linear == pytest.approx(1)


def test_the_table_has_every_network_at_every_width_and_the_published_parameters(made):
    tables = made["networks-2d"].tables
    networks = {(r["gap_width"], r["method"], r["seed"]) for r in tables[""].records if r["seed"] is not None}
    wanted = {(gap, name, 0) for gap in (3, 5) for name in scale.NETWORKS_SHOWN}
    assert networks == wanted | {(3, name, 1) for name in scale.NETWORKS_SHOWN}
    for row in tables["parameters"].records:
        assert row["parameters"] == row["published"] > row["trained"]
    claims = tables["claims"].records
    assert {row["seeds"] for row in claims if row["gap_width"] == 3} == {2}
    for row in claims:
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["verdict"] == verdict(row["low"], row["high"])


def test_every_loss_is_compared(made):
    result = made["losses-2d"]
    assert {row["loss"] for row in result.tables[""].records} == {"mse", "mae", "ssim", "combined", None}
    assert {row["method"] for row in result.tables[""].records if not row["loss"]} == {"expectation", "band"}
    assert len(result.tables["claims"].records) == 8


def test_a_gap_is_filled_better_near_the_peak(made):
    """Figure 4.6, of linear interpolation: networks that saw 32 patterns tell nothing."""
    table = made["position-2d"].tables[""]
    rows = [row for row in table.records if row["method"] == "linear"]
    assert len(rows) == 32 - 3 + 1
    near, far = (
        np.mean([row["pearson"] for row in rows if (abs(row["distance_from_centre"]) < 6) is inner])
        for inner in (True, False)
    )
    assert near > far
    assert {row["method"] for row in table.records} == set(scale.LABELS)


def test_a_gap_is_filled_better_where_fringes_are_wide(made):
    """Figure 4.7, of linear interpolation."""
    table = made["oversampling-2d"].tables[""]
    rows = [row for row in table.records if row["method"] == "linear"]
    assert len({row["oversampling"] for row in rows}) == 6
    low, high = (
        np.mean([row["pearson"] for row in rows if (row["oversampling"] < 4) is coarse])
        for coarse in (True, False)
    )
    assert high > low
    largest = [row for row in rows if row["oversampling"] == 6]
    assert [row["pearson"] for row in largest] == pytest.approx([row["pearson_same_q"] for row in largest])


def test_scores_are_those_of_the_metrics():
    judged = judged_patterns(SMALL, 0, 3, cross=True)
    linear = np.stack([linear_fill(*pair) for pair in zip(judged.logarithms, judged.masks, strict=True)])
    score = judge(judged, 0.5 * (linear + np.log1p(judged.expected)), linear)
    for index, mask in enumerate(judged.masks):
        filled = np.expm1(0.5 * (linear[index] + np.log1p(judged.expected[index]))[mask].astype(float))
        counts, expected = judged.counts[index][mask], judged.expected[index][mask]
        assert score.pearson[index] == pytest.approx(pearson(filled, counts), rel=1e-4)
        assert score.pearson_expected[index] == pytest.approx(pearson(filled, expected), rel=1e-4)
        assert score.pearson_counts[index] == pytest.approx(pearson(filled, counts, log=False), rel=1e-4)
        reference = np.expm1(linear[index][mask].astype(float))
        assert score.ratio[index] == pytest.approx(log_error_ratio(filled, expected, reference), rel=1e-3)


@pytest.mark.parametrize("start", [0, 1, 10, 26, 27])
def test_rows_are_filled_as_by_linear_interpolation(start):
    judged = judged_patterns(SMALL, 0, 5, cross=False)
    logarithms, mask = judged.logarithms, np.zeros((32, 32), bool)
    mask[:, start : start + 5] = True
    filled = fill_rows(logarithms, start, 5)
    for got, image in zip(filled, logarithms, strict=True):
        np.testing.assert_array_equal(got, linear_fill(image, mask))


def test_rows_that_are_constant_have_no_correlation_and_are_left_out_of_the_mean():
    found = correlations(np.array([[1.0, 2, 4], [3, 3, 3]]), np.array([[2.0, 4, 8], [1, 2, 3]]))
    assert found[0] == pytest.approx(1)
    assert np.isnan(found[1])
    assert mean_with_interval(np.array([0.2, 0.4, np.nan])) == pytest.approx((0.3, 0.104, 0.496))
    assert (verdict(0.1, 0.2), verdict(-0.1, 0.2), verdict(-0.2, -0.1)) == (
        "confirmed",
        "undecided",
        "contradicted",
    )


@pytest.mark.parametrize(("error", "warns"), [(0.5, False), (9.0, True), (float("nan"), True)])
def test_a_network_that_learnt_nothing_is_warned_of(error, warns):
    score = Judgement(*[np.array([0.1, 0.2])] * 3, np.array([error, error]))
    config = SMALL.training("unet", gap=3, seed=0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warn_of_failure(config, "vertical", score)
    assert bool(seen) is warns


def committed(name):
    with open(COMMITTED / f"{name}.csv") as file:
        return list(csv.DictReader(file))


def test_the_committed_table_has_no_method_above_the_noise_and_wider_gaps_filled_worse():
    rows = {(row["method"], row["gap"], int(row["gap_width"])): row for row in committed("networks-2d")}
    for kind in ("vertical", "cross"):
        for method in ("linear", "wiener"):
            found = [float(rows[method, kind, width]["pearson_expected"]) for width in (3, 6, 9, 12)]
            assert found == sorted(found, reverse=True)
        for width in (3, 6, 9, 12):
            linear, wiener, ceiling = (
                float(rows[method, kind, width]["pearson"]) for method in ("linear", "wiener", "expectation")
            )
            assert linear < wiener < ceiling
            assert float(rows["wiener", kind, width]["log_error_over_linear"]) < 0.5
    for row in committed("networks-2d-parameters"):
        assert row["parameters"] == row["published"]


def test_the_committed_curve_is_highest_near_the_peak():
    """Figure 4.6, of every method; the noise ceiling falls outwards too, as the thesis explains."""
    rows = committed("position-2d")
    for method in ("linear", "wiener", "expectation"):
        near, far = (
            np.mean(
                [
                    float(row["pearson"])
                    for row in rows
                    if row["method"] == method and (abs(float(row["distance_from_centre"])) < 12.8) is inner
                ]
            )
            for inner in (True, False)
        )
        assert near > far + 0.05
