"""Runs are iterated again on counts freed of the effects of the measurement."""

import numpy as np
import pytest

from sayre.retrieval.choice import refined
from sayre.retrieval.choice.refined import THRESHOLDS, Refinement
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.measurement import model


def counted(wing):
    """A block of 6³ voxels in 16³ with wings of this amplitude, and its counts in frames of uneven flux."""
    rng = np.random.default_rng(0)
    obj = np.zeros((16, 16, 16), np.complex64)
    obj[5:11, 5:11, 5:11] = 1
    obj[5:11, 3:13, 5:11][obj[5:11, 3:13, 5:11] == 0] = wing
    obj[5:11, 5:11, 3:13][obj[5:11, 5:11, 3:13] == 0] = wing
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    counts = rng.poisson(100 * counts * np.exp(0.3 * rng.normal(size=(16, 1, 1)))).astype(np.float32)
    weight = np.where(rng.random(counts.shape) < 0.05, 2, 1).astype(np.uint8)
    used, root = weight == 1, np.sqrt(counts)
    upper = np.where(used, root, np.inf).astype(np.float32)
    return obj, Bounds(lower=np.where(used, root, 0), upper=upper, counts=counts, weight=weight)


def test_the_search_is_repeated_first_and_then_the_last_steps_alone(monkeypatch):
    obj, measured = counted(wing=0)
    search, steps, sharp = parse("RAAR*2 + SW"), parse("ER*3"), ShrinkWrap()
    (run,) = retrieve(measured, [Start(index=4, object=obj, support=obj != 0)], steps, sharp)
    told = []

    def recorded(counts, starts, iterated, *arguments, **options):
        told.append((list(iterated), counts.counts.sum()))
        return retrieve(counts, starts, iterated, *arguments, **options)

    monkeypatch.setattr(refined, "retrieve", recorded)
    monkeypatch.setattr(refined, "PROGRESS", -np.inf)
    monkeypatch.setattr(refined, "EVALUATIONS", 4)
    for name in ("FIRST", "CHECK", "SETTLE", "LAST"):
        monkeypatch.setattr(model, name, 30)
    refinement = Refinement(bounds=measured, sharp=sharp, steps=steps, effects="frames", search=search)
    (found,) = refinement.runs([run])
    assert found.nuisances.kinds == ("frames",)
    assert [one for one, _ in told] == [[*search, *steps], list(steps), list(steps)]
    assert all(total != measured.counts.sum() for _, total in told)


@pytest.mark.parametrize(("wing", "chosen"), [(0.0, {None}), (0.24, {0.2, 0.15})])
def test_a_threshold_that_cuts_off_a_faint_part_gives_way_to_a_lower_one(wing, chosen, monkeypatch):
    obj, measured = counted(wing)
    steps, sharp = parse("(ER*5 + SW)**2, ER*5"), ShrinkWrap(sigma=(0.0, 0.0))
    start = Start(index=0, object=np.where(abs(obj) > 0.5, obj, 0), support=abs(obj) > 0.5)
    (run,) = retrieve(measured, [start], steps, sharp)
    monkeypatch.setattr(model, "DILATIONS", (0,))
    for name, count in {"FIRST": 100, "SETTLE": 20, "LAST": 20}.items():
        monkeypatch.setattr(model, name, count)
    refinement = Refinement(
        bounds=measured, sharp=sharp, steps=steps, effects="frames", thresholds=THRESHOLDS
    )
    first, second = refinement.runs([run, run])
    assert first.threshold in chosen
    assert second.threshold in (None, first.threshold)
