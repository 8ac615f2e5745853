"""The studies of phasing at the smallest size that shows what must hold, and what their results must."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.networks import registry
from sayre.networks.published import PublishedNet
from sayre.numerics.fourier import to_detector
from sayre.retrieval.choice.align import twin
from sayre.simulation.strained.testset import CLASSES
from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.phasing import autodiff, classes, compared, measured, shape, ways
from sayre.studies.phasing.compared import Claim, Form
from sayre.studies.phasing.drawn import case
from sayre.studies.phasing.judged import Score, coherence, gradient_error, judge
from sayre.studies.study import StudySettings

COMMITTED = Path(__file__).parents[2] / "docs" / "studies"
SMALL = Form(("0-1", "2-4"), 1, 2)


def quick(folder, name):
    told: list[float] = []
    settings = StudySettings(folder=folder, quick=True, device="cpu")
    result = function_of(STUDIES[name])(settings, lambda fraction, note="": told.append(fraction))
    assert told[-1] == pytest.approx(1)
    assert told == sorted(told)
    return result


def values(table, column, **where):
    return [row[column] for row in table.records if all(row[k] == v for k, v in where.items())]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The smallest study of 2D classes, and its folder."""
    folder = tmp_path_factory.mktemp("classes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(classes.QUICK, 2, SMALL)
        return folder, quick(folder, "phase-classes-2d")


def test_iterations_refine_what_the_network_predicts(made):
    _, result = made
    table = result.tables[""]
    for strain in SMALL.classes:
        before, after = (
            values(table, "median_correlation", phase_range=strain, way=way)[0]
            for way in ("predicted", "refined")
        )
        assert before < after - 0.2
    assert values(table, "above_0.95", phase_range="0-1", way="refined") == [1]
    assert values(table, "starts", way="random") == [2, 2]
    assert values(result.tables["claims"], "verdict") == ["too few crystals"] * 4
    covered = values(result.tables["shapes"], "covered")
    assert len(covered) == 2
    assert min(covered) > 0.8


def test_what_was_phased_is_not_phased_again_but_for_other_settings(made, monkeypatch):
    folder, before = made

    def refuse(*_, **__):
        raise AssertionError("phased once more")

    monkeypatch.setitem(classes.QUICK, 2, SMALL)
    monkeypatch.setattr(ways, "phase", refuse)
    again = quick(folder, "phase-classes-2d")
    assert again.tables[""].csv == before.tables[""].csv
    with pytest.raises(AssertionError, match="once more"):
        function_of(STUDIES["phase-classes-2d"])(
            StudySettings(folder=folder, quick=True, device="cpu", seed=1), lambda fraction, note="": None
        )


def test_after_its_time_a_study_has_one_crystal_of_each_class(tmp_path, monkeypatch):
    monkeypatch.setattr(ways, "phased", lambda *_: None)
    monkeypatch.setattr(ways, "judge", lambda *_: Score(0.5, 0.5, 0.1, 0.1, 0.9, 2, 1.0))
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu", until=0.0)
    form = Form(("0-1", "1-2"), 3, 2)
    found = compared.compare("x", settings, 2, form, {"random": {}}, lambda fraction, note="": None)
    assert [one.case.name for one in found] == ["2D 0-1 0", "2D 1-2 0"]


def test_counts_that_are_refused_are_counted_as_failures(tmp_path, monkeypatch):
    def refuse(*_):
        raise InputError("no object")

    monkeypatch.setattr(ways, "phased", refuse)
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu")
    form = Form(("0-1",), 1, 2)
    found = compared.compare("x", settings, 2, form, {"random": {}}, lambda fraction, note="": None)
    row = compared.table_of(found).records[0]
    assert (row["refused"], row["above_0.9"], row["median_correlation"]) == (1, 0, 0)


def test_differences_are_of_the_same_crystal():
    """Three crystals, of which the mean difference and its interval are known."""
    one = case(2, "4-8", 0, seed=0, quick=True)
    pairs = [(0.9, 0.5), (0.8, 0.6), (1.0, 0.4), (0.9, 0.5), (0.9, 0.5)]
    score = Score(0.0, 0.5, 0.1, 0.1, 0.9, 2, 1.0)
    found = [
        compared.Found(one, {"a": score._replace(correlation=a), "b": score._replace(correlation=b)})
        for a, b in pairs
    ]
    row = compared.claims_of(found, [Claim("a", "b", ("4-8",))]).records[0]
    assert row["difference"] == pytest.approx(0.4)
    half = 1.96 * np.std([0.4, 0.2, 0.6, 0.4, 0.4], ddof=1) / np.sqrt(5)
    assert (row["low"], row["high"]) == pytest.approx((0.4 - half, 0.4 + half))
    assert (row["published"], row["verdict"]) == ("above", "confirmed")
    assert compared.claims_of(found, [Claim("b", "a", ())]).records[0]["verdict"] == "contradicted"


def test_the_true_object_scores_one_and_a_ramp_its_slope():
    truth = case(2, "1-2", 0, seed=0, quick=True).crystal.crystal.object
    amplitude = np.asarray(to_detector(truth), np.complex64)
    assert coherence(truth, amplitude) == pytest.approx(1, abs=1e-4)
    assert coherence(twin(truth), amplitude) == pytest.approx(1, abs=1e-4)
    y, x = np.mgrid[: len(truth), : len(truth)]
    ramp = truth * np.exp(1j * (0.1 * x + 0.3 * y))
    assert gradient_error(truth, truth) < 1e-6
    assert gradient_error(ramp, truth) == pytest.approx(np.sqrt((0.1**2 + 0.3**2) / 2), rel=0.02)


@pytest.mark.parametrize("turned", [False, True])
def test_the_true_shape_covers_the_crystal_wherever_it_lies(turned, monkeypatch):
    one = case(2, "0-1", 0, seed=0, quick=True)
    whole = np.asarray(one.crystal.crystal.coverage > 0)
    seen = np.roll(np.flip(whole) if turned else whole, (3, -5), (0, 1))

    class Told(shape.ShapePredictor):
        def __call__(self, *_):
            return np.where(seen, 5.0, -5.0).astype(np.float32)

    told = Told(network=None, side=128, name="", sha256="")
    monkeypatch.setattr(shape, "load_predictor", lambda *_: told)
    found = shape.judge_shape(one, "cpu")
    assert found.covered == pytest.approx(1, abs=1e-4)
    assert found.volume == pytest.approx(whole.sum() / one.crystal.crystal.coverage.sum())


def test_the_quick_crystals_are_of_their_class():
    for strain in ("0-1", "4-8"):
        one = case(3, strain, 0, seed=0, quick=True)
        low, high = CLASSES[strain]
        assert low <= one.crystal.crystal.phase_range <= high
        assert one.pattern.shape == (32, 32, 32)


def test_a_published_network_that_was_trained_has_rows_of_its_own(tmp_path):
    settings = StudySettings(folder=tmp_path, quick=True, device="cpu")
    assert list(classes.ways_of(settings, 2, 1)) == ["predicted", "refined", "random"]
    weights = settings.trained / "published-2d" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    header = {"network": "published", "options": {"dimensions": 2, "width": 0.0625}, "side": 64}
    registry.write(weights, PublishedNet(2, 0.0625).state_dict(), header)
    told = classes.ways_of(settings, 2, 1)
    assert list(told) == ["predicted", "refined", "published, predicted", "published, refined", "random"]
    one = case(2, "0-1", 0, seed=0, quick=True)
    found = judge(ways.phased(one.pattern, told["published, predicted"], "cpu"), one.amplitude, 0.0)
    assert 0 < found.correlation < 0.9  # of a network that was not trained
    other = settings.trained / "published-3d" / "weights.safetensors"
    other.parent.mkdir()
    other.write_bytes(weights.read_bytes())
    with pytest.raises(InputError, match="2D counts"):
        classes.ways_of(settings, 3, 1)


def test_gradients_alone_find_no_crystal_and_adam_a_lower_loss_than_lbfgs(tmp_path, monkeypatch):
    """What is reported of the author's program, 0.02 and 0.09, above the loss that noise makes."""
    monkeypatch.setattr(autodiff, "QUICK", Form(("2-4",), 1, 1))
    monkeypatch.setattr(autodiff, "TRIALS", {"Adam": ((0.05,), 100, 0.02), "LBFGS": ((0.5,), 5, 0.09)})
    result = quick(tmp_path, "phase-autodiff")
    assert values(result.tables[""], "median_correlation", way="gradients alone")[0] < 0.9
    assert values(result.tables[""], "median_correlation", way="gradients")[0] > 0.98
    adam, other = result.tables["optimisers"].records
    assert 0 < adam["loss"] - adam["loss_of_truth"] < 0.5 * (other["loss"] - other["loss_of_truth"])


def test_the_network_phases_a_disturbed_strained_crystal(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "STRAINS", {"strained": "1-2"})
    monkeypatch.setattr(measured, "QUICK_STARTS", 2)
    monkeypatch.setattr(measured, "QUICK_SIDE", 32)
    result = quick(tmp_path, "phase-measured")
    table = result.tables[""]
    assert set(values(table, "way")) == set(measured.ways_of(2))
    assert values(table, "with_truth", way="network")[0] > 0.85
    assert values(result.tables["claims"], "verdict") == ["one seed"]


def committed(name, form="quick"):
    with open(COMMITTED / form / f"{name}.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["phase-classes-2d", "phase-classes-3d"])
def test_the_committed_tables_have_refinement_above_prediction_and_random_starts(name):
    rows = {(row["phase_range"], row["way"]): row for row in committed(name)}
    for strain in {strain for strain, _ in rows}:
        predicted, refined, random = (rows[strain, way] for way in ("predicted", "refined", "random"))
        assert float(predicted["median_correlation"]) < 0.9 < float(refined["median_correlation"])
        if strain in classes.HIGHLY:
            assert float(refined["median_correlation"]) > float(random["median_correlation"])
    assert all(float(row["covered"]) > 0.95 for row in committed(f"{name}-shapes"))


def test_the_committed_tables_have_adam_below_lbfgs_and_the_network_below_random_starts():
    losses = [(row["optimiser"], float(row["loss"])) for row in committed("phase-autodiff-optimisers")]
    assert max(loss for name, loss in losses if name == "Adam") < min(
        loss for name, loss in losses if name == "LBFGS"
    )
    rows = {(row["pattern"], row["way"]): row for row in committed("phase-measured")}
    assert float(rows["strained", "network"]["residual"]) < float(rows["strained", "random"]["residual"])


def test_the_committed_crystals_confirm_what_is_claimed_of_high_strain():
    rows = {(r["claim"], r["phase_range"]): r for r in committed("phase-classes-2d-claims", ".")}
    for strain in classes.HIGHLY:
        row = rows["refined above random", strain]
        assert row["verdict"] == "confirmed"
        assert 0 < float(row["low"]) < float(row["difference"]) < float(row["high"])
