"""Runs and refined objects come back from their arrays as they were."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from sayre.retrieval.engine.modulus import FitQuality
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.measurement.refine import Refined
from sayre.retrieval.stored import refined_arrays, run_arrays, stored_refined, stored_run

RNG = np.random.default_rng(0)


def through_a_file(arrays, tmp_path):
    np.savez(tmp_path / "kept.npz", **arrays)
    with np.load(tmp_path / "kept.npz") as file:
        return {name: file[name] for name in file.files}


def complex_field(shape):
    return (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)).astype(np.complex64)


def assert_same(a, b):
    """Every field is equal: arrays by value and type, the rest by equality."""
    for field in fields(a):
        mine, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(mine, Packed | Nuisances):
            assert_same(mine, other)
        elif isinstance(mine, np.ndarray):
            assert mine.dtype == other.dtype
            np.testing.assert_array_equal(mine, other)
        else:
            assert mine == other, field.name


@pytest.mark.parametrize("point_spread", [None, RNG.random((3, 3), np.float32)])
def test_a_run_comes_back(point_spread, tmp_path):
    support = RNG.random((8, 9)) > 0.5
    run = Run(
        index=3,
        packed=Packed.of(complex_field((8, 9)) * support, support),
        residual=0.1,
        likelihood=0.7,
        free_likelihood=0.9,
        history=((10, 0.5), (20, 0.1)),
        failed="because",
        point_spread=point_spread,
    )
    arrays = through_a_file(run_arrays(run), tmp_path)
    assert_same(run, stored_run(arrays))
    del arrays["history"]
    assert stored_run(arrays) is None


@pytest.mark.parametrize("full", [True, False])
def test_a_refined_object_comes_back(full, tmp_path):
    def floats(*shape):
        return RNG.random(shape, np.float32)

    effects = Nuisances(
        spread=np.eye(2) * 0.3, tails=0.2, frames=floats(8), background=0.1, gains=floats(8, 9)
    )
    refined = Refined(
        object=complex_field((8, 9)),
        nuisances=effects if full else Nuisances(),
        dilation=2,
        expected=floats(8, 9),
        fit=FitQuality(*torch.tensor([[0.1], [0.7], [0.9]], dtype=torch.float64)),
        moved=floats(8, 9) if full else None,
        threshold=0.2 if full else None,
    )
    found = stored_refined(through_a_file(refined_arrays(refined), tmp_path))
    assert_same(refined, found)
    assert found.merit == refined.merit
