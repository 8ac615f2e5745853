from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import next_fast_len

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.errors import SayreWarning
from sayre.retrieval.choice.align import align, aligned, correlation
from sayre.retrieval.choice.consensus import consensus
from sayre.retrieval.choice.margin import resampled, with_margin
from sayre.retrieval.choice.middle import Middle
from sayre.retrieval.choice.modes import find_modes
from sayre.retrieval.choice.select import select
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.recipe import parse, stages
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.start import Start, random_start
from sayre.retrieval.engine.support import ShrinkWrap, initial_support
from sayre.retrieval.phasing import phase


def spectrum(obj):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))


def run_of(obj):
    nan = float("nan")
    packed = Packed.of(obj, np.ones(obj.shape, bool))
    return Run(index=0, packed=packed, residual=nan, likelihood=nan, free_likelihood=nan)


@pytest.fixture(scope="module")
def tetrahedron():
    """A tetrahedron by its exact transform, which an array of 40³ cuts off; the field, and noisy counts.

    Sampled 4 times as fine in real space, of which the detector sees the middle.
    """
    n, fine = 40, 160
    z, y, x = ((np.mgrid[:fine, :fine, :fine] - fine // 2) / 4.0).astype(np.float32)
    normals = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    # a turn that takes the facets off the axes
    turn = np.linalg.qr(np.array([[1, 0.3, -0.2], [-0.4, 1, 0.5], [0.1, -0.6, 1]]))[0]
    inside = np.ones(z.shape, bool)
    for a, b, c in normals @ turn:
        inside &= a * z + b * y + c * x < 4.2
    shape = np.where(inside, np.exp(1j * 0.004 * (z * y + x * x)), 0)
    middle = slice(fine // 2 - n // 2, fine // 2 + n // 2)
    field = spectrum(shape)[middle, middle, middle]
    field *= np.sqrt(1e6) / np.abs(field).max()
    counts = np.random.default_rng(0).poisson(np.abs(field) ** 2).astype(np.float32)
    counts = counts_of_test(counts)
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(field))).astype(np.complex64)
    return truth, Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3))


@pytest.mark.parametrize("shape", [(24, 27, 25), (31, 36, 40), (20, 21, 36)])
def test_resampling_keeps_the_field_where_it_remains(crystal, shape):
    obj = crystal[0][:24, :27, :25]
    new, old = spectrum(resampled(obj, shape)), spectrum(obj)
    small = [min(a, b) for a, b in zip(shape, obj.shape, strict=True)]
    parts = []
    for field in (new, old):
        firsts = [n // 2 - m // 2 for n, m in zip(field.shape, small, strict=True)]
        parts.append(field[tuple(slice(f, f + m) for f, m in zip(firsts, small, strict=True))])
    np.testing.assert_allclose(*parts, atol=1e-4 * np.abs(old).max())
    left = np.linalg.norm(new) ** 2 - np.linalg.norm(parts[0]) ** 2
    assert abs(left) < 1e-5 * np.linalg.norm(new) ** 2


def test_margin_is_unmeasured_and_allows_any_amplitude(pattern):
    bounds = amplitude_bounds(pattern)
    wide = with_margin(bounds)
    assert all(size >= 1.25 * n for size, n in zip(wide.counts.shape, bounds.counts.shape, strict=True))
    firsts = [size // 2 - n // 2 for size, n in zip(wide.counts.shape, bounds.counts.shape, strict=True)]
    inner = tuple(slice(f, f + n) for f, n in zip(firsts, bounds.counts.shape, strict=True))
    for name in ("lower", "upper", "counts", "weight"):
        np.testing.assert_array_equal(getattr(wide, name)[inner], getattr(bounds, name))
    outside = np.ones(wide.counts.shape, bool)
    outside[inner] = False
    assert np.isinf(wide.upper[outside]).all()
    assert not wide.lower[outside].any() | wide.weight[outside].any()


def test_sharp_crystals_are_a_fixed_point_on_the_wide_array(tetrahedron):
    """Iterations from the true phases spoil them on the measured array, and keep them with a margin."""
    truth, pattern = tetrahedron
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap(sigma=(1.0, 1.0))
    steps = parse("(RAAR*20 + SW)**4, ER*20")
    (bare,) = retrieve(bounds, [Start(index=0, object=truth, support=wrap.final(truth))], steps, wrap)
    found = consensus([run_of(truth)], bounds, steps, wrap)
    errors = [1 - correlation(align(x, truth), truth) for x in (bare.object, found.object)]
    assert errors[1] < 0.005
    assert errors[1] < 0.2 * errors[0]
    assert found.fit.residual[0] < 0.6 * bare.residual


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_steps_on_the_wide_array_improve_random_starts(tetrahedron):
    """Each of three sets of four starts is better than the average of the same starts without these steps."""
    truth, pattern = tetrahedron
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap()
    errors = []
    for seed in range(3):
        found = phase(pattern, recipe="quick", runs=4, seed=seed)
        bare = consensus(select(found.runs), bounds, (), wrap)
        errors.append([1 - correlation(align(x.object, truth), truth) for x in (bare, found)])
    before, after = np.mean(errors, axis=0)
    assert after < 0.06
    assert after < 0.75 * before


def test_scatter_is_the_difference_between_two_halves(pattern):
    """Compare with the difference between two sets of starts."""
    bounds, support, wrap = amplitude_bounds(pattern), initial_support(pattern.intensity), ShrinkWrap()
    recipe = stages(parse("(HIO*20 + SW)**3, ER*10, WIDE, (RAAR*10 + SW)**2"))
    starts = [random_start(bounds, support, index, 0) for index in range(12)]
    runs = list(retrieve(bounds, starts, recipe.starts, wrap))
    sets = [consensus(runs[first::2], bounds, recipe.wide, wrap) for first in (0, 1)]
    apart = np.sqrt(2 - 2 * correlation(align(sets[1].object, sets[0].object), sets[0].object))
    for found in sets:
        assert 0.4 * apart < found.modes.scatter < 2.5 * apart


def test_failure_of_all_runs_on_the_wide_array_is_warned_of(pattern):
    empty = np.zeros(pattern.shape, np.complex64)
    runs = [run_of(empty), run_of(empty)]
    with pytest.warns(SayreWarning, match="after WIDE, the first: .* empty after 2 iterations; the objects"):
        found = consensus(runs, amplitude_bounds(pattern), parse("ER*2"), ShrinkWrap())
    np.testing.assert_array_equal(found.object, empty)
    assert float(found.fit.residual[0]) == pytest.approx(1)


def test_the_failure_that_is_told_is_that_of_the_first_run(pattern, monkeypatch):
    runs = [run_of(np.zeros(pattern.shape, np.complex64)) for _ in range(3)]
    failed = [replace(run, failed=why) for run, why in zip(runs, ("broken", "empty", "lost"), strict=True)]
    monkeypatch.setattr("sayre.retrieval.choice.wide.retrieve", lambda *_, **__: iter(failed))
    with pytest.warns(SayreWarning, match="after WIDE, the first: broken; the objects before"):
        consensus(runs, amplitude_bounds(pattern), parse("ER*2"), ShrinkWrap())


def test_a_blend_of_starts_that_do_not_agree_is_not_handed_back(tetrahedron):
    """The truth beside objects of other phases: their average explains far less than the truth."""
    truth, pattern = tetrahedron
    rng = np.random.default_rng(3)
    wrong = [
        (truth * np.exp(1j * rng.uniform(-2.5, 2.5, truth.shape))).astype(np.complex64) for _ in range(2)
    ]
    runs = [
        replace(run_of(obj), index=index)
        for index, obj in zip((4, 7, 2), (wrong[0], truth, wrong[1]), strict=True)
    ]
    found = consensus(runs, amplitude_bounds(pattern), (), ShrinkWrap())
    assert found.modes.agreement < 0.9
    assert found.best == 7
    assert correlation(align(found.object, truth), truth) > 0.999
    agreed = consensus(
        [replace(runs[1], index=index) for index in (4, 7)], amplitude_bounds(pattern), (), ShrinkWrap()
    )
    assert agreed.best is None


def small_runs(seed=0):
    """Make bounds of a small block, and three runs near it, one of them without a point-spread function."""
    rng = np.random.default_rng(seed)
    shape = (12, 10, 11)
    support = np.zeros(shape, bool)
    support[4:9, 3:8, 4:8] = True
    obj = 5 * support * np.exp(1j * rng.uniform(-0.6, 0.6, shape))
    counts = (np.abs(spectrum(obj)) ** 2).astype(np.float32)
    root, weight = np.sqrt(counts), np.ones(shape, np.uint8)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=weight)
    runs = []
    for index in (3, 1, 8):
        near = (obj + 0.3 * support * rng.standard_normal(shape)).astype(np.complex64)
        spread = rng.uniform(0, 1, (3, 3, 3)).astype(np.float32)
        spread = spread + spread[::-1, ::-1, ::-1]
        runs.append(replace(run_of(near), index=index, point_spread=spread / spread.sum()))
    return bounds, runs


def test_without_further_steps_the_runs_are_averaged():
    bounds, runs = small_runs()
    found = consensus(runs, bounds, [], ShrinkWrap())
    assert found.indices == (3, 1, 8)
    for one, run in zip(found.averaged, runs, strict=True):
        np.testing.assert_array_equal(
            one, align(run.object, runs[0].object) if run is not runs[0] else run.object
        )
    modes = find_modes(found.averaged)
    np.testing.assert_array_equal(found.modes.modes, modes.modes)
    np.testing.assert_array_equal(found.object, modes.modes[0])


def test_an_average_that_fits_far_worse_than_a_start_is_not_handed_back():
    bounds, runs = small_runs()
    rng = np.random.default_rng(5)
    other = [
        np.where(runs[0].object, 6 * np.exp(2j * rng.standard_normal(bounds.counts.shape)), 0) for _ in "ab"
    ]
    others = [replace(run_of(one.astype(np.complex64)), index=i) for i, one in enumerate(other)]
    found = consensus([others[0], replace(runs[1], point_spread=None), others[1]], bounds, [], ShrinkWrap())
    assert found.best == 1
    np.testing.assert_array_equal(found.object, found.averaged[1])
    assert (
        found.fit.likelihood[0]
        < 0.5
        * Modulus(bounds, 1, torch.device("cpu"))
        .fit_quality(torch.from_numpy(np.fft.ifftshift(found.modes.modes[0]))[None])
        .likelihood[0]
    )
    assert consensus(runs, bounds, [], ShrinkWrap()).best is None


@pytest.mark.parametrize("known", [3, 2, 0])
def test_the_fit_uses_the_mean_of_all_point_spread_functions(known):
    """It uses none where one of them is not known."""
    bounds, runs = small_runs()
    runs = [run if k < known else replace(run, point_spread=None) for k, run in enumerate(runs)]
    found = consensus(runs, bounds, [], ShrinkWrap())
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    modulus.set_point_spreads([np.mean([run.point_spread for run in runs], 0) if known == 3 else None])
    fit = modulus.fit_quality(torch.from_numpy(np.fft.ifftshift(found.object))[None])
    for name in ("residual", "likelihood"):
        assert float(getattr(found.fit, name)[0]) == pytest.approx(float(getattr(fit, name)[0]), rel=1e-5)
    assert (modulus.coherence is not None) == (known == 3)


@pytest.mark.parametrize("coherent", [False, True])
def test_further_steps_are_iterated_on_an_array_with_a_margin(coherent):
    """They start from resampled runs with sharp supports; the status is reported on the measured array."""
    bounds, runs = small_runs()
    if coherent:
        runs = [replace(run, point_spread=None) for run in runs]
    wrap, steps = ShrinkWrap(sigma=(3.0, 0.6), threshold=0.4), parse("ER*2, SW, ER*2")
    statuses, estimates = [], []

    def report(now):
        statuses.append(now)
        estimates.append(now.estimate(0))

    found = consensus(runs, bounds, steps, wrap, report=report)
    wide, sharp = with_margin(bounds), replace(wrap, sigma=(0.6, 0.6))
    finer = [resampled(run.object, wide.counts.shape) for run in runs]
    starts = [
        Start(index=run.index, object=obj, support=sharp.final(obj), point_spread=run.point_spread)
        for run, obj in zip(runs, finer, strict=True)
    ]
    expected = list(retrieve(wide, starts, steps, sharp))
    averaged = aligned(resampled(run.object, bounds.counts.shape) for run in expected)
    for a, b in zip(found.averaged, averaged, strict=True):
        np.testing.assert_array_equal(a, b)
    assert found.indices == (3, 1, 8)
    assert [now.indices for now in statuses] == [(3,), (3,), (1,), (1,), (8,), (8,)]
    assert [now.fraction for now in statuses] == pytest.approx([k / 12 for k in (2, 4, 6, 8, 10, 12)])
    for obj, support in estimates:
        assert obj.shape == support.shape == bounds.counts.shape
        np.testing.assert_array_equal(support, sharp.final(obj))
    np.testing.assert_allclose(estimates[1][0], averaged[0], atol=0.5)


def test_runs_that_fail_on_the_wide_array_are_left_out():
    bounds, runs = small_runs()
    runs = [replace(run, point_spread=None) for run in runs]
    runs[1] = replace(runs[1], packed=run_of(np.zeros(bounds.counts.shape, np.complex64)).packed)
    found = consensus(runs, bounds, parse("ER*2"), ShrinkWrap())
    assert found.indices == (3, 8)
    assert len(found.averaged) == 2


@pytest.mark.parametrize("margin", [1.25, 1.5])
@pytest.mark.parametrize("shape", [(12, 15), (9, 20, 11)])
def test_an_array_with_a_margin_has_sizes_that_transform_fast(shape, margin):
    one = np.ones(shape, np.float32)
    bounds = Bounds(lower=one, upper=one, counts=one, weight=one.astype(np.uint8))
    found = with_margin(bounds, margin).counts.shape
    assert found == tuple(next_fast_len(int(np.ceil(margin * n))) for n in shape)
    assert with_margin(bounds).counts.shape == with_margin(bounds, 1.25).counts.shape


def test_the_same_shape_is_not_resampled():
    obj = np.ones((4, 5), np.complex64)
    assert resampled(obj, (4, 5)) is obj


@pytest.fixture(scope="module")
def two_starts(tetrahedron):
    """Two runs near the truth, which the margin mends, with voxels that are left free."""
    truth, pattern = tetrahedron
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap(sigma=(1.0, 1.0))
    support, rng = wrap.final(truth), np.random.default_rng(3)
    starts = []
    for index in range(2):
        noise = rng.standard_normal((2, *truth.shape)).astype(np.float32)
        off = 0.02 * np.abs(truth).max() * (noise[0] + 1j * noise[1]) * support
        starts.append(Start(index=index, object=(truth + off).astype(np.complex64), support=support))
    return truth, bounds, wrap, tuple(retrieve(bounds, starts, parse("ER*2"), wrap))


STEPS = parse("(RAAR*20 + SW)**2, ER*20")


def test_of_a_large_pattern_the_mean_of_starts_that_are_one_object_is_refined(two_starts):
    truth, bounds, wrap, runs = two_starts
    middle = Middle((20, 20, 20), ())
    found, each = (consensus(runs, bounds, STEPS, wrap, refine="auto", middle=one) for one in (middle, None))
    assert (found.of_mean, each.of_mean) == (True, False)
    assert found.indices == each.indices == (0, 1)
    assert found.best is None
    errors = [1 - correlation(align(one.object, truth), truth) for one in (found, each)]
    assert errors[0] < 1.1 * errors[1]
    assert found.fit.merit < 1.05 * each.fit.merit
    for one, run in zip(found.averaged, runs, strict=True):
        assert correlation(align(run.object, one), one) > 0.99999


def test_the_mean_is_iterated_on_where_the_field_was_cut_off(two_starts):
    """Runs that the edges spoiled, alike, are mended as those that are iterated on one by one."""
    truth, bounds, wrap, runs = two_starts
    starts = [Start(index=run.index, object=run.object, support=run.support) for run in runs]
    spoiled = tuple(retrieve(bounds, starts, parse("(RAAR*20 + SW)**4, ER*20"), wrap))
    before = 1 - correlation(align(spoiled[0].object, truth), truth)
    middle = Middle((20, 20, 20), ())
    as_it_is, mended = (
        consensus(spoiled, bounds, steps, wrap, refine="auto", middle=middle) for steps in ((), STEPS)
    )
    assert mended.of_mean
    errors = [1 - correlation(align(one.object, truth), truth) for one in (as_it_is, mended)]
    assert errors[1] < 0.6 * before
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize("refine", ["auto", "none"])
def test_starts_that_differ_or_are_not_refined_are_iterated_on_one_by_one(two_starts, refine):
    _, bounds, wrap, runs = two_starts
    other = replace(runs[1], packed=Packed.of(np.flip(runs[1].object, 0).copy(), np.flip(runs[1].support, 0)))
    pair = (runs[0], other if refine == "auto" else runs[1])
    found = consensus(pair, bounds, parse("ER*2"), wrap, refine=refine, middle=Middle((20, 20, 20), ()))
    assert not found.of_mean
