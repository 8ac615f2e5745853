import numpy as np
import pytest

from sayre.data import Pattern
from sayre.filling.fill import inpaint
from sayre.filling.wiener import posterior, wiener_fill
from sayre.filling.wiener.calibration import shifted_mask
from sayre.filling.wiener.spectrum import Fringes, Local, fringe_model, local_model
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.metrics import predictive_z
from sayre.numerics.poisson import expectation_of_log, slope_of_expectation, variance_of_log

NUGGET = 0.1


def plane(shape, axis, start, width):
    mask = np.zeros(shape, bool)
    np.moveaxis(mask, axis, 0)[start : start + width] = True
    return mask


def squared_exponential(n, length):
    distance = np.arange(n)[:, None] - np.arange(n)[None]
    return np.exp(-0.5 * (distance / length) ** 2)


def gaussian_field(n, length, rng):
    """Smooth field of unit variance and separable covariance, and the same with white noise, at log 10."""
    eigenvalues, vectors = np.linalg.eigh(squared_exponential(n, length))
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0))
    smooth = root @ rng.standard_normal((n, n)) @ root.T + 10
    return smooth, (smooth + np.sqrt(NUGGET) * rng.standard_normal((n, n))).astype(np.float32)


def fringes(shape, peak, rng, period=(7.0, 8.0, 9.0)):
    """Expectation and counts: separable sinusoidal fringes of the logarithm under a Gaussian envelope."""
    expected = np.full(shape, peak)
    for axis, (n, p) in enumerate(zip(shape, period, strict=False)):
        t = np.arange(n) - n // 2
        profile = np.exp(1.5 * np.cos(2 * np.pi * t / p) - 1.5 - 2 * (t / n) ** 2)
        expected = expected * profile.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return expected, rng.poisson(expected).astype(np.float32)


def test_poisson_moments_of_the_logarithm():
    rng = np.random.default_rng(0)
    for rate in (0.03, 0.7, 5.0, 80.0, 3e4):
        y = np.log1p(rng.poisson(rate, 400_000))
        x = np.log1p(np.float32(rate))
        assert variance_of_log(x) == pytest.approx(y.var(), rel=0.02)
        assert expectation_of_log(np.float32(y.mean())) == pytest.approx(x, rel=0.01)
    m, step = np.linspace(0.01, 9, 50, dtype=np.float32), 0.05
    numeric = (expectation_of_log(m + step) - expectation_of_log(m)) / step
    np.testing.assert_allclose(slope_of_expectation(m + step / 2), numeric, rtol=0.02)


def known_model(noisy, mask, rows):
    """The field's true mean, noise and covariance, with lags up to 12."""
    ones = np.ones_like(noisy)
    local = Local(
        envelope=10 * ones,
        contrast=ones,
        noise=NUGGET * ones,
        measured=(~mask).astype(np.float32),
        residual=np.where(mask, 0, noisy - 10).astype(np.float32),
    )
    covariance = np.outer(rows, rows).astype(np.float32)
    return local, Fringes(covariance=covariance, symmetry=0.0, twice_centre=(0, 0))


@pytest.mark.parametrize("mask_seed", [0, 1, 2])
def test_is_the_exact_conditional_expectation(monkeypatch, mask_seed):
    """Dense Gaussian conditioning on every measured voxel; then with covariance and centre estimated."""
    monkeypatch.setattr(posterior, "MISFIT", 0.0)
    monkeypatch.setattr(posterior, "TOLERANCE", 1e-5)
    n, length = 64, 1.5
    mask = plane((n, n), 0, 30, 2 + mask_seed) | (np.random.default_rng(mask_seed).random((n, n)) < 0.05)
    covariance = np.kron(squared_exponential(n, length), squared_exponential(n, length))
    m, a = np.flatnonzero(mask), np.flatnonzero(~mask)
    weights = np.linalg.solve(covariance[np.ix_(a, a)] + NUGGET * np.eye(len(a)), covariance[np.ix_(a, m)])
    exact, estimated = [], []
    for seed in range(6):
        smooth, noisy = gaussian_field(n, length, np.random.default_rng(seed))
        oracle = 10 + (noisy.ravel()[a] - 10) @ weights
        local, fringes = known_model(noisy, mask, squared_exponential(25, length)[12])
        ours = posterior.conditional_mean(local, fringes)[mask]
        np.testing.assert_allclose(ours, oracle, atol=5e-3)
        exact.append(np.mean((oracle - smooth[mask]) ** 2))
        filled = posterior.conditional_mean(local, fringe_model(local))[mask]
        estimated.append(np.mean((filled - smooth[mask]) ** 2))
    assert np.mean(estimated) < 1.1 * np.mean(exact)


def test_gaussian_field_error_bars():
    """Smooth field in noise: better than linear, and the stated error is the error."""
    ours, linear, z = [], [], []
    for seed in range(6):
        smooth, noisy = gaussian_field(96, 1.5, np.random.default_rng(seed))
        mask = plane(noisy.shape, 0, 40, 3)
        filled, sigma = wiener_fill(noisy, mask)
        ours.append(np.mean((filled - smooth)[mask] ** 2))
        linear.append(np.mean((linear_fill(noisy, mask) - smooth)[mask] ** 2))
        z.append((filled[mask] - noisy[mask]) / sigma[mask])
    assert np.mean(ours) < 0.85 * np.mean(linear)
    assert 0.85 < np.std(z) < 1.15
    assert 0.58 < np.mean(np.abs(z) < 1) < 0.78


@pytest.mark.parametrize(("axis", "width"), [(0, 3), (1, 6), (2, 6)])
def test_fringes_beat_linear_by_far(axis, width):
    expected, counts = fringes((64, 56, 60), 1e7, np.random.default_rng(0))
    mask = plane(counts.shape, axis, 37, width)
    truth, values = np.log1p(expected[mask]), np.log1p(counts)
    filled, sigma = wiener_fill(values, mask)
    error = np.mean((filled[mask] - truth) ** 2)
    assert error < 0.05 * np.mean((linear_fill(values, mask)[mask] - truth) ** 2)
    assert (sigma[~mask] == 0).all()
    assert (sigma[mask] > 0).all()


def crystal(shape, peak, rng):
    """Expectation and counts of a tetrahedron-like block with a bent lattice, voxels and one FFT."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, 11),) * 3, indexing="ij")
    inside = (z + y < 0.9) & (x - y < 1.1) & (z + x > -1.2) & (abs(y) < 0.9)
    bent = inside * np.exp(1j * (0.9 * z**2 + 0.7 * x * y + 0.6 * x**3))
    expected = np.abs(np.fft.fftshift(np.fft.fftn(bent, shape, axes=(0, 1, 2)))) ** 2
    expected *= peak / expected.max()
    return expected, rng.poisson(expected).astype(np.float32)


def test_cross_and_its_error_bars():
    rng = np.random.default_rng(1)
    expected, counts = crystal((48, 64, 64), 1e6, rng)
    mask = plane(counts.shape, 1, 38, 6) | plane(counts.shape, 2, 38, 6)
    steps = []
    filled, sigma = wiener_fill(np.log1p(counts), mask, progress=steps.append)
    z = predictive_z(np.expm1(filled[mask]), sigma[mask], counts[mask], rng)
    assert 0.8 < z.std() < 1.25
    crossing = plane(counts.shape, 1, 38, 6) & plane(counts.shape, 2, 38, 6)
    linear = linear_fill(np.log1p(counts), mask)
    for where, ratio in ((mask, 0.7), (crossing, 0.85)):
        truth = np.log1p(expected[where])
        assert np.mean((filled[where] - truth) ** 2) < ratio * np.mean((linear[where] - truth) ** 2)
    assert steps == sorted(steps)
    assert steps[-1] == 1


def test_inversion_symmetry_is_found_and_used():
    """A centrosymmetric random field: half of it is known from the other half."""
    rng = np.random.default_rng(2)
    smooth, _ = gaussian_field(65, 1.2, rng)
    centred = 10 + (smooth - 10 + (smooth - 10)[::-1, ::-1]) / np.sqrt(2)
    noisy = (centred + 0.1 * rng.standard_normal(centred.shape)).astype(np.float32)
    mask = plane(noisy.shape, 0, 44, 6)
    model = fringe_model(local_model(linear_fill(noisy, mask), mask))
    assert model.twice_centre == (64, 64)
    assert model.symmetry > 0.7
    filled, _ = wiener_fill(noisy, mask)
    asymmetric = fringe_model(local_model(smooth.astype(np.float32), np.zeros_like(mask)))
    assert asymmetric.symmetry < 0.5
    assert np.mean((filled - centred)[mask] ** 2) < 0.35 * centred[mask].var()


def test_covariance_is_that_of_the_field_between_gaps():
    rng = np.random.default_rng(3)
    smooth, noisy = gaussian_field(128, 2.0, rng)
    mask = plane(noisy.shape, 0, 40, 4) | (rng.random(noisy.shape) < 0.1)
    local, _ = known_model(noisy, mask, np.ones(3))
    model = fringe_model(local)
    centre = model.covariance.shape[0] // 2
    sample = [np.mean((smooth - 10)[k:] * (smooth - 10)[: 128 - k]) for k in range(5)]
    np.testing.assert_allclose(model.covariance[centre : centre + 5, centre], sample, atol=0.12)


@pytest.mark.slow
def test_long_arrays_are_filled_in_boxes(monkeypatch):
    expected, counts = fringes((32, 110, 48), 1e7, np.random.default_rng(4))
    mask = plane(counts.shape, 2, 30, 4) | plane(counts.shape, 1, 5, 4)
    values, truth = np.log1p(counts), np.log1p(expected)
    whole = wiener_fill(values, mask)[0]
    monkeypatch.setattr("sayre.filling.wiener.MAX_SIDE", 64)
    monkeypatch.setattr("sayre.filling.wiener.TILE_CORE", 32)
    boxes, sigma = wiener_fill(values, mask)
    assert (sigma[mask] > 0).all()
    errors = [np.mean((a - truth)[mask] ** 2) for a in (boxes, whole, linear_fill(values, mask))]
    assert errors[0] < 2 * errors[1]
    assert errors[0] < 0.7 * errors[2]


def test_box_without_a_measured_voxel(monkeypatch):
    monkeypatch.setattr("sayre.filling.wiener.MAX_SIDE", 8)
    values = np.full((30, 30), 3, np.float32)
    mask = np.zeros(values.shape, bool)
    mask[5:25, 5:25] = True
    filled, sigma = wiener_fill(values, mask)
    np.testing.assert_allclose(filled[mask], expectation_of_log(np.float32(3)), atol=1e-3)
    assert np.isfinite(sigma).all()


def test_shifted_mask_has_the_gaps_shape():
    values = np.zeros((20, 40, 40), np.float32)
    values[:, 30, 30] = 1
    mask = plane(values.shape, 1, 10, 6)
    moved = shifted_mask(values, mask)
    np.testing.assert_array_equal(moved, plane(values.shape, 1, 20, 6))


@pytest.mark.measured
@pytest.mark.parametrize(("axis", "offset"), [(1, 4), (2, 12)])
def test_measured_pattern(measured, axis, offset):
    """Gaps cut near the peak of a measured pattern; the stated error holds against its noisy counts."""
    counts = measured("A")["intensity"].astype(np.float32)
    peak = np.unravel_index(int(counts.argmax()), counts.shape)
    counts = counts[tuple(slice(c - 40, c + 40) for c in peak)]
    mask = plane(counts.shape, axis, 40 + offset, 6)
    values = np.log1p(counts)
    filled, sigma = wiener_fill(np.where(mask, np.float32(0), values), mask)
    errors = [np.mean((a - values)[mask] ** 2) for a in (filled, linear_fill(values, mask))]
    assert errors[0] < 0.75 * errors[1]
    z = predictive_z(np.expm1(filled[mask]), sigma[mask], counts[mask], np.random.default_rng(0))
    assert 0.85 < z.std() < 1.15


def test_a_single_measured_voxel_tells_nothing_of_the_scatter():
    counts, mask = np.zeros((7, 7, 7), np.float32), np.ones((7, 7, 7), bool)
    mask[3, 3, 3], counts[3, 3, 3] = False, 5
    filled, sigma = wiener_fill(np.log1p(counts), mask)
    assert (sigma[mask] >= np.abs(filled[mask])).all()


@pytest.mark.filterwarnings("ignore:.*wider than the network")
@pytest.mark.parametrize("count", [2, 3, 29])
def test_few_measured_voxels_tell_little_of_the_scatter(count):
    """Counts that differ hardly: the error covers any of the same order."""
    counts, mask = np.zeros((6, 7, 8), np.float32), np.ones((6, 7, 8), bool)
    mask.flat[:count], counts.flat[:count] = False, 50 + np.arange(count) % 2
    for method in ("wiener", "stack"):
        filled = inpaint(Pattern.from_counts(counts, mask), method=method)
        assert filled.sigma[mask].min() > 0.9 * np.log1p(50) / np.sqrt(count)


@pytest.mark.parametrize("value", [0, 1, 50])
def test_counts_that_are_all_the_same_have_the_error_of_their_mean(value):
    counts, mask = np.full((12, 12, 12), value, np.float32), np.zeros((12, 12, 12), bool)
    mask[:, :, 5:7] = True
    sigma = inpaint(Pattern.from_counts(counts, mask), method="wiener").sigma[mask]
    known = np.count_nonzero(~mask)
    assert sigma.min() >= 0.99 * np.sqrt(max(value * known, 1)) / (known * (1 + value))
    assert sigma.max() < 0.1
