"""Starts, the status that is reported while they run, and starts that fail."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sayre.retrieval.engine import iterate, status
from sayre.retrieval.engine.arrays.corner import to_corner
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.start import Start, random_start
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.settings import Settings


@pytest.mark.parametrize("shape", [(4,), (5,), (1, 6), (7, 8), (3, 4, 5), (6, 1, 9)])
def test_to_corner_moves_the_centre_to_index_0(shape):
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    out = torch.empty(shape)
    to_corner(array, out)
    np.testing.assert_array_equal(out.numpy(), np.fft.ifftshift(array))


def problem(shape=(8, 9, 10), seed=0):
    """Make the bounds of a block with random phases, its support, and the block."""
    rng = np.random.default_rng(seed)
    support = np.zeros(shape, bool)
    support[2:6, 3:7, 2:7] = True
    obj = (3 * support * np.exp(1j * rng.uniform(-1, 1, shape))).astype(np.complex64)
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))).astype(np.float32) ** 2
    root, weight = np.sqrt(counts), np.ones(shape, np.uint8)
    return Bounds(lower=root, upper=root, counts=counts, weight=weight), support, obj


def test_a_random_start():
    """Amplitudes are uniform with the power of the counts, phases from −π to π, equal for equal seeds."""
    bounds, support, _ = problem()
    start = random_start(bounds, support, 3, 7)
    assert start.index == 3
    assert start.object.dtype == np.complex64
    assert start.support is support
    assert not start.object[~support].any()
    amplitude = np.abs(start.object[support])
    np.testing.assert_allclose(amplitude, amplitude[0], rtol=1e-5)
    power = np.sum(np.abs(np.fft.fftn(start.object)) ** 2)
    assert power == pytest.approx(bounds.counts.sum(), rel=1e-5)
    phases = np.sort(np.angle(start.object[support]))
    assert abs(phases.mean()) < 0.8
    assert phases[0] < -2.5
    assert phases[-1] > 2.5
    again, other, third = (random_start(bounds, support, *who) for who in ((3, 7), (4, 7), (3, 8)))
    np.testing.assert_array_equal(start.object, again.object)
    assert (start.object != other.object).any()
    assert (start.object != third.object).any()
    assert (other.object != third.object).any()
    expected = np.random.default_rng([7, 3]).uniform(-np.pi, np.pi, support.shape)
    np.testing.assert_allclose(np.angle(start.object[support]), expected[support], atol=1e-5)


@pytest.mark.parametrize("unit", [1, 1e-9])
def test_a_random_start_of_given_amplitude(unit):
    """In arbitrary units: the counts give the scale."""
    bounds, support, _ = problem()
    shape = unit * np.random.default_rng(0).uniform(0.1, 2, support.shape)
    start = random_start(bounds, support, 0, 0, amplitude=shape)
    ratio = np.abs(start.object[support]) / shape[support]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert np.sum(np.abs(np.fft.fftn(start.object)) ** 2) == pytest.approx(bounds.counts.sum(), rel=1e-5)
    empty = random_start(bounds, np.zeros_like(support), 0, 0)
    assert not empty.object.any()


@pytest.mark.parametrize("batch", [None, 2, 3])
def test_the_status_reported_during_a_run(batch):
    """After every group of iterations the fraction done, the starts and their objects are reported."""
    bounds, support, _ = problem()
    starts = [random_start(bounds, support, index, 1) for index in (4, 5, 6, 9)]
    statuses, size = [], batch or 1

    def report(now):
        statuses.append(now)
        estimates.append([now.estimate(place) for place in range(len(now.indices))])

    estimates = []
    recipe = parse("ER*3, HIO*2, ER*1")
    found = list(retrieve(bounds, starts, recipe, ShrinkWrap(), batch=batch, report=report))
    assert [run.index for run in found] == [4, 5, 6, 9]
    groups = [tuple(s.index for s in starts[k : k + size]) for k in range(0, 4, size)]
    assert [now.indices for now in statuses] == [group for group in groups for _ in range(3)]
    assert [now.iteration for now in statuses] == [3, 5, 6] * len(groups)
    done = 0
    for k, group in enumerate(groups):
        for now, iteration in zip(statuses[3 * k : 3 * k + 3], (3, 5, 6), strict=True):
            assert now.fraction == pytest.approx((done + len(group) * iteration / 6) / 4)
            assert len(now.residuals) == len(group)
        done += len(group)
    by_index = {run.index: run for run in found}
    for now, estimate in zip(statuses, estimates, strict=True):
        for index, residual, (obj, inside) in zip(now.indices, now.residuals, estimate, strict=True):
            assert (now.iteration, residual) in by_index[index].history
            np.testing.assert_array_equal(inside, support)
            assert obj.dtype == np.complex64
            assert not obj[~support].any()
            fit = Modulus(bounds, 1, torch.device("cpu")).fit_quality(
                torch.from_numpy(np.fft.ifftshift(obj))[None]
            )
            assert float(fit.residual[0]) == pytest.approx(residual, rel=1e-3)
    for run in found:
        assert [iteration for iteration, _ in run.history] == [3, 5, 6]
        fit = Modulus(bounds, 1, torch.device("cpu")).fit_quality(
            torch.from_numpy(np.fft.ifftshift(run.object))[None]
        )
        assert run.residual == pytest.approx(float(fit.residual[0]), rel=1e-3)
        assert run.likelihood == pytest.approx(float(fit.likelihood[0]), rel=1e-3)
        assert np.isnan(run.free_likelihood)
        assert run.failed == ""
        assert run.point_spread is None


def test_a_batch_gives_what_its_starts_give_one_by_one():
    bounds, support, _ = problem()
    starts = [random_start(bounds, support, index, 1) for index in range(3)]
    recipe = parse("HIO*4, SW, ER*2, DETWIN, RAAR*3, ER*2")
    single, together = (list(retrieve(bounds, starts, recipe, ShrinkWrap(), batch=n)) for n in (1, 3))
    for a, b in zip(single, together, strict=True):
        np.testing.assert_allclose(a.object, b.object, atol=1e-3 * np.abs(a.object).max())
        assert (a.support != b.support).mean() < 0.01
        np.testing.assert_allclose(a.history, b.history, rtol=1e-3)


def test_starts_may_be_made_one_by_one():
    """The total is the stated count or, without one, the number of starts so far."""
    bounds, support, _ = problem()
    for count, fractions in ((None, [1, 1]), (5, [0.2, 0.4])):
        statuses = []
        starts = (random_start(bounds, support, index, 1) for index in range(2))
        made = retrieve(bounds, starts, parse("ER*1"), ShrinkWrap(), count=count, report=statuses.append)
        assert len(list(made)) == 2
        assert [now.fraction for now in statuses] == pytest.approx(fractions)


def test_a_note_for_a_progress_bar():
    now = status.Status(
        fraction=0.5,
        iteration=20,
        indices=(3, 4, 5, 6),
        residuals=(0.12345, 0.5, 1.0, 2.0),
        estimate=lambda _: None,
    )
    assert now.note(12) == "start 3 (of 12, counted from 0), R 0.123, 0.500, 1.000"
    assert replace(now, step="refining").note(12).startswith("refining, start 3 (of 12")


@pytest.mark.parametrize("batch", [1, 3])
def test_a_start_that_breaks_does_not_stop_the_others(batch):
    bounds, support, obj = problem()
    nan = obj.copy()
    nan[3, 4, 4] = np.nan
    starts = [
        Start(index=0, object=nan, support=support),
        Start(index=1, object=obj * np.complex64(np.exp(1j)), support=support),
        Start(index=2, object=obj, support=np.zeros_like(support)),
    ]
    broken, good, empty = retrieve(bounds, starts, parse("HIO*2, ER*3"), ShrinkWrap(), batch=batch)
    assert broken.failed == "not finite after 2 iterations"
    assert empty.failed == "support or object empty after 2 iterations"
    assert good.failed == ""
    assert good.residual < 1e-4
    for run in (broken, empty):
        assert not run.object.any()
        assert len(run.history) == 2


def test_the_object_is_zero_outside_its_support_and_centred():
    bounds, support, obj = problem()
    start = Start(index=0, object=obj, support=support)
    (run,) = retrieve(bounds, [start], parse("ER*3"), ShrinkWrap())
    np.testing.assert_allclose(run.object, obj, atol=1e-4)
    np.testing.assert_array_equal(run.support, support)


def test_shrink_wrap_takes_the_smoothing_of_its_place_in_the_recipe():
    """Halfway through the iterations the width is halfway, and the support is that of the estimate."""
    bounds, support, _ = problem()
    start = random_start(bounds, support, 0, 0)
    wrap = ShrinkWrap(threshold=0.4, sigma=(2.0, 0.5), fraction=(0.01, 0.9))
    (run,) = retrieve(bounds, [start], parse("ER*2, SW, ER*2"), wrap)
    modulus, obj = bounds.upper, start.object.astype(complex)
    for _ in range(2):
        field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
        estimate = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(field / np.abs(field) * modulus)))
        obj = estimate * support
    frequencies = np.meshgrid(*map(np.fft.fftfreq, obj.shape), indexing="ij")
    transfer = np.exp(-2 * (np.pi * 1.25) ** 2 * sum(f**2 for f in frequencies))
    amplitude = np.fft.ifftn(np.fft.fftn(np.abs(estimate)) * transfer).real
    level = 0.4 * np.sqrt(np.mean(amplitude[support] ** 2))
    clear = np.abs(amplitude - level) > 1e-4
    np.testing.assert_array_equal(run.support[clear], (amplitude > level)[clear])
    assert (run.support != support).any()


def test_the_batch_size_follows_the_free_memory(monkeypatch):
    """It is one on a CPU; on a GPU four fifths of its free memory hold six complex arrays of each start."""
    assert iterate.batch_size(10**6, torch.device("cpu")) == 1
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 2 * 10**9))
    assert iterate.batch_size(10**6, torch.device("cuda")) == 800 // 48
    assert iterate.batch_size(10**9, torch.device("cuda")) == 1


def test_free_voxels_have_a_likelihood_of_their_own(pattern):
    """The log-likelihoods of a run are those of its object."""
    bounds = amplitude_bounds(pattern, Settings(free=0.1))
    support = np.zeros(pattern.shape, bool)
    support[10:26, 10:26, 10:26] = True
    (run,) = retrieve(bounds, [random_start(bounds, support, 0, 0)], parse("ER*3"), ShrinkWrap())
    fit = Modulus(bounds, 1, torch.device("cpu")).fit_quality(
        torch.from_numpy(np.fft.ifftshift(run.object))[None]
    )
    assert run.free_likelihood == pytest.approx(float(fit.free_likelihood[0]), rel=1e-3)
    assert run.likelihood == pytest.approx(float(fit.likelihood[0]), rel=1e-3)
    assert run.free_likelihood != pytest.approx(run.likelihood, rel=0.05)
