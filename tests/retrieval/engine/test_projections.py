"""Kernels, bounds and algorithms compared with plain NumPy in double precision."""

import numpy as np
import pytest
import torch

from noise import counts_of_test
from sayre.data import FilledPattern, Grid, Pattern
from sayre.errors import InputError
from sayre.retrieval.engine.algorithms import CF, DM, ER, GPS, HIO, ML, RAAR, State
from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.bounds import Bounds, amplitude_bounds
from sayre.retrieval.engine.modulus import Modulus
from sayre.retrieval.settings import Settings


def complex_normal(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def projected(x, lower, upper):
    """Project on the amplitude bounds by NumPy; arrays have their origin at index 0."""
    field = np.fft.fftn(x.astype(np.complex128), axes=range(1, x.ndim))
    modulus = np.abs(field)
    return np.fft.ifftn(field / modulus * np.clip(modulus, lower, upper), axes=range(1, x.ndim))


@pytest.fixture(params=["whole", "passes"], autouse=True)
def way(request, monkeypatch):
    """Transform these small arrays whole, as by default, or in passes."""
    if request.param == "passes":
        monkeypatch.setattr(fourier, "LARGE", 0)
        monkeypatch.setattr(kernels, "BLOCK", 5000 if "crystal" in request.fixturenames else 100)


@pytest.fixture
def problem():
    rng = np.random.default_rng(1)
    shape = (6, 7, 8)
    lower = rng.uniform(0, 20, shape).astype(np.float32)
    upper = (lower + rng.choice([0, 1, np.inf], shape)).astype(np.float32)
    counts = (lower**2).astype(np.float32)
    bounds = Bounds(lower=lower, upper=upper, counts=counts, weight=np.ones(shape, np.uint8))
    x, support = complex_normal(rng, (2, *shape)), rng.random((2, *shape)) < 0.3
    corner = (np.fft.ifftshift(a) for a in (lower, upper))
    return bounds, x, support, *corner


def state_of(x, support):
    return State(
        x=torch.from_numpy(x.copy()),
        p=torch.empty(x.shape, dtype=torch.complex64),
        support=torch.tensor(support),
    )


def test_kernels(monkeypatch, problem):
    _, x, support, lower, upper = problem
    monkeypatch.setattr(kernels, "BLOCK", 17)
    np.testing.assert_allclose(kernels.intensity(torch.tensor(x)), np.abs(x) ** 2, rtol=1e-5)
    modulus = np.abs(x)
    modulus[0, 0, 0, 0] = 0
    factors = kernels.clamping(torch.tensor(modulus), torch.tensor(lower), torch.tensor(upper))
    clipped = np.clip(modulus, lower, upper) * (modulus > 0)
    np.testing.assert_allclose(factors.numpy() * modulus, clipped, rtol=1e-5)
    assert torch.isfinite(factors).all()
    relaxed, p = torch.from_numpy(x.copy()), torch.from_numpy(x[::-1].copy())
    kernels.relax(relaxed, p, torch.tensor(support), 0.7, -0.4)
    np.testing.assert_allclose(relaxed, np.where(support, x[::-1], 0.7 * x - 0.4 * x[::-1]), atol=1e-5)


def formulas(x, support, project):
    """Do one step of each algorithm as its paper writes it, in terms of projections."""
    inside, p = lambda a: a * support, project(x)
    reflect_m = 2 * p - x
    b = 0.8
    f_m, f_s = p + (p - x) / b, inside(x) - (inside(x) - x) / b
    return {
        ER(): inside(p),
        HIO(0.8): inside(p) + (1 - support) * (x - 0.8 * p),
        RAAR(0.8): 0.8 / 2 * (2 * inside(reflect_m) - reflect_m + x) + 0.2 * p,
        CF(): 2 * inside(p) - p,
        DM(0.8): x + b * (inside(f_m) - project(f_s)),
        DM(2.0): x + 2 * (inside(p + (p - x) / 2) - project(inside(x) - (inside(x) - x) / 2)),
        DM(1.0): x + inside(2 * p - x) - project(inside(x) - (inside(x) - x)),
        GPS(1.0, 0.9, 0.01): (project(x) + 0.01 * x) / 1.01,
    }


def test_one_step_of_each_algorithm(problem):
    bounds, x, support, lower, upper = problem
    for algorithm, expected in formulas(x, support, lambda a: projected(a, lower, upper)).items():
        state = state_of(x, support)
        algorithm.step(state, Modulus(bounds, 2, torch.device("cpu")))
        np.testing.assert_allclose(state.x, expected, atol=2e-5, err_msg=str(algorithm))


@pytest.mark.parametrize("algorithm", [ER(ceiling=0.8), HIO(beta=0.7, ceiling=0.8)])
def test_steps_under_a_ceiling(problem, algorithm):
    """With P the projection on the support and below 0.8 plateau amplitudes, HIO is `x − β (p − P p)`."""
    bounds, x, support, lower, upper = problem
    p = projected(x, lower, upper)
    squares = (np.abs(p) ** 2 * support).reshape(2, -1)
    ceilings = 0.8 * np.sqrt((squares**2).sum(1) / squares.sum(1)).reshape(2, 1, 1, 1)
    below = support * p * np.minimum(1, ceilings / np.abs(p))
    allowed = support & (np.abs(p) <= ceilings)
    expected = below if isinstance(algorithm, ER) else np.where(allowed, p, x - 0.7 * (p - below))
    state, modulus = state_of(x, support), Modulus(bounds, 2, torch.device("cpu"))
    algorithm.step(state, modulus)
    np.testing.assert_allclose(state.x, expected, atol=2e-5)
    assert 0 < allowed.sum() < support.sum()
    inside = state.extra["inside"]
    np.testing.assert_array_equal(inside, np.flatnonzero(support))
    algorithm.step(state, modulus)
    assert state.extra["inside"] is inside


def test_gps_keeps_its_dual_variable_between_steps(problem):
    bounds, x, support, lower, upper = problem
    state, modulus = state_of(x, support), Modulus(bounds, 2, torch.device("cpu"))
    y, now = np.zeros_like(x), x
    for _ in range(3):
        GPS(0.7, 0.6, 0.1).step(state, modulus)
        w = now - 0.7 * y
        new = (0.1 * w + 0.7 * projected(w, lower, upper)) / 0.8
        y = (1 - support) * (y + 0.6 * (2 * new - now))
        now = new
    np.testing.assert_allclose(state.x, now, atol=5e-5)


@pytest.mark.parametrize("make", [ER, HIO, RAAR, CF, DM, lambda: DM(1.0), GPS, ML])
def test_the_truth_is_a_fixed_point(crystal, make):
    algorithm = make()  # not at collection, where mutation testing cannot break it
    obj, amplitude, _ = crystal
    modulus_of = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))).astype(np.float32)
    counts = modulus_of**2
    bounds = Bounds(lower=modulus_of, upper=modulus_of, counts=counts, weight=np.ones(counts.shape, np.uint8))
    truth = np.fft.ifftshift(obj)[None]
    state = state_of(truth, truth != 0)
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    for _ in range(3):
        algorithm.step(state, modulus)
    np.testing.assert_allclose(algorithm.solution(state, modulus), truth, atol=3e-4 * np.abs(obj).max())
    assert float(modulus.fit_quality(state.x).residual[0]) < 1e-4
    assert np.allclose(np.abs(amplitude), modulus_of, rtol=1e-3, atol=1e-2)


def test_likelihood_descends_along_its_gradient(crystal):
    """The direction of the first ML step is minus the finite-difference gradient of the deviance."""
    _, _, counts = crystal
    counts = counts + 1
    shape = counts.shape
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones(shape, np.uint8))
    rng = np.random.default_rng(2)
    start = complex_normal(rng, (1, *shape)) * 5
    exact = start.astype(np.complex128)
    support = np.ones((1, *shape), bool)

    def deviance(x):
        intensity = np.abs(np.fft.fftn(x[0].astype(np.complex128))) ** 2
        n = np.fft.ifftshift(counts)
        return float(np.sum(intensity - n * np.log(intensity)))

    state = state_of(start, support)
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    ML().step(state, modulus)
    gradient = state.extra["g"].numpy()
    for _ in range(3):
        direction = complex_normal(rng, (1, *shape))
        step = 1e-4
        numeric = (deviance(exact + step * direction) - deviance(exact - step * direction)) / (2 * step)
        # d/dx* of a real function: its differential is 2 Re⟨g, dx⟩; ifftn divides by the voxels
        analytic = 2 * np.real(np.vdot(gradient, direction)) * counts.size
        assert numeric == pytest.approx(analytic, rel=2e-3)
    assert deviance(state.x.numpy()) < deviance(start)


def test_maximum_likelihood_beats_projections_on_noise(crystal):
    """Starting near the true object, maximum likelihood ends nearer to it than projections do."""
    obj, _, _ = crystal
    weak = obj * np.float32(0.03)
    expected = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(weak)))) ** 2
    counts = counts_of_test(np.random.default_rng(3).poisson(expected).astype(np.float32))
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones(counts.shape, np.uint8))
    truth = np.fft.ifftshift(weak)[None]
    errors = {}
    for algorithm in (ER(), ML()):
        state, modulus = state_of(truth, truth != 0), Modulus(bounds, 1, torch.device("cpu"))
        for _ in range(30):
            algorithm.step(state, modulus)
        errors[algorithm] = np.linalg.norm(algorithm.solution(state, modulus).numpy() - truth)
    assert errors[ML()] < 0.9 * errors[ER()]


def filled_pattern():
    counts = np.array([[100.0, 0, 9], [4, 0, 25], [16, 36, 49]], np.float32)
    mask = np.zeros((3, 3), bool)
    mask[:2, 1] = True
    pattern = Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0, 1.0)))
    estimate, sigma = counts.copy(), np.zeros_like(counts)
    estimate[mask], sigma[mask] = [7, 3], [0.5, 0.1]
    return FilledPattern(pattern=pattern, intensity=estimate, sigma=sigma, method="wiener")


def test_bounds_of_every_case():
    filled = filled_pattern()
    mask = filled.pattern.mask
    free = amplitude_bounds(filled, Settings(gaps="free", free=0))
    np.testing.assert_array_equal(free.lower[~mask], np.sqrt(filled.pattern.intensity[~mask]))
    np.testing.assert_array_equal(free.upper[~mask], free.lower[~mask])
    assert (free.lower[mask] == 0).all()
    assert np.isinf(free.upper[mask]).all()
    assert (free.weight == np.where(mask, 0, 1)).all()
    zero = amplitude_bounds(filled, Settings(gaps="zero", free=0))
    assert (zero.upper[mask] == 0).all()
    bounded = amplitude_bounds(filled, Settings(sigmas=1.0, free=0))
    np.testing.assert_allclose(bounded.lower[0, 1] ** 2, 8 * np.exp(-0.5) - 1, rtol=1e-5)
    np.testing.assert_allclose(bounded.upper[1, 1] ** 2, 4 * np.exp(0.1) - 1, rtol=1e-5)
    interval = amplitude_bounds(filled, Settings(confidence=0.675, free=0))
    np.testing.assert_allclose(interval.upper[0, 0] ** 2, 100 + 0.675 * 101**0.5, rtol=1e-5)
    assert np.isinf(amplitude_bounds(filled.pattern, Settings(free=0)).upper[mask]).all()
    with pytest.raises(InputError, match="bounded, free, zero"):
        amplitude_bounds(filled, Settings(gaps="nothing"))


def test_free_voxels_are_few_dark_and_always_the_same(pattern):
    a, b = (amplitude_bounds(pattern, Settings(free=0.05, seed=4)) for _ in range(2))
    np.testing.assert_array_equal(a.weight, b.weight)
    free = a.weight == 2
    assert 0.03 < free.mean() < 0.07
    assert pattern.intensity[free].max() < 0.05 * pattern.intensity.max()
    assert np.isinf(a.upper[free]).all()
