"""The wiener filling against dense Gaussian conditioning, every covariance written out as a matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt, gaussian_filter
from scipy.stats import poisson

from sayre.filling import wiener
from sayre.filling.wiener import calibration, posterior, wiener_fill
from sayre.filling.wiener.calibration import BRIGHTNESS, MAX_DEPTH, ErrorTable, error_table
from sayre.filling.wiener.spectrum import MISFIT, Fringes, Local, fringe_model, local_model
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.poisson import expectation_of_log, variance_of_log


def plane(shape, axis, start, width):
    mask = np.zeros(shape, bool)
    np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


def covariance_matrix(fringes, shape):
    """Of every voxel of an array with every other: by their lag, and by the lag from the inverted one."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, len(shape))
    middle = np.array(fringes.covariance.shape) // 2

    def at(lags):
        inside = (np.abs(lags) <= middle).all(-1)
        return np.where(inside, fringes.covariance[tuple(np.moveaxis(lags + middle, -1, 0) * inside)], 0)

    straight = at(places[:, None] - places[None])
    inverted = at(places[:, None] - (np.array(fringes.twice_centre) - places[None]))
    return (straight + fringes.symmetry * inverted).astype(np.float64)


def dense_mean(local, fringes, misfit=MISFIT):
    """Expected `log(1 + N)` of every voxel given the measured ones."""
    contrast, noise, residual = (
        np.asarray(a, np.float64).ravel() for a in (local.contrast, local.noise + misfit, local.residual)
    )
    covariance = contrast[:, None] * covariance_matrix(fringes, local.envelope.shape) * contrast
    seen = np.flatnonzero(local.measured)
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)] + np.diag(noise[seen]), residual[seen])
    return local.envelope + (covariance[:, seen] @ weights).reshape(local.envelope.shape)


def triangle(shape, reach, variance):
    """A covariance that is positive definite on any grid and 0 from `reach` on."""
    one = np.maximum(1 - np.abs(np.arange(-reach, reach + 1)) / reach, 0)
    total = np.full((1,) * len(shape), variance)
    for axis in range(len(shape)):
        total = total * one.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total.astype(np.float32)


@pytest.mark.parametrize("symmetry", [0.0, 0.6])
@pytest.mark.parametrize(
    ("shape", "twice_centre"), [((17, 19), (15, 20)), ((9, 10, 11), (8, 7, 12)), ((14, 30), (18, 26))]
)
def test_the_mean_is_that_of_the_dense_solution(monkeypatch, shape, twice_centre, symmetry):
    """Contrast and noise that differ from voxel to voxel, an inversion about no voxel, any mask."""
    monkeypatch.setattr(posterior, "TOLERANCE", 1e-6)
    rng = np.random.default_rng(0)
    mask = plane(shape, 0, 5, 3) | (rng.random(shape) < 0.1)
    measured = (~mask).astype(np.float32)
    local = Local(
        envelope=rng.uniform(2, 5, shape).astype(np.float32),
        contrast=rng.uniform(0.5, 1, shape).astype(np.float32),
        noise=rng.uniform(0.05, 0.5, shape).astype(np.float32),
        measured=measured,
        residual=(rng.standard_normal(shape) * measured).astype(np.float32),
    )
    fringes = Fringes(covariance=triangle(shape, 4, 1.3), symmetry=symmetry, twice_centre=twice_centre)
    ours, exact = posterior.conditional_mean(local, fringes), dense_mean(local, fringes)
    np.testing.assert_allclose(ours, exact, atol=2e-3)
    apart = dense_mean(local, Fringes(covariance=fringes.covariance, symmetry=0, twice_centre=twice_centre))
    assert (np.abs(apart - exact)[mask].max() > 0.1) == (symmetry > 0)


def squared_exponential(n, length):
    distance = np.arange(n)[:, None] - np.arange(n)[None]
    return np.exp(-0.5 * (distance / length) ** 2)


class Field:
    """Poisson counts of a Gaussian random field of known covariance, a gap, and the exact errors in it.

    `error` is the root mean squared error in `log(1 + λ)`, at each depth in the gap, of the linear estimate
    that knows the covariance and takes the noise to be larger by `MISFIT`, as the wiener filling does.
    """

    def __init__(self, n, length, level, variance, width):
        rows = squared_exponential(n, length)
        values, vectors = np.linalg.eigh(rows)
        self.root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # the symmetric root is unique
        self.level, self.variance, self.n = level, variance, n
        self.mask = plane((n, n), 0, n // 2 - width // 2, width)
        self.depth = distance_transform_cdt(self.mask, metric="chessboard")[self.mask]
        hidden, seen = np.flatnonzero(self.mask), np.flatnonzero(~self.mask)
        covariance = variance * np.kron(rows, rows)
        across, among = covariance[np.ix_(seen, hidden)], covariance[np.ix_(seen, seen)]
        noise = float(variance_of_log(np.float32(level))) * np.eye(len(seen))
        weights = np.linalg.solve(among + noise + MISFIT * np.eye(len(seen)), across)
        square = variance - 2 * (weights * across).sum(0) + (weights * ((among + noise) @ weights)).sum(0)
        self.error = self.by_depth(np.sqrt(square))

    def by_depth(self, error):
        """Root mean square at each depth."""
        return np.sqrt([np.mean(error[..., self.depth == d] ** 2) for d in np.unique(self.depth)])

    def draw(self, rng):
        """`log(1 + λ)` and `log(1 + N)`."""
        white = rng.standard_normal((self.n, self.n))
        truth = np.maximum(self.level + np.sqrt(self.variance) * self.root @ white @ self.root.T, 0)
        return truth, np.log1p(rng.poisson(np.expm1(truth))).astype(np.float32)


@pytest.mark.parametrize(
    ("length", "level", "variance", "width"), [(1.5, 3.5, 0.25, 4), (1.5, 2.0, 0.25, 4), (1.2, 6.0, 0.5, 3)]
)
def test_mean_error_and_coverage_are_those_of_the_dense_solution(length, level, variance, width):
    """Covariance, contrast and noise estimated; over 40 fields, the error as made and as stated."""
    field = Field(36, length, level, variance, width)
    made, stated = [], []
    for seed in range(40):
        truth, values = field.draw(np.random.default_rng(seed))
        filled, sigma = wiener_fill(values, field.mask)
        made.append((filled - truth)[field.mask])
        stated.append(sigma[field.mask])
    made, stated = np.array(made), np.array(stated)
    assert (field.by_depth(made) < 1.25 * field.error).all()
    np.testing.assert_allclose(field.by_depth(stated), field.error, rtol=0.25)
    assert 0.58 < np.mean(np.abs(made) < stated) < 0.76
    assert 0.87 < np.mean(np.abs(made) < 2 * stated) < 0.98


def test_tiles_away_from_the_peak_know_no_inversion(monkeypatch):
    """The main box is centrosymmetric; a tile beside it is conditioned on its own voxels alone."""
    for name, size in (("MAX_SIDE", 48), ("TILE_CORE", 48), ("TILE_CONTEXT", 16)):
        monkeypatch.setattr(wiener, name, size)
    monkeypatch.setattr(posterior, "TOLERANCE", 1e-6)
    rough = gaussian_filter(np.random.default_rng(5).standard_normal((48, 144)), 1.2)
    fringes = 0.7 * rough / rough.std()
    fringes[:, 42:102] = (fringes[:, 42:102] + fringes[::-1, 101:41:-1]) / np.sqrt(2)
    values = (fringes + np.where(np.abs(np.arange(144) - 71.5) < 30, 12, 2)).clip(0).astype(np.float32)
    mask = plane(values.shape, 1, 78, 2) | plane(values.shape, 1, 120, 3)
    whole = linear_fill(np.where(mask, 0, values), mask)
    main, tile = wiener._main_box(whole), (slice(0, 48), slice(104, 139))
    model = fringe_model(local_model(whole[main], mask[main]))
    assert model.symmetry > 0.3
    assert model.twice_centre == (47, 143 - 2 * main[1].start)
    local = local_model(whole[tile], mask[tile])
    alone = Fringes(covariance=model.covariance, symmetry=0.0, twice_centre=model.twice_centre)
    hidden = mask[tile]
    means = [np.maximum(dense_mean(local, fringes), 0)[hidden] for fringes in (alone, model)]
    expected, inverted = (expectation_of_log(mean.astype(np.float32)) for mean in means)
    filled, _ = wiener_fill(values, mask)
    np.testing.assert_allclose(filled[tile][hidden], expected, atol=8e-3)
    assert np.abs(inverted - expected).max() > 0.1


def table_of(sigma):
    """The same standard error of the mean of `log(1 + N)` for every depth and brightness."""
    return ErrorTable(sigma=np.full((MAX_DEPTH, len(BRIGHTNESS) + 1), sigma, np.float32))


@pytest.mark.parametrize("rate", [0.1, 0.4, 5.0, 1000.0])
def test_sigma_is_that_of_the_expectation_not_of_the_mean_logarithm(monkeypatch, rate):
    """Of few photons the mean of `log(1 + N)` moves less than `log(1 + λ)`: the derivative of exact sums."""
    monkeypatch.setattr(wiener, "error_table", lambda *_: table_of(0.25))
    values = np.log1p(np.random.default_rng(1).poisson(rate, (40, 44))).astype(np.float32)
    mask = plane(values.shape, 0, 20, 3)
    filled, sigma = wiener_fill(values, mask)
    rates, counts = np.expm1(filled[mask].astype(np.float64)), np.arange(2000)
    assert 0.3 * rate < np.median(rates) < 3 * rate

    def mean(x):
        return poisson.pmf(counts, np.expm1(x)[:, None]) @ np.log1p(counts)

    x, step = np.log1p(rates), 1e-3
    slope = 2 * step / (mean(x + step) - mean(x - step))
    np.testing.assert_allclose(sigma[mask], 0.25 * slope, rtol=0.01)
    assert (np.median(slope) > 1.1) == (rate < 1)


def exact_variance(rate):
    counts = np.arange(2000)
    weights = poisson.pmf(counts, rate)
    return weights @ np.log1p(counts) ** 2 - (weights @ np.log1p(counts)) ** 2


@pytest.mark.parametrize("rate", [0.5, 4.0, 60.0])
def test_the_photon_noise_of_the_judge_is_no_error_of_the_filling(rate):
    """Of 1000 voxels of one kind: their squared error less the Poisson variance, no more."""
    counts, n = np.arange(2000), 1000
    mean = np.full(n, poisson.pmf(counts, rate) @ np.log1p(counts), np.float32)
    error = 0.3
    square = exact_variance(rate) + error**2
    truth = mean + np.sqrt(square).astype(np.float32) * np.resize([1, -1], n).astype(np.float32)
    table = error_table(mean, truth, np.full(n, 2), np.full(n, error**2, np.float32))
    np.testing.assert_allclose(table.look_up(np.full(n, 2), mean), error, rtol=2e-3)


def test_a_table_by_hand():
    """Two depths, three kinds of brightness, few voxels: each cell leans on 30 voxels of its column."""
    bright, brighter, brightest = 5.5, 7.0, 9.0  # the Poisson variance is 1/λ
    mean = np.array([bright] * 4 + [brighter] * 2 + [brightest], np.float32)
    depth = np.array([1, 1, 2, 2, 1, 40, 3])
    error = np.array([0.5, -0.5, 1.0, -1.0, 0.2, 0.6, 0.4], np.float32)
    prior = np.array([0.3] * 4 + [0.1] * 2 + [0.8], np.float32)
    table = error_table(mean, mean + error, depth, prior)
    excess = error**2 - np.exp(-mean)
    columns = {}
    for first, last in ((0, 4), (4, 6), (6, 7)):
        one, n = excess[first:last], last - first
        columns[first] = (one.sum() + prior[first]) / (n + 1)
    found = table.look_up(depth, mean) ** 2
    for cell, column in (([0, 1], 0), ([2, 3], 0), ([4], 4), ([5], 4), ([6], 6)):
        expected = (excess[cell].sum() + 30 * columns[column]) / (len(cell) + 30)
        np.testing.assert_allclose(found[cell], expected, rtol=2e-3)
    empty = table.look_up(np.array([7, 7]), np.array([bright, brighter], np.float32)) ** 2
    np.testing.assert_allclose(empty, [columns[0], columns[4]], rtol=2e-3)
    between, above = table.look_up(np.array([1, 1]), np.array([6.0, 9.0], np.float32)) ** 2
    assert between == pytest.approx(found[0], rel=1e-6)  # 5.5 and 6 are one column of the table
    assert above == pytest.approx(columns[6], rel=2e-3)
    assert table.sigma.shape == (MAX_DEPTH, len(BRIGHTNESS) + 1)
    dark = table.look_up(np.array([1]), np.array([0.0], np.float32)) ** 2
    assert dark == pytest.approx(columns[0], rel=2e-3)


def test_an_error_below_the_photon_noise_keeps_a_share_of_the_square():
    """Squares that chance makes smaller than the noise leave a fiftieth of themselves, never nothing."""
    n = 100_000
    mean = np.full(n, 2.0, np.float32)
    table = error_table(mean, mean + 0.1, np.ones(n, int), np.zeros(n, np.float32))
    np.testing.assert_allclose(table.look_up(np.array([1]), mean[:1]), 0.1 * np.sqrt(0.02), rtol=1e-2)


def test_a_pattern_too_small_for_a_second_gap_states_the_spread_of_its_fringes():
    table = calibration.constant_table(0.49)
    found = table.look_up(np.array([1, 5, 99]), np.array([0, 3, 20], np.float32))
    np.testing.assert_allclose(found, 0.7, rtol=1e-6)
    assert table.sigma.shape == (MAX_DEPTH, len(BRIGHTNESS) + 1)
