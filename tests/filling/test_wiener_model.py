"""The statistical model of the wiener filling against sums written out voxel by voxel."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import gaussian_filter

from sayre.filling import wiener
from sayre.filling.wiener import posterior, spectrum, wiener_fill
from sayre.filling.wiener.calibration import centroid, shifted_mask
from sayre.filling.wiener.spectrum import Fringes, Local, fringe_model, local_model, padded
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.poisson import expectation_of_log, variance_of_log


def plane(shape, axis, start, width):
    mask = np.zeros(shape, bool)
    np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


def fringed(shape, seed=0):
    """Filled logarithms, fringes on an envelope with counts from few to many, and a mask."""
    rng = np.random.default_rng(seed)
    y, x, *_ = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    values = 5 * np.exp(-2 * (x**2 + y**2)) + 0.7 * np.cos(7 * x + 3 * y) + 0.2 * rng.standard_normal(shape)
    mask = plane(shape, 0, 4, 2) | (rng.random(shape) < 0.1)
    return linear_fill(values.clip(0).astype(np.float32), mask), mask


@pytest.mark.parametrize("shape", [(21, 26), (12, 14, 13)])
def test_envelope_contrast_and_noise(shape):
    values, mask = fringed(shape)
    values -= 1  # an interpolation may leave it below 0
    local = local_model(values, mask)
    envelope, smooth = (
        gaussian_filter(values.astype(np.float64), width, mode="nearest") for width in (5.0, 1.5)
    )
    assert (envelope < 0).any()
    assert (smooth < 0).any()
    np.testing.assert_allclose(local.envelope, envelope, atol=1e-5)
    np.testing.assert_allclose(local.contrast, 1.05 - np.exp(-np.maximum(envelope, 0)), atol=1e-5)
    means = np.maximum(smooth, 0).astype(np.float32)
    np.testing.assert_allclose(local.noise, variance_of_log(expectation_of_log(means)), atol=1e-5)
    np.testing.assert_array_equal(local.measured, np.where(mask, 0, 1))
    np.testing.assert_allclose(local.residual, np.where(mask, 0, values - envelope), atol=1e-5)
    assert all(array.dtype == np.float32 for array in vars(local).values())


def brute_force_model(local):
    """Covariance over pairs of voxels, and the correlation with the inverted field for every centre."""
    shape, dims = local.envelope.shape, local.envelope.ndim
    contrast = local.contrast.astype(np.float64)
    g, noise = local.residual / contrast, local.noise / contrast**2
    weight = local.measured / np.sqrt(1 + 4 * noise)
    places = np.array(list(np.ndindex(*shape)))
    w, f = weight.ravel(), (weight * g).ravel()

    def sums(index, bounds):
        """Σ over pairs of voxels, of `f f'` and of `w w'`, by an index of each pair."""
        total = np.zeros((2, *bounds))
        for k, place in enumerate(places):
            at = tuple(index(place).T)
            inside = np.all([(i >= 0) & (i < n) for i, n in zip(at, bounds, strict=True)], 0)
            at = tuple(i[inside] for i in at)
            np.add.at(total[0], at, f[k] * f[inside])
            np.add.at(total[1], at, w[k] * w[inside])
        return total

    reach = min(40, max(2.0, (np.prod(shape) / 32) ** (1 / dims)))
    most = np.array([min(int(reach), n - 1) for n in shape])
    products, pairs = sums(lambda place: places - place + most, tuple(2 * most + 1))
    products[tuple(most)] = max(products[tuple(most)] - (weight**2 * noise).sum(), 0)
    lags = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), -1)
    distance = np.sqrt((lags**2).sum(-1))
    taper = np.where(distance < reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0)
    covariance = products / np.maximum(pairs, 0.02 * pairs[tuple(most)]) * taper

    periods = np.array(padded(shape))
    products, pairs = sums(lambda place: (places + place) % periods, tuple(periods))
    seen = pairs >= 0.3 * pairs.max()
    score = np.where(seen, products / np.where(seen, pairs, 1), 0)
    chance = 4 * np.sqrt(np.mean(score[seen] ** 2))
    credible = max(0.0, 1 - (chance / score.max()) ** 2)
    best = np.unravel_index(score.argmax(), score.shape)
    choices = (
        min((b, b + p), key=lambda c, n=n: abs(c - n + 1))
        for b, p, n in zip(best, periods, shape, strict=True)
    )
    centre = tuple(int(c) for c in choices)
    power, correlation, count = 0.0, 0.0, 0.0
    for place in np.ndindex(*shape):
        other = tuple(c - p for c, p in zip(centre, place, strict=True))
        if all(0 <= o < n for o, n in zip(other, shape, strict=True)):
            both = weight[place] * weight[other]
            power += both * (g[place] ** 2 - noise[place])
            correlation += both * g[place] * g[other]
            count += both
    symmetry = np.clip(correlation / (max(power, 0) + 0.08 * count), 0, 0.95) * credible
    return covariance, symmetry, centre


@pytest.mark.parametrize("shape", [(23, 27), (9, 10, 11)])
@pytest.mark.parametrize("seed", range(3))
def test_covariance_and_symmetry_by_brute_force(shape, seed):
    """A field of random fringes, symmetric about a centre off the middle, some of it not measured."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal([n + 6 for n in shape]), 0.8)
    part = tuple(slice(k, k + n) for k, n in zip((1, 5, 2), shape, strict=False))
    both = (field + field[(slice(None, None, -1),) * len(shape)])[part]
    mask = plane(shape, 1, 3, 2) | (rng.random(shape) < 0.1)
    measured = (~mask).astype(np.float32)
    local = Local(
        envelope=np.full(shape, 4, np.float32),
        contrast=rng.uniform(0.6, 1.05, shape).astype(np.float32),
        noise=rng.uniform(0.01, 0.1, shape).astype(np.float32),
        measured=measured,
        residual=(both / both.std() * measured).astype(np.float32),
    )
    model, (covariance, symmetry, centre) = fringe_model(local), brute_force_model(local)
    np.testing.assert_allclose(model.covariance, covariance, atol=2e-5)
    assert model.twice_centre == centre
    if len(shape) == 2:
        assert centre == tuple(n + 5 - 2 * k for n, k in zip(shape, (1, 5), strict=True))
        assert symmetry > 0.1
    assert model.symmetry == pytest.approx(symmetry, abs=2e-4)
    assert model.variance == pytest.approx(covariance[tuple(n // 2 for n in covariance.shape)], abs=2e-5)


def test_the_covariance_of_a_thin_and_noisy_array_by_brute_force():
    """It reaches two voxels at least, not beyond the array; pairs of little weight count as others do."""
    rng = np.random.default_rng(0)
    shape = (2, 40)
    local = Local(
        envelope=np.full(shape, 4, np.float32),
        contrast=np.ones(shape, np.float32),
        noise=rng.uniform(20, 40, shape).astype(np.float32),
        measured=np.ones(shape, np.float32),
        residual=rng.normal(0, 10, shape).astype(np.float32),
    )
    found, expected = fringe_model(local).covariance, brute_force_model(local)[0]
    assert found.shape == expected.shape == (3, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert np.abs(expected).max() > 10


def test_the_symmetry_of_faint_fringes_by_brute_force():
    """The less they are above the variance that is left to misfit, the less they are correlated."""
    shape = (12, 13)
    half = np.random.default_rng(0).standard_normal(shape)
    local = Local(
        envelope=np.full(shape, 4, np.float32),
        contrast=np.ones(shape, np.float32),
        noise=np.full(shape, 1e-6, np.float32),
        measured=np.ones(shape, np.float32),
        residual=(0.04 * (half + half[::-1, ::-1])).astype(np.float32),
    )
    found, (_, expected, centre) = fringe_model(local), brute_force_model(local)
    assert found.twice_centre == centre == (11, 12)
    assert found.symmetry == pytest.approx(expected, rel=2e-3)
    assert 0.01 < expected < 0.1


def test_nothing_measured_has_no_symmetry_and_no_variance():
    zero, one = np.zeros((10, 12), np.float32), np.ones((10, 12), np.float32)
    model = fringe_model(Local(envelope=one, contrast=one, noise=one, measured=zero, residual=zero))
    assert model.symmetry == 0
    assert model.twice_centre == (9, 11)
    assert model.variance == 0


def test_noise_alone_has_no_variance():
    """Residuals smaller than their noise: the covariance at lag 0 is never negative."""
    shape = (20, 20)
    one = np.ones(shape, np.float32)
    residual = 0.1 * np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert (
        fringe_model(Local(envelope=one, contrast=one, noise=one, measured=one, residual=residual)).variance
        == 0
    )


@pytest.mark.parametrize("shape", [(5, 30), (100, 41), (7, 8, 64), (1, 9)])
def test_periodic_shapes_keep_opposite_borders_apart(shape):
    expected = [max(n + 16, 2 * min(40, n - 1) + 1) for n in shape]
    assert padded(shape) == tuple(scipy.fft.next_fast_len(n, real=True) for n in expected)
    margins = tuple(20 + k for k in range(len(shape)))
    expected = [max(n + m, 2 * min(40, n - 1) + 1) for n, m in zip(shape, margins, strict=True)]
    assert padded(shape, margins) == tuple(scipy.fft.next_fast_len(n, real=True) for n in expected)


@pytest.mark.parametrize("shape", [(16, 15), (9, 12, 14)])
def test_the_spectrum_is_that_of_the_covariance_and_never_negative(shape):
    rng = np.random.default_rng(0)
    lags = tuple(2 * k + 1 for k in range(2, 2 + len(shape)))
    half = rng.standard_normal(lags)
    covariance = (half + half[(slice(None, None, -1),) * len(shape)]).astype(np.float32)
    fringes = Fringes(covariance=covariance, symmetry=0.0, twice_centre=(0,) * len(shape))
    found = fringes.spectrum(shape)
    assert found.dtype == np.float32
    assert found.shape == (*shape[:-1], shape[-1] // 2 + 1)
    places = np.array(list(np.ndindex(*lags))) - np.array(lags) // 2
    for k in product(*(range(0, n, 3) for n in found.shape)):
        phase = 2 * np.pi * (places * np.array(k) / np.array(shape)).sum(1)
        assert found[k] == pytest.approx(max(covariance.ravel() @ np.cos(phase), 0), abs=1e-4)


@pytest.mark.parametrize("shape", [(25, 33), (17, 9, 30)])
def test_a_covariance_longer_than_the_array_gives_every_pair_of_voxels_its_own(shape):
    """A tile at a border may be shorter than the box that the covariance is of."""
    rng = np.random.default_rng(0)
    lags = tuple(2 * min(k, 40) + 1 for k in (40, 40, 12)[: len(shape)])
    half = rng.standard_normal(lags)
    covariance = (half + half[(slice(None, None, -1),) * len(shape)]).astype(np.float32)
    middle = tuple(n // 2 for n in lags)
    covariance[middle] = 2 * np.abs(covariance).sum()  # positive definite, however it is cut
    period = padded(shape)
    found = Fringes(covariance=covariance, symmetry=0.0, twice_centre=(0,) * len(shape)).spectrum(period)
    back = scipy.fft.irfftn(found.astype(float), period)
    for lag in product(*(range(-n + 1, n) for n in shape)):
        inside = all(abs(k) <= m for k, m in zip(lag, middle, strict=True))
        expected = covariance[tuple(m + k for m, k in zip(middle, lag, strict=True))] if inside else 0
        assert back[lag] == pytest.approx(expected, abs=1e-2)


def random_problem(shape, twice_centre, symmetry=0.5):
    rng = np.random.default_rng(1)
    measured = (~(plane(shape, 0, 5, 3) | (rng.random(shape) < 0.1))).astype(np.float32)
    local = Local(
        envelope=rng.uniform(2, 5, shape).astype(np.float32),
        contrast=rng.uniform(0.5, 1, shape).astype(np.float32),
        noise=rng.uniform(0.05, 0.5, shape).astype(np.float32),
        measured=measured,
        residual=(rng.standard_normal(shape) * measured).astype(np.float32),
    )
    lags = np.maximum(1 - np.abs(np.arange(-4, 5)) / 4, 0)
    covariance = np.outer(lags, lags).astype(np.float32)
    return local, Fringes(covariance=covariance, symmetry=symmetry, twice_centre=twice_centre)


def test_a_solution_taken_up_is_the_same_and_needs_fewer_steps(monkeypatch):
    """From that of a mask that differs in a few voxels; `S⁻¹ g` comes along without being computed anew."""
    monkeypatch.setattr(posterior, "TOLERANCE", 1e-5)
    local, fringes = random_problem((30, 32), (29, 31))
    taken = []
    first = posterior.solve(local, fringes, step=lambda: taken.append(0))
    measured = local.measured.copy()
    measured[20, 7:9] = 0
    other = Local(**{**vars(local), "measured": measured, "residual": local.residual * measured})
    anew = posterior.solve(other, fringes, step=lambda: taken.append(1))
    kept = [array.copy() for array in first]
    again = posterior.solve(other, fringes, start=first, step=lambda: taken.append(2))
    np.testing.assert_allclose(again.g, anew.g, atol=5e-3)
    np.testing.assert_allclose(again.prior, anew.prior, atol=2e-2)
    for array, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, before)
    assert 5 < taken.count(0) < 60
    assert taken.count(2) <= taken.count(1) - 3
    at_once = []
    posterior.solve(local, fringes, start=first, step=lambda: at_once.append(0))
    assert len(at_once) <= 1


def test_a_solution_of_another_grid_is_left():
    local, fringes = random_problem((30, 32), (29, 31))
    other, _ = random_problem((20, 21), (19, 20))
    start = posterior.solve(other, Fringes(**{**vars(fringes), "twice_centre": (19, 20)}))
    found, anew = posterior.solve(local, fringes, start=start), posterior.solve(local, fringes)
    np.testing.assert_array_equal(found.g, anew.g)


def test_iterations_end(monkeypatch):
    local, fringes = random_problem((30, 32), (29, 31))
    taken = []
    monkeypatch.setattr(posterior, "ITERATIONS", 4)
    posterior.solve(local, fringes, step=lambda: taken.append(0))
    assert len(taken) == 4


def test_without_data_or_variance_the_envelope_holds():
    local, fringes = random_problem((30, 32), (29, 31))
    empty = Local(**{**vars(local), "measured": local.measured * 0, "residual": local.residual * 0})
    flat = Fringes(**{**vars(fringes), "covariance": fringes.covariance * 0})
    for case in ((empty, fringes), (local, flat)):
        assert posterior.solve(*case) is None
        np.testing.assert_array_equal(posterior.conditional_mean(*case), case[0].envelope)


@pytest.mark.parametrize(
    ("twice_centre", "used"),
    [
        ((31, 99), True),  # about the middle: the usual margin
        ((47, 99), True),  # by 16 on an axis of 32
        ((15, 124), True),  # by 25 on one of 100
        ((48, 130), False),
        ((14, 99), False),
        ((31, 125), False),
    ],
)
def test_an_inversion_that_meets_the_array_again_is_left(twice_centre, used):
    """The periodic array grows by what the inversion reaches beyond it, a quarter of the array at most."""
    fringes = random_problem((32, 100), twice_centre)[1]
    shape, symmetry = posterior._grid((32, 100), fringes)
    reach = [max(c + 1, 2 * n - 1 - c) - n for c, n in zip(twice_centre, (32, 100), strict=True)]
    assert used == (reach[0] <= 16 and reach[1] <= 25)
    assert symmetry == (0.5 if used else 0.0)
    margins = tuple(max(16, r) for r in reach) if used else (16, 16)
    assert shape == padded((32, 100), margins)
    without = random_problem((32, 100), twice_centre, symmetry=0.0)[1]
    assert posterior._grid((32, 100), without) == (padded((32, 100)), 0.0)


def shifted_by_hand(values, mask):
    """Voxel by voxel: masked there by how much the mask is moved, and not masked here."""
    shifts = []
    for axis, n in enumerate(mask.shape):
        lines = np.moveaxis(mask, axis, -1).reshape(-1, n)
        runs = sum(int(line[i] and (i == 0 or not line[i - 1])) for line in lines for i in range(n))
        thickness = lines.sum() / runs if runs else 0
        places = np.indices(mask.shape)[axis]
        bright, hidden = ((places * a).sum() / max(a.sum(), 1e-9) for a in (values, mask))
        shift = int(np.ceil(thickness)) + 4 if thickness <= n / 3 else 0
        shifts.append(shift if bright >= hidden else -shift)
    moved = np.zeros_like(mask)
    for place in np.ndindex(*mask.shape):
        there = tuple(min(max(p - s, 0), n - 1) for p, s, n in zip(place, shifts, mask.shape, strict=True))
        moved[place] = mask[there] and not mask[place]
    return moved


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(24, 33), (13, 15, 18)])
def test_the_shifted_mask_by_hand(shape, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < (0.02 if seed % 2 else 0)
    for axis in rng.choice(len(shape), 1 + seed % 2, replace=False):
        width = int(rng.integers(1, shape[axis] // 3 + 2))
        mask |= plane(shape, axis, int(rng.integers(0, shape[axis] - width + 1)), width)
    values = rng.gamma(0.3, 1, shape).astype(np.float32)
    moved = shifted_mask(values, mask)
    assert moved.dtype == bool
    np.testing.assert_array_equal(moved, shifted_by_hand(values, mask))


@pytest.mark.parametrize("rows", [slice(3, 4), slice(5, 13), slice(5, 14)])
@pytest.mark.parametrize("columns", [slice(4, 9), slice(None)])
def test_the_shifted_mask_of_one_gap_by_hand(rows, columns):
    """One run along an axis, and gaps up to a third of the array, which are the widest to be moved."""
    mask = np.zeros((24, 33), bool)
    mask[rows, columns] = True
    values = np.random.default_rng(0).gamma(0.3, 1, mask.shape).astype(np.float32)
    moved = shifted_mask(values, mask)
    np.testing.assert_array_equal(moved, shifted_by_hand(values, mask))
    assert moved.any() or columns == slice(None)


@pytest.mark.parametrize(("n", "period"), [(100, 120), (101, 117), (9, 25)])
def test_of_two_readings_of_a_periodic_centre_the_nearer_to_the_middle_counts(n, period):
    reach = min((period - 1) // 2, n - 1)
    for twice_centre in range(n - 1 - reach, n + reach):
        assert spectrum._unwrapped(twice_centre % period, period, n) == twice_centre


def test_centroid():
    a = np.zeros((4, 7))
    a[1, 2], a[3, 6] = 3, 1
    assert (centroid(a, 0), centroid(a, 1)) == (1.5, 3.0)
    assert centroid(0 * a, 1) == 0


@pytest.mark.parametrize("shape", [(50, 64), (20, 40, 33)])
def test_tiles_hold_every_voxel_outside_the_main_box_once(monkeypatch, shape):
    monkeypatch.setattr(wiener, "TILE_CORE", 16)
    monkeypatch.setattr(wiener, "TILE_CONTEXT", 5)
    rng = np.random.default_rng(0)
    mask = plane(shape, 1, 30, 3) | (rng.random(shape) < 0.01)
    mask[(slice(16, 32),) * len(shape)] = False  # a tile without a gap
    main = tuple(slice(4, 20) for _ in shape)
    outside = mask.copy()
    outside[main] = False
    times = np.zeros(shape, int)
    tiles = list(wiener._tiles(mask, main))
    for core, box in tiles:
        times[core] += outside[core]
        assert outside[core].any()
        for axis, (inner, outer, n) in enumerate(zip(core, box, shape, strict=True)):
            other = tuple(k for k in range(len(shape)) if k != axis)
            lines = outside[core].any(other)
            assert lines[[0, -1]].all()  # no longer than the gap
            assert inner.start // 16 == (inner.stop - 1) // 16
            assert outer.start == max(inner.start - 5, 0)
            assert min(outer.stop, n) == min(inner.stop + 5, n)
    np.testing.assert_array_equal(times, outside)


def test_the_main_box_is_around_the_centre_of_brightness(monkeypatch):
    monkeypatch.setattr(wiener, "MAX_SIDE", 10)
    values = np.zeros((8, 30, 41), np.float32)
    values[2, 20, 37] = 1
    assert wiener._main_box(values) == (slice(0, 8), slice(15, 25), slice(31, 41))
    values[2, 20, 37], values[2, 1, 18] = 0, 1
    assert wiener._main_box(values) == (slice(0, 8), slice(0, 10), slice(13, 23))
    values = np.zeros((10, 11), np.float32)
    values[9, 9] = 1
    assert wiener._main_box(values) == (slice(0, 10), slice(1, 11))


def test_progress_tells_of_every_step_and_ends_at_one(monkeypatch):
    """Calibration, the main box and its tiles are equal parts; steps count within theirs."""
    for name, size in (("MAX_SIDE", 32), ("TILE_CORE", 32), ("TILE_CONTEXT", 8)):
        monkeypatch.setattr(wiener, name, size)
    values, _ = fringed((32, 90))
    mask = plane(values.shape, 1, 40, 2) | plane(values.shape, 1, 3, 2)
    told = []
    wiener_fill(values, mask, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    parts = 2 + len(list(wiener._tiles(mask, wiener._main_box(values))))
    assert parts == 4 or parts == 3
    for part in range(1, parts + 1):
        assert any(fraction == pytest.approx(part / parts, abs=1e-9) for fraction in told)
    steps = np.diff(told)
    assert np.isclose(steps, 1 / (parts * posterior.ITERATIONS)).sum() > 0.8 * len(steps) - parts


@pytest.mark.parametrize("shape", [(40, 44), (16, 18, 20)])
def test_the_calibration_hides_a_second_gap(monkeypatch, shape):
    """What is filled to learn the error is what the shifted mask hides, judged by what was measured there."""
    mask = plane(shape, 0, 7, 2)
    values = linear_fill(np.where(mask, 0, fringed(shape)[0]), mask)
    moved = shifted_mask(values, mask)
    seen = []

    def spy(mean, truth, depth, prior):
        seen.append((mean, truth, depth, prior))
        return real(mean, truth, depth, prior)

    real = wiener.error_table
    monkeypatch.setattr(wiener, "error_table", spy)
    wiener_fill(values, mask)
    ((mean, truth, depth, prior),) = seen
    np.testing.assert_array_equal(truth, values[moved])
    hidden = mask | moved
    local = local_model(linear_fill(values, hidden), hidden)
    fringes = fringe_model(local_model(values, mask))
    expected = np.maximum(posterior.conditional_mean(local, fringes), 0)[moved]
    np.testing.assert_allclose(mean, expected, atol=1e-4)
    np.testing.assert_allclose(prior, fringes.variance * local.contrast[moved] ** 2, rtol=1e-4)
    assert set(np.unique(depth)) == {1}
    assert spectrum.MISFIT == 0.15


def test_where_no_second_gap_fits_the_error_is_the_spread_of_the_fringes():
    """A gap as long as the array in both directions cannot be moved."""
    values, _ = fringed((30, 30))
    mask = np.zeros(values.shape, bool)
    mask[:, 8:20] = True
    assert not shifted_mask(values, mask).any()
    told = []
    filled, sigma = wiener_fill(values, mask, progress=told.append)
    assert told[0] == 0.5
    assert told[-1] == 1
    model = fringe_model(local_model(linear_fill(np.where(mask, 0, values), mask), mask))
    bright = mask & (filled > 3)
    np.testing.assert_allclose(sigma[bright], np.sqrt(model.variance), rtol=0.03)
